"""How good an answer is: by its reference without a model, or by an LLM judge; then Eq. 1.

CourseGPT-zh (arXiv 2405.04781), Eq. 1: an answer longer than the reference loses
``alpha * (length / reference - 1)`` points; a shorter one gains none. The paper leaves the unit of
length open; ours is words (characters in Chinese).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import TeacherError
from engine.gates import grounded
from engine.judge import judge_by_reference
from engine.llm import Answer, Chat, Request, user
from engine.optimise import words
from engine.schema import Language, Pair, Value
from engine.text import words as words_of

_DIMENSIONS = ("factual_accuracy", "user_satisfaction", "clarity", "condensability", "overall")
_SCALE = {"type": "integer", "minimum": 1, "maximum": 10}
_FLOOR = 0.7  # e5 cosines of unrelated texts lie about here


class AnsweredPair(Value):
    """An answer to be graded, with the passages it was given from."""

    pair: Pair
    answer: str
    passages: tuple[str, ...]


class QualityScore(Value):
    """Quality in [0, 10] and, from an LLM judge, what it found wanting."""

    quality: float
    note: str = ""


CallObserver = Callable[[Answer | TeacherError], None]
"""Told of every call that a judge makes."""
Grader = Callable[[Sequence[AnsweredPair]], list[QualityScore | None]]
"""Grades answers; None for one that could not be graded."""


def eq1(quality: float, length: float, alpha: float) -> float:
    """The score of Eq. 1: quality less the one-sided penalty on length (a ratio)."""
    return quality - alpha * max(0.0, length - 1.0)


def length_ratio(answer: str, reference: str) -> float:
    """Words of the answer over words of the reference."""
    return len(words_of(answer)) / max(1, len(words_of(reference)))


def by_reference(rows: Sequence[AnsweredPair]) -> list[QualityScore | None]:
    """The judge without a model: 0.4 token F1 + 0.4 similarity + 0.2 groundedness, times ten.

    Similarity is the e5 cosine, stretched from [0.7, 1] to [0, 1]; groundedness the share of the
    answer's words that stand in its passages. The weights were set before any search was run.
    """
    if not rows:
        return []
    scores = judge_by_reference([r.answer for r in rows], [r.pair.answer for r in rows])
    found: list[QualityScore | None] = []
    for row, score in zip(rows, scores, strict=True):
        alike = max(0.0, score.cosine - _FLOOR) / (1 - _FLOOR)
        held = grounded(row.answer, " ".join(row.passages))
        found.append(QualityScore(quality=10 * (0.4 * score.f1 + 0.4 * alike + 0.2 * held)))
    return found


def by_model(judge: Chat, language: Language, observe: CallObserver) -> Grader:
    """LLM-as-Judge on the paper's four dimensions and overall, against the reference.

    Order and scale are those of AlignBench, which the paper adopts: shortcomings first, then whole
    numbers from 1 to 10. The overall score is the quality; the shortcomings are the critique.
    """
    schema = {
        "type": "object",
        "properties": {"shortcomings": {"type": "string"}} | dict.fromkeys(_DIMENSIONS, _SCALE),
        "required": ["shortcomings", *_DIMENSIONS],
        "additionalProperties": False,
    }

    def request(row: AnsweredPair) -> Request:
        question = words.text(language, "judge_user").format(
            question=row.pair.question, reference=row.pair.answer, answer=row.answer
        )
        return Request(
            messages=user(question, words.text(language, "judge_system")),
            answer_schema=schema,
            max_tokens=600,
            purpose="optimise",
        )

    def grade(rows: Sequence[AnsweredPair]) -> list[QualityScore | None]:
        found: list[QualityScore | None] = [None] * len(rows)
        for i, outcome in judge.ask(request(row) for row in rows):
            observe(outcome)
            if isinstance(outcome, Answer):
                data = outcome.data
                found[i] = QualityScore(quality=data["overall"], note=data["shortcomings"].strip())
        return found

    return grade
