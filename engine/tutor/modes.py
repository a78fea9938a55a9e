"""The tutor's modes as moves over the book's material: a state and a message in, both out again.

*Explain* (``explain.py``) answers. *Hint
first* says where to look, then shows the sentence with gaps, then answers (the order of help in
Aleven et al., Help Seeking and the Cognitive Tutor, 2016: least help first). *Socratic* asks
questions of the course that lead to the learner's own, marks the replies, and lets the learner
answer before it does. *Viewpoints* shows what the book says from several sides: what it is, why,
how, against what. A connected model (``guide``) words the moves; else the book does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.duplicates import similar
from engine.embeddings import embed
from engine.language import rules
from engine.levels import PARTLY
from engine.quotes import Candidates, Quote, candidates, quotes_of, verdict
from engine.schema import Evidence, Language, Pair, PairKind
from engine.text import question_words, search_terms, words
from engine.tutor.answers import Turn, refusal, sentences_of, sources_of
from engine.tutor.conversation import Conversation, Material
from engine.tutor.explain import explain, remind
from engine.tutor.followup import Meant, understood
from engine.tutor.guide import guided
from engine.tutor.replies import is_right, mark

_LEADS = 2
_QUOTES = 4
_GAPS = 3
_FACETS: tuple[PairKind, ...] = ("definition", "cause", "comparison", "procedure", "enumeration")
_NEAR = 0.84


def turn(
    talk: Conversation, message: str, at: Material, on_text: Callable[[str], None] = lambda _: None
) -> tuple[Conversation, Turn]:
    """One turn: a new question, or the reply to the tutor's last move.

    Args:
        talk: The state that the last turn returned; its ``mode`` may have been changed.
        message: What the learner wrote; empty asks for the next help.
        at: What the tutor has at hand.
        on_text: Called with each piece of the answer as it is made.
    """
    replying = talk.open and talk.mode != "explain"
    meant = Meant(question=talk.question) if replying else understood(message, talk, at.language)
    found = candidates(meant.question, at.index)
    sure = verdict(found, at.index) if not (replying or meant.move) else "covered"
    if sure == "absent" or not found.at:
        said = Turn(answer=refusal(at.language), refused=True)
        on_text(said.answer)
        return talk.closed(), said
    talk = talk.model_copy(update={"said": (*talk.said, message)})
    if talk.mode == "explain":
        return explain(talk, meant, found, sure, at, on_text)
    if not replying:
        talk = talk.model_copy(update={"question": meant.question, "topic": meant.question})
    quotes = quotes_of(found, at.index, _QUOTES)
    if at.guide is not None:
        return _guided(talk, found, quotes, at, on_text)
    move = {"hint": _hint, "socratic": _socratic, "viewpoints": _viewpoints}[talk.mode]
    after, said = move(talk, message, Found(found, tuple(quotes)), at)
    said = remind(said, at) if talk.step == 0 else said
    on_text(said.answer)
    return _noted(after, said), said


@dataclass(frozen=True)
class Found:
    """What a move is made of: the search's result, and the quotes of it."""

    candidates: Candidates
    quotes: tuple[Quote, ...]


def _noted(talk: Conversation, said: Turn) -> Conversation:
    after = talk.model_copy(update={"said": (*talk.said, said.answer)})
    return after if talk.open else after.closed()


def _done(talk: Conversation) -> Conversation:
    """The talk after its question was answered; what it was about is kept."""
    return talk.model_copy(update={"question": ""})


# ---------------------------------------------------------------------- hint first


def _hint(talk: Conversation, message: str, book: Found, at: Material) -> tuple[Conversation, Turn]:
    texts = rules(at.language).says("tutor")
    sources = sentences_of(book.quotes)
    best = sources[0]
    if talk.step == 0:
        focus = _focus(talk.question, at.language)
        text = texts["where"].format(place=_place(best, texts), focus=focus)
        return _on(talk), Turn(answer=text, model="book")
    praise = ""
    if message.strip():
        found = mark(talk.question, best.quote, message, language=at.language)
        if is_right(found):
            return _done(talk), _closing(texts["right"], talk, book, at, sources)
        praise = texts["partly" if (found.score or 0) >= PARTLY else "not_yet"] + " "
    if talk.step == 1:
        text = praise + texts["gaps"].format(quote=gapped(best.quote, talk.question, at.language))
        return _on(talk), Turn(answer=text, model="book")
    return _done(talk), _closing(praise + texts["answer"], talk, book, at, sources)


def _on(talk: Conversation) -> Conversation:
    return talk.model_copy(update={"step": talk.step + 1})


def _closing(
    opening: str,
    talk: Conversation,
    book: Found,
    at: Material,
    sources: tuple[Evidence, ...],
) -> Turn:
    """The answer at last: the book's quote, which nobody has to check."""
    answer = book.quotes[0].shown
    return Turn(answer=f"{opening}\n\n{answer}", sources=sources_of(book.quotes), model="book")


def _focus(question: str, language: Language) -> str:
    """The words of the question that say what it is about."""
    asking, own = question_words(), rules(language)
    if own.spaced:
        kept = [w for w in words(question) if search_terms(w, language)[0] not in asking]
    else:
        terms = [t for t in search_terms(question, language) if t not in asking and len(t) > 1]
        kept = list(dict.fromkeys(terms[: own.sizes.focus]))
    return own.focus_mark.join(kept[: own.sizes.focus]) or question


def _place(source: Evidence, texts: Mapping[str, str]) -> str:
    page = texts["page"].format(n=source.page) if source.page else ""
    return texts["place"].format(title=source.title, page=page)


def gapped(quote: str, question: str, language: Language) -> str:
    """The quote with its longest words that the question does not give away left out.

    In Chinese a word is one of jieba's; at most three gaps, never all of the sentence.
    """
    given = set(search_terms(question, language)) | question_words()
    spaced = rules(language).spaced
    terms = words(quote) if spaced else [t for t in search_terms(quote) if len(t) > 1]
    free = [t for t in dict.fromkeys(terms) if not given & set(search_terms(t, language))]
    free = [term for term in free if len(term) > 1]
    chosen = sorted(free, key=len, reverse=True)[: min(_GAPS, max(1, len(free) // 2))]
    for term in chosen:
        quote = _blank(quote, term, whole=spaced or term.isascii())
    return quote


def _blank(quote: str, term: str, *, whole: bool) -> str:
    """The quote without the term; ``whole``: only where it is a word by itself."""
    edge = r"\b" if whole else ""
    return re.sub(f"{edge}{re.escape(term)}{edge}", "____", quote, flags=re.IGNORECASE)


# ---------------------------------------------------------------------- socratic


def _socratic(
    talk: Conversation, message: str, book: Found, at: Material
) -> tuple[Conversation, Turn]:
    texts = rules(at.language).says("tutor")
    sources = sentences_of(book.quotes)
    if talk.step == 0:
        talk = talk.model_copy(update={"leads": leads(talk.question, book.quotes, sources, at)})
        return _on(talk), Turn(answer=texts["before"] + " " + _asked(talk, 0, texts), model="book")
    asked = talk.step - 1
    question, expected = (
        talk.leads[asked] if asked < len(talk.leads) else (talk.question, sources[0].quote)
    )
    said = _verdict(question, expected, message, texts, at.language)
    if asked >= len(talk.leads):
        return _done(talk), _closing(f"{said} {texts['book']}", talk, book, at, sources)
    return _on(talk), Turn(answer=f"{said}\n\n{_asked(talk, talk.step, texts)}", model="book")


def _asked(talk: Conversation, number: int, texts: Mapping[str, str]) -> str:
    """The guiding question of this number; after the last one the learner's own."""
    if number < len(talk.leads):
        return talk.leads[number][0]
    return texts["together"].format(question=talk.question)


def _verdict(
    question: str, expected: str, reply: str, texts: Mapping[str, str], language: Language
) -> str:
    if not reply.strip():
        return texts["says"].format(quote=expected)
    found = mark(question, expected, reply, language=language)
    if is_right(found):
        return texts["right"]
    name = "partly" if (found.score or 0) >= PARTLY and not found.flags else "not_yet"
    return f"{texts[name]} {texts['says'].format(quote=expected)}"


def leads(
    question: str, quotes: Sequence[Quote], sources: Sequence[Evidence], at: Material
) -> tuple[tuple[str, str], ...]:
    """Up to two questions of the course that lead to the learner's, each with its answer.

    They come from the sections that were found, are close to the question in meaning, and give
    neither its answer away nor ask the same.
    """
    near = {quote.section for quote in quotes}
    given = {source.quote for source in sources[:1]}
    pairs = list({p.point: p for p in at.pairs if p.section in near}.values())
    pairs = [
        p
        for p in pairs
        if similar(p.question, question) < 0.75 and not any(q in p.answer for q in given)
    ]
    if not pairs:
        return ()
    scores = embed([p.question for p in pairs]) @ embed([question], query=True)[0]
    ranked = sorted(zip(pairs, scores, strict=True), key=lambda row: -row[1])
    first = [p for p, _ in ranked[: 2 * _LEADS]]
    first.sort(key=lambda p: p.kind != "definition")
    return tuple((p.question, p.answer) for p in first[:_LEADS])


# ---------------------------------------------------------------------- viewpoints


def _viewpoints(
    talk: Conversation, message: str, book: Found, at: Material
) -> tuple[Conversation, Turn]:
    texts = rules(at.language).says("tutor")
    found = facets(talk.question, at)
    parts = [f"**{texts[p.kind]}** {p.answer}" for p in found]
    sources = [p.evidence[0] for p in found if p.evidence]
    seen = {source.section for source in sources}
    for source in sentences_of(book.quotes):
        if source.section not in seen and len(parts) < 4:
            place = _place(source, texts)
            parts.append(f"**{texts['elsewhere'].format(place=place)}** {source.quote}")
            sources.append(source)
            seen.add(source.section)
    answer = Turn(answer="\n\n".join(parts), sources=tuple(sources), model="book")
    return _done(talk), answer


def facets(question: str, at: Material) -> list[Pair]:
    """For each side (what, why, against what, how, of what) the pair that is nearest, if near."""
    topic = set(search_terms(question, at.language)) - question_words()
    near = (p for p in at.pairs if topic & set(search_terms(p.question, at.language)))
    pairs = list({p.point: p for p in near}.values())
    if not pairs:
        return []
    scores = embed([f"{p.question} {p.answer}" for p in pairs]) @ embed([question], query=True)[0]
    best: dict[str, tuple[float, Pair]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        if score >= _NEAR and score > best.get(pair.kind, (0.0, pair))[0]:
            best[pair.kind] = (float(score), pair)
    return [best[kind][1] for kind in _FACETS if kind in best]


# ---------------------------------------------------------------------- a connected model


def _guided(
    talk: Conversation,
    found: Candidates,
    quotes: Sequence[Quote],
    at: Material,
    on_text: Callable[[str], None],
) -> tuple[Conversation, Turn]:
    assert at.guide is not None
    weak = ", ".join(at.weak)
    pieces: list[str] = []
    for piece in guided(talk.mode, talk.said, found.hits, weak, at.guide, at.language):
        pieces.append(piece)
        on_text(piece)
    said = Turn(answer="".join(pieces).strip(), sources=sentences_of(quotes), model=at.guide.model)
    after = _done(talk) if talk.mode == "viewpoints" else _on(talk)
    return _noted(after, said), said
