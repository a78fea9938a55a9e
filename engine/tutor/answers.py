"""Answers with their sources, and whether the course covers a question at all.

Retrieval decides whether the course covers the question. The student model words the answer; where
there is none (or it speaks another language) the book itself answers with its best sentences.
What a learner types is data: it stands in the user's turn only, never in the instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.embeddings import embed
from engine.gates import readable
from engine.language import rules
from engine.llm import Chat, Request, user
from engine.prompts import AnswerPrompt, start_prompt
from engine.schema import Evidence, Language, Message, Value
from engine.search import Hit
from engine.text import language_of, sentences

MIN_SCORE = 0.80
MIN_COVERAGE = 0.38
ANSWER_TOKENS = 160
_QUOTES = 3


class Turn(Value):
    """What the tutor said: text, where it stands in the book, and whether it declined.

    ``withheld`` is what the student model said where the reviewed corpus did not bear it out; the
    answer is the book's then.
    """

    answer: str
    sources: tuple[Evidence, ...] = ()
    refused: bool = False
    model: str = ""
    withheld: str = ""


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


def covers(hits: Sequence[Hit]) -> bool:
    """Whether the course covers the question: close in meaning, and sharing its rarer words.

    Both are asked for, because e5 cosines are high for any pair of texts (0.7 and more).
    """
    return any(hit.score >= MIN_SCORE and hit.coverage >= MIN_COVERAGE for hit in hits[:3])


def sources_of(question: str, hits: Sequence[Hit], k: int = _QUOTES) -> tuple[Evidence, ...]:
    """The sentences of the found passages that answer best, one quote a passage, best first."""
    asked = embed([question], query=True)[0]
    found: list[tuple[float, Evidence]] = []
    for hit in hits[: k + 1]:
        passage = hit.passage
        everything = sentences(passage.text, language_of(passage.text))
        told = [s for s in everything if len(s) > 12 and not s.endswith(("?", "？"))]
        candidates = [s for s in told if readable(s, language_of(s))] or told  # code, if need be
        if not candidates:
            continue
        scores = embed(candidates) @ asked
        best = int(scores.argmax())
        quote = Evidence(
            quote=candidates[best],
            section=passage.section,
            title=passage.title,
            page=passage.page_start,
        )
        found.append((float(scores[best]), quote))
    found.sort(key=lambda row: -row[0])
    return tuple(quote for _, quote in found[:k])


def answer_from_book(question: str, hits: Sequence[Hit], language: Language) -> str:
    """The book's own answer: the best quotes of the best passages, word for word."""
    quotes = [source.quote for source in sources_of(question, hits, 2)]
    return rules(language).joiner.join(quotes)


def answer_stream(
    question: str,
    hits: Sequence[Hit],
    chat: Chat | None,
    language: Language,
    *,
    use_book: bool = False,
    prompt: AnswerPrompt | None = None,
) -> Iterator[str]:
    """The answer's pieces as they are made.

    Args:
        question: What the learner typed.
        hits: The passages found for it.
        chat: The student model, or None to let the book answer by itself.
        language: The course's language.
        use_book: Put the passages into the student's prompt. Off by default: a student of 135M
            knows the course better by heart than it reads (see the exam's two rows).
        prompt: How question and passages are put to the student then; None is the start.
    """
    if chat is None:
        yield answer_from_book(question, hits, language)
        return
    messages = (
        open_book(question, hits[:2], language, prompt) if use_book else closed_book(question)
    )
    yield from chat.stream(
        Request(messages=messages, max_tokens=ANSWER_TOKENS, may_be_cut=True, purpose="tutor")
    )
