"""Knowledge points to pairs: the split is applied here; the exam stays apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.corpus import judged
from engine.course import SplitPlan
from engine.distil.points import Point
from engine.duplicates import SAME, similar
from engine.schema import ExamPart, Language, Pair, Split, content_id
from engine.text import words


def pairs_of(point: Point, language: Language, plan: SplitPlan, teacher: str) -> list[Pair]:
    """All pairs of one point, each in its split.

    A point of a transfer section gives exam pairs only. A reworded point is trained with its own
    wordings and examined with the last held-out one; a validation point likewise.
    """
    if plan.is_transfer(point.section):
        return [_pair(point, point.held_out[-1], language, teacher, "exam", "transfer")]
    found = [_pair(point, q, language, teacher, "train", None) for q in point.questions]
    role = plan.role(point.id)
    if role == "reworded":
        found.append(_pair(point, point.held_out[-1], language, teacher, "exam", "reworded"))
    elif role == "validation":
        found.append(_pair(point, point.held_out[0], language, teacher, "validation", None))
    return found


def _pair(
    point: Point,
    question: str,
    language: Language,
    teacher: str,
    split: Split,
    part: ExamPart | None,
) -> Pair:
    return Pair(
        id=content_id(point.id, question),
        question=question,
        answer=point.answer,
        kind=point.kind,
        language=language,
        point=point.id,
        evidence=point.evidence,
        split=split,
        part=part,
        teacher=teacher,
        statements=point.statements,
    )


class Distinct:
    """Lets a point pass once: not its answer again, nor another answer to the same question."""

    def __init__(self) -> None:
        self._answers: set[str] = set()
        self._questions: set[str] = set()

    def admit(self, point: Point) -> bool:
        """Whether the point is new; if so it is remembered."""
        answer = " ".join(words(point.answer))
        questions = {" ".join(words(q)) for q in (*point.questions, *point.held_out)}
        if answer in self._answers or questions & self._questions:
            return False
        self._answers.add(answer)
        self._questions |= questions
        return True


def same_wording(pairs: Sequence[Pair]) -> dict[str, str]:
    """Ids of held-out pairs that nearly repeat a trained wording of their own point, by gate.

    Such a question would show memory of the wording alone: the teacher found no other way to ask.
    (Across points it is training that loses, see ``engine.corpus.guard``.)
    """
    trained: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.split == "train" and pair.status != "rejected":
            trained.setdefault(pair.point, []).append(pair.question)
    return {
        pair.id: "same_wording"
        for pair in pairs
        if pair.split != "train"
        and not judged(pair)
        and any(similar(pair.question, other) >= SAME for other in trained.get(pair.point, ()))
    }


_TIER = {
    "definition": 0,
    "comparison": 0,
    "cause": 0,
    "procedure": 0,
    "enumeration": 1,
    "summary": 1,
    "fact": 2,
    "exercise": 2,
}


def in_rounds(points: Iterable[Point]) -> list[Point]:
    """Points, best first: each section's best one, then by what teaches most, section by section.

    Definitions, comparisons, causes and procedures come before lists and summaries, and these
    before plain facts, which are the least sure to be worth a question.
    """
    by_section: dict[str, list[Point]] = {}
    for point in points:
        by_section.setdefault(point.section, []).append(point)
    order = {section: i for i, section in enumerate(by_section)}
    rows = []
    for section, own in by_section.items():
        own.sort(key=lambda point: _TIER[point.kind])
        rows += [
            (1 + _TIER[point.kind] if place else 0, place, order[section], point)
            for place, point in enumerate(own)
        ]
    return [point for *_, point in sorted(rows, key=lambda row: row[:3])]
