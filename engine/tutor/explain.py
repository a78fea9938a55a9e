"""The mode *explain*: a quote of the book, the student's words if borne out, or a model's.

A connected model words the answer from numbered passages (``guide``). Else the student, where the
exam says that it is worth it, and only what the reviewed corpus bears out (``check``). Else, and
wherever that fails, the book speaks: one contiguous quote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.language import rules
from engine.prompts import start_prompt
from engine.quotes import Candidates, Quote, Verdict, asked, onward, quotes_of, speaks
from engine.quotes.lexicon import lexicon_of
from engine.tutor.answers import SHOWN, Turn, answer_stream, sources_of
from engine.tutor.check import same_question, supporting_pair
from engine.tutor.conversation import Conversation, Material
from engine.tutor.followup import Meant
from engine.tutor.guide import explained

_OFFERED = 4
_ALSO = 2
_NEAR = 1.5
"""So many other places at most, of a score (logits) so near the first's, are named below a quote.
On the look halves the first quote holds the answer for .68 of the English and .52 of the Chinese
questions (n = 44, 42), with a sentence of such places for .75 and .62."""
_FAR = 3.0
_SAME = 0.5
"""Another place is on the same matter if its score (logits) is at most so far below the best
quote's, or if it holds this share of the topic's words, by rarity."""


def explain(
    talk: Conversation,
    meant: Meant,
    found: Candidates,
    sure: Verdict,
    at: Material,
    on_text: Callable[[str], None],
) -> tuple[Conversation, Turn]:
    """Answer the question, or go on with the talk's topic as ``meant`` says."""
    quotes = quotes_of(found, at.index, _OFFERED)
    if at.guide is not None:
        manner = _manner(at)
        said = explained(talk.said, meant.question, quotes, at.guide, at.language, on_text, manner)
    elif at.chat is not None and not meant.follows and sure == "covered":
        said = _by_student(meant.question, quotes, at, on_text)
    else:
        said = _from_book(talk, meant, quotes, sure, at)
        on_text(said.answer)
    reminded = remind(said, at)
    on_text(reminded.answer[len(said.answer) :])
    topic = talk.topic if meant.follows and meant.move else meant.question
    shown = (*(talk.shown if meant.follows else ()), *(s.quote for s in said.sources[:1]))
    told = (*talk.said, reminded.answer)
    after = talk.model_copy(update={"topic": topic, "shown": shown, "said": told})
    return after.closed(), reminded


def _manner(at: Material) -> str:
    """The instructions of the prompt that was chosen for the course; none while it is the start."""
    chosen = at.prompt is not None and at.prompt != start_prompt(at.language)
    return at.prompt.style if chosen and at.prompt else ""


def _from_book(
    talk: Conversation, meant: Meant, quotes: Sequence[Quote], sure: Verdict, at: Material
) -> Turn:
    """The book's own quote; who wants more of a topic gets another, or what stands next."""
    texts = rules(at.language).says("tutor")
    if meant.move == "shorter":
        quote = quotes[0]
        return Turn(answer=quote.focus, sources=sources_of([quote]), model="book")
    quote, opening = quotes[0], ""
    if meant.move and talk.shown:
        further = _further(talk, meant, quotes, at)
        quote, opening = further or quote, texts["again" if further else "no_more"]
    doubtful = sure != "covered" and not meant.move
    opening = texts["nearest"] if doubtful else opening
    rest = [q for q in quotes if q.text != quote.text]
    also = "" if meant.move else _also(quote, rest, at)
    return Turn(
        answer=f"{opening}\n\n{quote.shown}\n\n{also}".strip(),
        sources=sources_of([quote, *rest[:2]]),
        focus=quote.focus,
        nearest=doubtful,
        model="book",
    )


def _also(quote: Quote, others: Sequence[Quote], at: Material) -> str:
    """One sentence of each other place that may be it as well, with its page."""
    texts = rules(at.language).says("tutor")
    near = [other for other in others if other.score >= quote.score - _NEAR]
    told = {other.focus: other for other in near if _says(other.focus, quote)}
    if not told:
        return ""
    lines = []
    for sentence, other in [*told.items()][:_ALSO]:
        page = texts["page"].format(n=other.page) if other.page else ""
        place = texts["place"].format(title=other.title, page=page)
        lines.append(texts["also_line"].format(sentence=" ".join(sentence.split()), place=place))
    return "\n".join([texts["also"], "", *lines])


def _says(sentence: str, quote: Quote) -> bool:
    """Whether a sentence says something beside the quote, and does not only announce it."""
    return bool(sentence) and sentence not in quote.text and not sentence.endswith((":", "："))


def _further(
    talk: Conversation, meant: Meant, quotes: Sequence[Quote], at: Material
) -> Quote | None:
    """A quote not given yet: of another place on the same matter, else what stands next."""
    subject, lexicon = asked(talk.topic, at.index.language), lexicon_of(at.index)

    def same(quote: Quote) -> bool:
        held = frozenset(lexicon.terms_of(f"{quote.title}\n{quote.text}"))
        near = quote.score >= quotes[0].score - _FAR
        return near or lexicon.cover(subject, held) >= _SAME

    fresh = [q for q in quotes if q.text not in talk.shown and same(q)]
    if meant.move == "example":
        fresh.sort(key=lambda q: not ("```" in q.shown or speaks("example", q.text, at.language)))
    return fresh[0] if fresh else onward(talk.shown[-1], at.index)


def _by_student(
    question: str,
    quotes: Sequence[Quote],
    at: Material,
    on_text: Callable[[str], None],
) -> Turn:
    """The student's answer if the corpus bears it out, else the corpus's answer or the book's."""
    assert at.chat is not None
    shown = [quote.text for quote in quotes[:SHOWN]]
    stream = answer_stream(
        question, shown, at.chat, at.language, use_book=at.use_book, prompt=at.prompt
    )
    words = "".join(stream).strip()
    sources = sources_of(quotes[:3])
    if supporting_pair(question, words, at.pairs) is not None:
        said = Turn(answer=words, sources=sources, model=at.chat.model)
    else:
        known = same_question(question, at.pairs)
        answer = known.answer if known else quotes[0].shown
        said = Turn(answer=answer, sources=sources, model="book", withheld=words)
    on_text(said.answer)
    return said


def remind(said: Turn, at: Material) -> Turn:
    """Name one concept that the answer's source touches and on which the learner is not firm."""
    near = " ".join(f"{s.title} {s.quote}" for s in said.sources[:1]).lower()
    for concept, title in at.weak.items():
        if concept.lower() in near:
            text = rules(at.language).says("tutor")["weak"].format(concept=concept, title=title)
            return said.model_copy(update={"answer": f"{said.answer}\n\n{text}"})
    return said
