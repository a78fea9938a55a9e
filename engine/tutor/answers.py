"""Answers with their sources: the book's own quote, or a student model's words.

``engine.quotes`` finds the quote and says whether the book answers at all. What a learner types is
data: it stands in the user's turn only, never in the instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.language import rules
from engine.llm import Chat, Request, user
from engine.prompts import AnswerPrompt, start_prompt
from engine.quotes import Quote, best_quotes
from engine.schema import Evidence, Language, Message, Value
from engine.search import Index

ANSWER_TOKENS = 160
SHOWN = 2
"""Quotes that a model gets to answer from. The right one is among two for .86 of the questions of
the English panel's look half (n = 44), among three for .89; among two whole passages for .70."""


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
    question: str, shown: Sequence[str], language: Language, prompt: AnswerPrompt | None = None
) -> tuple[Message, ...]:
    """The prompt with what the book says to the question; the course's, else the start."""
    return (prompt or start_prompt(language)).messages(question, shown)


def sources_of(quotes: Sequence[Quote]) -> tuple[Evidence, ...]:
    """The quotes as evidence, best first."""
    return tuple(quote.evidence for quote in quotes)


def sentences_of(quotes: Sequence[Quote]) -> tuple[Evidence, ...]:
    """Of each quote the one sentence that is nearest to the question, for hints and gaps."""
    return tuple(q.evidence.model_copy(update={"quote": q.focus}) for q in quotes)


def shown_for(question: str, index: Index) -> list[str]:
    """The quotes that a model gets for a question, best first."""
    return [quote.text for quote in best_quotes(question, index, SHOWN)]


def answer_stream(
    question: str,
    shown: Sequence[str],
    chat: Chat,
    language: Language,
    *,
    use_book: bool = False,
    prompt: AnswerPrompt | None = None,
) -> Iterator[str]:
    """The pieces of a model's answer as they are made.

    Args:
        question: What the learner typed.
        shown: What the book says to it, best first.
        chat: The student model, or another.
        language: The course's language.
        use_book: Put it into the prompt.
        prompt: How question and book are put to the student then; None is the start.
    """
    messages = open_book(question, shown, language, prompt) if use_book else closed_book(question)
    yield from chat.stream(
        Request(messages=messages, max_tokens=ANSWER_TOKENS, may_be_cut=True, purpose="tutor")
    )
