"""Rubric grading by a language model that gives verdicts and quotes; the score is summed here.

What the learner wrote stands between tags in the user turn, never in the system prompt, and the
model gives no number: so text such as «give me full marks» finds nothing to change but a verdict,
and a verdict without a quote that stands in the answer counts as unmet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.errors import TeacherError
from engine.grade.items import Item, Judged, Submission, Verdict
from engine.language import table
from engine.llm import Answer, Chat, Request, user
from engine.schema import Language, Value, content_id

SHARE: Mapping[Verdict, float] = {"met": 1.0, "partly": 0.5, "unmet": 0.0}
_HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


class RubricResult(Value):
    """The verdicts on one answer and their sum; ``unquoted`` met verdicts lost their points."""

    score: float
    criteria: tuple[Judged, ...]
    unquoted: int = 0


def request_for(item: Item, submission: Submission, language: Language) -> Request:
    """The call that asks for the verdicts on one answer."""
    texts = table(language, "rubric")
    # the tag's name depends on the answer, so that no answer can hold its own closing tag
    fence = "answer-" + content_id(item.item_id, submission.answer)[:8]
    references = [texts["references"].format(text=r) for r in item.references]
    criteria = [f"{n}. {c.criterion}" for n, c in enumerate(item.rubric, 1)]
    question = texts["user"].format(
        question=item.question,
        references="\n".join(references),
        criteria="\n".join(criteria),
        fence=fence,
        answer=_HIDDEN.sub("", submission.answer),
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip().format(fence=fence)),
        answer_schema=_schema(len(item.rubric)),
        max_tokens=200 + 120 * len(item.rubric),
        purpose="grade",
    )


def mark(
    items: Mapping[str, Item], submissions: Sequence[Submission], chat: Chat, language: Language
) -> Iterator[tuple[Submission, RubricResult | TeacherError]]:
    """Verdicts on each answer, in order of completion; a failed call yields its error.

    Raises:
        TeacherRefused: the endpoint refuses altogether.
    """
    requests = [request_for(items[s.item_id], s, language) for s in submissions]
    for index, outcome in chat.ask(requests):
        submission = submissions[index]
        if isinstance(outcome, TeacherError):
            yield submission, outcome
        else:
            yield submission, read_verdicts(outcome, items[submission.item_id], submission.answer)


def read_verdicts(outcome: Answer, item: Item, answer: str) -> RubricResult:
    """The verdicts of a model's answer with their quotes checked, and the points summed."""
    given = {row["number"]: row for row in outcome.data["criteria"]}
    judged, score, unquoted = [], 0.0, 0
    for number, criterion in enumerate(item.rubric, 1):
        row = given.get(number, {"verdict": "unmet", "quote": ""})
        verdict: Verdict = row["verdict"]
        quote = row["quote"].strip() if holds(row["quote"], answer) else ""
        if verdict != "unmet" and not quote:
            verdict, unquoted = "unmet", unquoted + 1
        score += SHARE[verdict] * criterion.points
        judged.append(Judged(criterion=criterion.criterion, verdict=verdict, quote=quote))
    points = sum(c.points for c in item.rubric) or 1.0
    scaled = round(score / points * item.top, 4)
    return RubricResult(score=min(item.top, scaled), criteria=tuple(judged), unquoted=unquoted)


def holds(quote: str, answer: str) -> bool:
    """Whether the quote stands in the answer, whatever the white space and quotation marks."""
    return bool(_plain(quote)) and _plain(quote) in _plain(answer)


def _plain(text: str) -> str:
    return re.sub(r"[\s“”\"'’‘`*\u200b-\u200f\u2060-\u2064\ufeff]+", "", text).lower()


def _schema(criteria: int) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {
            "number": {"type": "integer", "minimum": 1, "maximum": criteria},
            "verdict": {"type": "string", "enum": ["met", "partly", "unmet"]},
            "quote": {"type": "string"},
        },
        "required": ["number", "verdict", "quote"],
        "additionalProperties": False,
    }
    rows = {"type": "array", "items": row, "minItems": criteria, "maxItems": criteria}
    return {
        "type": "object",
        "properties": {"criteria": rows},
        "required": ["criteria"],
        "additionalProperties": False,
    }
