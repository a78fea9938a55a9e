"""The LLM teacher: one call a passage asks for knowledge points with quotes and four wordings.

After CourseGPT-zh (arXiv 2405.04781, section 3): questions on specific knowledge points from each
paragraph, answers with the paragraph as reference. We depart from it in three ways: answer and
quote come with the question, so that grounding is checked in code; several wordings a point
(Active Reading, arXiv 2508.09494, finds that diversity drives recall); and the exam's wording is
set apart before training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.distil.plan import ALL_KINDS
from engine.distil.points import Point
from engine.errors import TeacherError
from engine.gates import grounded, holds_quote, leans_back
from engine.language import table
from engine.llm import Answer, Chat, Request, user
from engine.schema import Evidence, Language, Passage, Value

GROUNDED = 0.6
"""Share of an answer's words that its passage has to hold."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "points": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": list(ALL_KINDS)},
                    "answer": {"type": "string"},
                    "quote": {"type": "string"},
                    "questions": {
                        "type": "array",
                        "items": {"type": "string"},
                        "minItems": 4,
                        "maxItems": 4,
                    },
                },
                "required": ["kind", "answer", "quote", "questions"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["points"],
    "additionalProperties": False,
}


class ParsedPoints(Value):
    """What a teacher offered for one passage: the points that passed, and the rest by gate.

    The gates: ``wordings`` (fewer than two questions that stand by themselves, or no answer),
    ``quote`` (not in the passage) and ``grounded`` (words that the passage does not hold).
    """

    points: tuple[Point, ...] = ()
    refused: dict[str, int] = {}


def request_for(
    passage: Passage, points: int, kinds: Sequence[str], language: Language, extra: str = ""
) -> Request:
    """The call that asks for the knowledge points of one passage."""
    texts = table(language, "distil")
    question = texts["user"].format(
        n=points,
        kinds=", ".join(kinds),
        title=passage.title,
        passage=passage.text,
        extra=extra,
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=SCHEMA,
        max_tokens=400 + 350 * points,
        temperature=0.3,
        purpose="distil",
    )


def ask_points(
    passages: Sequence[Passage],
    points: int,
    kinds: Sequence[str],
    language: Language,
    chat: Chat,
    extra: str = "",
) -> Iterator[tuple[Passage, ParsedPoints | TeacherError]]:
    """What is offered for each passage, in order of completion; a failed call yields its error."""
    requests: Iterable[Request] = (
        request_for(passage, points, kinds, language, extra) for passage in passages
    )
    for index, outcome in chat.ask(requests):
        passage = passages[index]
        if isinstance(outcome, TeacherError):
            yield passage, outcome
        else:
            yield passage, read_points(outcome, passage, language)


def read_points(answer: Answer, passage: Passage, language: Language) -> ParsedPoints:
    """The points of an answer that pass the gates, and how many failed at which."""
    found: list[Point] = []
    refused: Counter[str] = Counter()
    for row in answer.data["points"]:
        questions = [q.strip() for q in row["questions"] if not leans_back(q.strip(), language)]
        if gate := _failed(row, questions, passage):
            refused[gate] += 1
        else:
            found.append(_point(row, questions, passage))
    return ParsedPoints(points=tuple(found), refused=dict(refused))


def _failed(row: Mapping[str, Any], questions: Sequence[str], passage: Passage) -> str:
    """The first gate that the row does not pass, or an empty string."""
    if len(questions) < 2 or not row["answer"].strip():
        return "wordings"
    if not holds_quote(row["quote"], passage.text):
        return "quote"
    return "grounded" if grounded(row["answer"], passage.text) < GROUNDED else ""


def _point(row: Mapping[str, Any], questions: Sequence[str], passage: Passage) -> Point:
    evidence = Evidence(
        quote=row["quote"].strip(),
        section=passage.section,
        title=passage.title,
        page=passage.page_start,
    )
    return Point(
        kind=row["kind"],
        answer=row["answer"].strip(),
        evidence=(evidence,),
        questions=tuple(questions[:-1]),
        held_out=(questions[-1],),
    )
