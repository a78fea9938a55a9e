"""Answers with their sources: the book's own quote, or a student model's words.

``engine.quotes`` finds the quote and says whether the book answers at all. What a learner types is
data: it stands in the user's turn only, never in the instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.language import rules
from engine.llm import Chat, Request, user
from engine.prompts import AnswerPrompt, start_prompt
from engine.quotes import Quote
from engine.schema import Evidence, Language, Message, Value
from engine.search import Hit

ANSWER_TOKENS = 160


class Turn(Value):
    """What the tutor said: text, where it stands in the book, and whether it declined.

    Attributes:
        answer: What is shown, in Markdown: code stands in fences.
        sources: Where it stands; the first is what the answer quotes or is worded from.
        refused: The book does not answer the question, and the tutor says so.
        focus: The sentence of the book's quote that is nearest to the question.
        nearest: It may not answer: the tutor shows the nearest that the book says, and says so.
        model: Who words the answer: a model's name, or ``book``.
        withheld: What the student model said where the book does not bear it out; the answer is the
            book's then.
        unsupported: Sentences of a connected model that their cited passages do not bear out.
    """

    answer: str
    sources: tuple[Evidence, ...] = ()
    focus: str = ""
    refused: bool = False
    nearest: bool = False
    model: str = ""
    withheld: str = ""
    unsupported: tuple[str, ...] = ()


def refusal(language: Language) -> str:
    """What the tutor says where the course does not cover a question."""
    return rules(language).says("tutor")["refusal"]


def closed_book(question: str) -> tuple[Message, ...]:
    """The student's prompt without the book: the bare question, as in training."""
    return user(question)


def open_book(
    question: str, hits: Sequence[Hit], language: Language, prompt: AnswerPrompt | None = None
) -> tuple[Message, ...]:
    """The prompt with the passages found for the question; the course's, else the start."""
    return (prompt or start_prompt(language)).messages(question, [hit.passage.text for hit in hits])


def sources_of(quotes: Sequence[Quote]) -> tuple[Evidence, ...]:
    """The quotes as evidence, best first."""
    return tuple(quote.evidence for quote in quotes)


def sentences_of(quotes: Sequence[Quote]) -> tuple[Evidence, ...]:
    """Of each quote the one sentence that is nearest to the question, for hints and gaps."""
    return tuple(q.evidence.model_copy(update={"quote": q.focus}) for q in quotes)


def answer_stream(
    question: str,
    hits: Sequence[Hit],
    chat: Chat,
    language: Language,
    *,
    use_book: bool = False,
    prompt: AnswerPrompt | None = None,
) -> Iterator[str]:
    """The pieces of a model's answer as they are made.

    Args:
        question: What the learner typed.
        hits: The passages found for it.
        chat: The student model, or another.
        language: The course's language.
        use_book: Put the two best passages into the prompt.
        prompt: How question and passages are put to the student then; None is the start.
    """
    messages = (
        open_book(question, hits[:2], language, prompt) if use_book else closed_book(question)
    )
    yield from chat.stream(
        Request(messages=messages, max_tokens=ANSWER_TOKENS, may_be_cut=True, purpose="tutor")
    )
