"""The mode *explain*: a quote of the book, the student's words if borne out, or a model's.

A connected model words the answer from numbered passages (``guide``). Else the student, where the
exam says that it is worth it, and only what the reviewed corpus bears out (``check``). Else, and
wherever that fails, the book speaks: one contiguous quote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.language import rules
from engine.quotes import Candidates, Quote, Verdict, quotes_of, speaks
from engine.schema import Language
from engine.tutor.answers import Turn, answer_stream, sources_of
from engine.tutor.check import same_question, supporting_pair
from engine.tutor.conversation import Conversation, Material
from engine.tutor.followup import Meant
from engine.tutor.guide import explained

_OFFERED = 4


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
        said = explained(talk.said, meant.question, quotes, at.guide, at.language, on_text)
    elif at.chat is not None and not meant.follows and sure == "covered":
        said = _by_student(meant.question, quotes, found, at, on_text)
    else:
        said = _from_book(talk, meant, quotes, sure, at.language)
        on_text(said.answer)
    reminded = remind(said, at)
    on_text(reminded.answer[len(said.answer) :])
    topic = talk.topic if meant.follows and meant.move else meant.question
    shown = (*(talk.shown if meant.follows else ()), *(s.quote for s in said.sources[:1]))
    told = (*talk.said, reminded.answer)
    after = talk.model_copy(update={"topic": topic, "shown": shown, "said": told})
    return after.closed(), reminded


def _from_book(
    talk: Conversation, meant: Meant, quotes: Sequence[Quote], sure: Verdict, language: Language
) -> Turn:
    """The book's own quote; for a follow-up one that was not given yet."""
    texts = rules(language).says("tutor")
    if meant.move == "shorter":
        quote = quotes[0]
        return Turn(answer=quote.focus, sources=sources_of([quote]), model="book")
    fresh = [q for q in quotes if q.text not in talk.shown] if meant.follows else list(quotes)
    if meant.move == "example":
        fresh.sort(key=lambda q: not ("```" in q.shown or speaks("example", q.text, language)))
    if not fresh:
        quote, opening = quotes[0], texts["no_more"]
    else:
        quote = fresh[0]
        opening = texts["again"] if meant.move else ""
    doubtful = sure != "covered" and not meant.move
    opening = texts["nearest"] if doubtful else opening
    rest = [q for q in quotes if q is not quote]
    return Turn(
        answer=f"{opening}\n\n{quote.shown}".strip(),
        sources=sources_of([quote, *rest[:2]]),
        focus=quote.focus,
        nearest=doubtful,
        model="book",
    )


def _by_student(
    question: str,
    quotes: Sequence[Quote],
    found: Candidates,
    at: Material,
    on_text: Callable[[str], None],
) -> Turn:
    """The student's answer if the corpus bears it out, else the corpus's answer or the book's."""
    assert at.chat is not None
    stream = answer_stream(
        question, found.hits, at.chat, at.language, use_book=at.use_book, prompt=at.prompt
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
