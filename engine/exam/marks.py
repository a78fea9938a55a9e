"""Marks by a connected teacher: right, partly or wrong, by the book's own answer.

One call a question marks all answers to it, in an order drawn from its name and without their
authors' names, so that nobody is marked for who it is. Equal answers are marked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import TeacherError
from engine.exam.report import Graded, Mark
from engine.language import table
from engine.llm import Chat, Request, user
from engine.schema import Pair, content_id

_TOKENS = 12
"""Tokens of one mark, as JSON."""


def marked(judge: Chat, pairs: Sequence[Pair], answers: Sequence[Graded]) -> list[Graded]:
    """The answers with their marks; those whose call failed stay without.

    An answer that says nothing is wrong without a call.
    """
    texts = {pair.id: _distinct(pair, answers) for pair in pairs}
    asked = [pair for pair in pairs if texts[pair.id]]
    marks: dict[tuple[str, str], Mark] = {}
    requests = (mark_request(pair, texts[pair.id]) for pair in asked)
    for i, outcome in judge.ask(requests):
        if isinstance(outcome, TeacherError):
            continue
        pair = asked[i]
        given = zip(texts[pair.id], outcome.data["marks"], strict=False)
        marks |= {(pair.id, text): mark for text, mark in given}
    return [answer.model_copy(update={"mark": _mark(answer, marks)}) for answer in answers]


def _mark(answer: Graded, marks: dict[tuple[str, str], Mark]) -> Mark | None:
    text = answer.answer.strip()
    return marks.get((answer.pair, text)) if text else "wrong"


def _distinct(pair: Pair, answers: Sequence[Graded]) -> list[str]:
    own = {a.answer.strip() for a in answers if a.pair == pair.id} - {""}
    return sorted(own, key=lambda text: content_id(pair.id, text))


def mark_request(pair: Pair, texts: Sequence[str]) -> Request:
    """The call that marks all answers to a question, in the order of ``texts``."""
    told = table(pair.language, "exam")
    rows = [f"<answer-{n}>\n{text}\n</answer-{n}>" for n, text in enumerate(texts, 1)]
    question = told["mark"].format(
        question=pair.question, reference=pair.answer, answers="\n".join(rows)
    )
    return Request(
        messages=user(question.strip(), told["system"].strip()),
        answer_schema=_schema(len(texts)),
        max_tokens=60 + _TOKENS * len(texts),
        purpose="exam marks",
    )


def _schema(count: int) -> dict[str, Any]:
    mark = {"type": "string", "enum": ["right", "partly", "wrong"]}
    marks = {"type": "array", "items": mark, "minItems": count, "maxItems": count}
    return {
        "type": "object",
        "properties": {"marks": marks},
        "required": ["marks"],
        "additionalProperties": False,
    }
