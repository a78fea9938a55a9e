"""The lessons that the course's own student is taught: those of the arm that was chosen.

A choice keeps its rows, so another comparison does not change what was chosen. Whenever they are
used, the exam's guard looks at them beside the corpus as it is then.
"""

from __future__ import annotations

from typing import Any

from engine.align.values import AlignResult, ArmResult, LessonRow
from engine.corpus import held_back
from engine.errors import BadInput
from engine.schema import Language, Pair, content_id
from engine.store import Store
from engine.train import TrainingRow

_CHOICE = "lessons"


def lessons(store: Store, course: str) -> list[TrainingRow]:
    """The training rows of the designer's choice; none where nothing was chosen.

    A lesson is left out where its pair is gone, was rejected or is held back, and where the lesson
    itself would nearly repeat the exam.
    """
    own = [LessonRow.model_validate(row) for row in _choice(store, course).get("lessons", ())]
    if not own:
        return []
    pairs = store.pairs(course)
    by_id = {pair.id: pair for pair in pairs if pair.status != "rejected"}
    asked = {
        f"lesson-{number}": lesson for number, lesson in enumerate(own) if lesson.pair in by_id
    }
    held = held_back([*pairs, *(_as_pair(name, le, by_id[le.pair]) for name, le in asked.items())])
    return [
        row_of(lesson, by_id[lesson.pair].language)
        for name, lesson in asked.items()
        if name not in held and lesson.pair not in held
    ]


def choose_lessons(store: Store, course: str, result: AlignResult, arm: str) -> None:
    """Teach the course's student by the lessons of this arm from its next training on.

    Raises:
        BadInput: the comparison has no such arm, or the arm has no lessons.
    """
    found = next((own for own in result.arms if own.arm == arm and own.lessons), None)
    if found is None:
        raise BadInput(
            f"There are no lessons of “{arm}”.",
            code="align.no_lessons",
            next="Choose one of: " + ", ".join(a.arm for a in result.arms if a.lessons),
            arm=arm,
        )
    rows = [lesson.model_dump(mode="json") for lesson in found.lessons]
    store.choose(course, _CHOICE, {"arm": arm, "base": result.base, "lessons": rows})


def leave_lessons(store: Store, course: str) -> None:
    """Train without lessons; this too is a decision, which no later comparison changes."""
    store.choose(course, _CHOICE, {"arm": ""})


def chosen_arm(store: Store, course: str) -> str | None:
    """The arm whose lessons are taught; empty for none, None where nobody has decided."""
    found = _choice(store, course)
    return str(found["arm"]) if found else None


def lessons_version(store: Store, course: str) -> str:
    """Names the rows that ``lessons`` gives; empty where there are none."""
    rows = lessons(store, course)
    return content_id([row.model_dump() for row in rows]) if rows else ""


def row_of(lesson: LessonRow, language: Language) -> TrainingRow:
    """The lesson as it is trained."""
    question, answer = lesson.words(language)
    return TrainingRow(question=question, answer=answer)


def best_arm(result: AlignResult) -> ArmResult | None:
    """The most accurate arm that helps beyond chance, if there is one."""
    helping = [arm for arm in result.arms if arm.helps]
    return max(helping, key=lambda arm: arm.accuracy.value, default=None)


def _choice(store: Store, course: str) -> dict[str, Any]:
    found: dict[str, Any] = store.choice(course, _CHOICE) or {}
    return found


def _as_pair(name: str, lesson: LessonRow, source: Pair) -> Pair:
    """The lesson as the guard knows pairs."""
    changes = {"id": name, "question": lesson.question, "answer": lesson.answer, "split": "train"}
    return source.model_copy(update=changes | {"part": None})
