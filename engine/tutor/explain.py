"""The mode *explain*: an answer, held against the reviewed corpus where it is given by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.language import rules
from engine.search import Hit
from engine.tutor.answers import Turn, answer_from_book, answer_stream, sources_of
from engine.tutor.check import same_question, supporting_pair
from engine.tutor.conversation import Conversation, Material


def explain(
    talk: Conversation, hits: Sequence[Hit], at: Material, on_text: Callable[[str], None]
) -> tuple[Conversation, Turn]:
    """Answer the question; the sources below it are the book's in any case."""
    by_heart = at.chat is not None and not at.use_book and at.pairs
    said = (_checked if by_heart else _streamed)(talk.question, hits, at, on_text)
    said = said.model_copy(update={"sources": sources_of(talk.question, hits)})
    reminded = remind(said, hits, at)
    on_text(reminded.answer[len(said.answer) :])
    return Conversation(mode="explain"), reminded


def _streamed(
    question: str, hits: Sequence[Hit], at: Material, on_text: Callable[[str], None]
) -> Turn:
    """The answer as it is made: by the book's sentences, or by the student with the book."""
    pieces: list[str] = []
    stream = answer_stream(
        question, hits, at.chat, at.language, use_book=at.use_book, prompt=at.prompt
    )
    for piece in stream:
        pieces.append(piece)
        on_text(piece)
    return Turn(answer="".join(pieces).strip(), model=at.chat.model if at.chat else "book")


def _checked(
    question: str, hits: Sequence[Hit], at: Material, on_text: Callable[[str], None]
) -> Turn:
    """The student's answer by heart if the corpus bears it out, else the corpus's or book's."""
    said = _streamed(question, hits, at, lambda _: None)
    if supporting_pair(question, said.answer, at.pairs) is None:
        known = same_question(question, at.pairs)
        answer = known.answer if known else answer_from_book(question, hits, at.language)
        said = Turn(answer=answer, model="book", withheld=said.answer)
    on_text(said.answer)
    return said


def remind(said: Turn, hits: Sequence[Hit], at: Material) -> Turn:
    """Name one concept that the question touches and on which the learner is not firm."""
    best = hits[0].passage
    near = f"{best.title} {best.text}".lower()
    for concept, title in at.weak.items():
        if concept.lower() in near:
            text = rules(at.language).says("tutor")["weak"].format(concept=concept, title=title)
            return said.model_copy(update={"answer": f"{said.answer}\n\n{text}"})
    return said
