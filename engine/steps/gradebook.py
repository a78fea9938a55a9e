"""Items, answers and grades of a course as values: what the step *grade* and the screens share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import BadInput
from engine.grade import Grade, Item, Submission
from engine.grade.feedback import is_right
from engine.learner import Event, pseudonym, record_as
from engine.levels import RIGHT
from engine.schema import Value, content_id
from engine.workspace import Workspace


class GradedSubmission(Value):
    """An answer with its grade; ``decided`` by a person, who graded or reviewed it.

    ``at`` is when it was graded, seconds since 1970; 0 before it is kept.
    """

    submission: Submission
    grade: Grade
    decided: bool
    at: float = 0.0

    @property
    def final(self) -> bool:
        """Whether the grade stands."""
        return self.decided or self.grade.status == "accepted"


def items_of(workspace: Workspace) -> list[Item]:
    """The items of the course, in their order."""
    return [Item.model_validate(row) for row in workspace.store.items(workspace.course.id)]


def add_items(workspace: Workspace, items: Sequence[Item]) -> None:
    """Add items, or replace those with the same id."""
    first = len(workspace.store.items(workspace.course.id))
    rows = [
        {"id": item.item_id, "position": first + n, "data": item.model_dump(mode="json")}
        for n, item in enumerate(items)
    ]
    workspace.store.put_items(workspace.course.id, rows)


def submissions_of(workspace: Workspace) -> list[Submission]:
    """The answers of the course, by item."""
    return [
        Submission.model_validate(r["data"])
        for r in workspace.store.submissions(workspace.course.id)
    ]


def add_submissions(workspace: Workspace, submissions: Iterable[Submission]) -> int:
    """Keep answers under the pseudonyms of their learners; returns how many.

    An answer with a known id replaces the earlier one; a person's score or label stays with an
    unchanged answer, and a grade of a changed one goes (which the audit log tells).
    """
    course, store = workspace.course.id, workspace.store
    names = {row["name"]: row["pseudonym"] for row in store.learners(course)}
    known = {s.answer_id: s for s in submissions_of(workspace)}
    rows, stale, now = [], [], time.time()
    for given in submissions:
        key = given.learner.strip()
        who = (names.get(key) or pseudonym(workspace.settings, course, key)) if key else ""
        new, old = given.model_copy(update={"learner": who}), known.get(given.answer_id)
        if old is not None and old.answer != new.answer:
            stale.append(new.answer_id)
        elif old is not None and not new.graded:
            new = new.model_copy(update={"score": old.score, "label": old.label})
        data = new.model_dump(mode="json")
        rows.append(
            {"id": new.answer_id, "item": new.item_id, "learner": who, "at": now, "data": data}
        )
    store.put_submissions(course, rows)
    _drop(workspace, stale)
    return len(rows)


def _drop(workspace: Workspace, answers: Sequence[str]) -> None:
    old = {row["id"]: row for row in workspace.store.grades(workspace.course.id)}
    lines = {
        answer: {
            "learner": old[answer]["learner"],
            "old": value_of(Grade.model_validate(old[answer]["data"])),
            "new": None,
            "reason": "new answer",
        }
        for answer in answers
        if answer in old
    }
    workspace.store.drop_grades(workspace.course.id, lines)
    workspace.store.remove_events(workspace.course.id, [event_id(answer) for answer in lines])


def marked(workspace: Workspace, learner: str | None = None) -> list[GradedSubmission]:
    """Graded answers of the course, or of one learner, by item."""
    course = workspace.course.id
    answers = {row["id"]: row["data"] for row in workspace.store.submissions(course, learner)}
    return [
        GradedSubmission(
            submission=Submission.model_validate(answers[row["id"]]),
            grade=Grade.model_validate(row["data"]),
            decided=bool(row["decided"]),
            at=row["at"],
        )
        for row in workspace.store.grades(course, learner)
        if row["id"] in answers
    ]


class GradeChange(Value):
    """A line of the audit log: what a person made of the grade of an answer (its id), when, why.

    ``old`` and ``new`` are scores or labels; ``new`` is None where the grade went with its answer.
    """

    at: float
    answer: str
    old: float | str | None
    new: float | str | None
    reason: str


def changes_of(workspace: Workspace) -> list[GradeChange]:
    """The audit log of the course's grades, newest first."""
    rows = workspace.store.grade_log(workspace.course.id)
    names = GradeChange.model_fields
    return [GradeChange.model_validate({k: row[k] for k in names}) for row in rows]


def decide(
    workspace: Workspace,
    item: Item,
    answer: GradedSubmission,
    *,
    score: float | None = None,
    label: str | None = None,
    reason: str = "",
    feedback: str | None = None,
) -> None:
    """A person's word on an answer: it stands, its learner's event follows, the log has a line.

    Args:
        workspace: The course.
        item: The answer's item.
        answer: The answer with its proposed grade.
        score: The score given, or None where the item has labels.
        label: The label given, or None where it has scores.
        reason: Why; needed where the grade differs from the proposed one.
        feedback: What the learner is told; None keeps it.

    Raises:
        BadInput: ``grade.reason``; or the grade does not fit the item.
    """
    old = answer.grade
    if not 0 <= (score or 0) <= item.top:
        raise BadInput(
            f"The score {score:g} is not between 0 and {item.top:g}.",
            code="grade.score",
            next="Correct the score, or set the item's max_score.",
            answer=old.answer_id,
            score=score,
            top=item.top,
        )
    if (score, label) != (old.score, old.label) and not reason.strip():
        raise BadInput(
            "A grade that differs from the proposed one needs a reason.",
            code="grade.reason",
            next="Write in a few words why.",
        )
    changes = {"score": score, "label": label, "status": "accepted"}
    words = old.feedback if feedback is None else feedback
    new = Grade.model_validate({**old.model_dump(), **changes, "feedback": words})
    line = {"learner": answer.submission.learner, "old": value_of(old), "new": value_of(new)}
    data = new.model_dump(mode="json")
    workspace.store.decide_grade(
        workspace.course.id, old.answer_id, data, {**line, "reason": reason.strip()}
    )
    known = GradedSubmission(submission=answer.submission, grade=new, decided=True)
    record_grades(workspace, [item], [known])


def value_of(grade: Grade) -> float | str | None:
    """The score or the label."""
    return grade.score if grade.label is None else grade.label


def share_of(item: Item, grade: Grade) -> float:
    """The grade as a share of the best, in [0, 1]; for labels 1 where right, else 0."""
    if grade.label is not None:
        return float(is_right(grade.label, item.labels))
    return min(1.0, max(0.0, (grade.score or 0.0) / item.top))


def event_id(answer: str) -> str:
    """The id of the one event that an answer makes, whatever its grade."""
    return content_id("assignment", answer)


def record_grades(
    workspace: Workspace, items: Iterable[Item], grades: Sequence[GradedSubmission]
) -> None:
    """Bring the learners' events in line with the grades: those that stand count, others do not."""
    known = {item.item_id: item for item in items}
    course = workspace.course.id
    at = {row["id"]: row["at"] for row in workspace.store.submissions(course)}
    events: dict[str, Event] = {}
    gone = []
    for m in grades:
        item, key = known.get(m.submission.item_id), event_id(m.grade.answer_id)
        if item is None or not m.final:
            gone.append(key)
        elif m.submission.learner:
            share = share_of(item, m.grade)
            events[key] = Event(
                learner=m.submission.learner,
                item=item.item_id,
                concept=item.concept or item.section or item.question[:80],
                correct=share >= RIGHT,
                score=round(share, 4),
                at=at[m.grade.answer_id],
                source="assignment",
            )
    workspace.store.remove_events(course, gone)
    record_as(workspace.store, course, events)


def clear_assignment(workspace: Workspace) -> None:
    """Remove all items, answers and grades, with the events that followed; the audit log stays."""
    course = workspace.course.id
    rows = workspace.store.submissions(course)
    workspace.store.remove_events(course, [event_id(row["id"]) for row in rows])
    workspace.store.clear_grading(course)


def assignments_of(items: Iterable[Item]) -> list[str]:
    """The names of the assignments, in the order of their items; "" for items without one."""
    return list(dict.fromkeys(item.assignment for item in items))


def gradebook(workspace: Workspace) -> list[dict[str, Any]]:
    """One row a learner: ``learner`` (name, or pseudonym), points by assignment, grades by item.

    Grades that wait for review are left empty, and so are the points of their assignment. A label
    counts as all points of its item where it means right, else as none. Items without an
    assignment have no column of points.
    """
    names = {row["pseudonym"]: row["name"] for row in workspace.store.learners(workspace.course.id)}
    known = {item.item_id: item for item in items_of(workspace)}
    empty = dict.fromkeys([*filter(None, assignments_of(known.values())), *known])
    rows: dict[str, dict[str, Any]] = {}
    points: dict[tuple[str, str], float] = {}
    waiting: set[tuple[str, str]] = set()
    for m in marked(workspace):
        who, item = m.submission.learner, known.get(m.submission.item_id)
        row = rows.setdefault(who, {"learner": names.get(who) or who, **empty})
        if item is None:
            continue
        key = (who, item.assignment)
        if m.final:
            row[item.item_id] = value_of(m.grade)
            points[key] = points.get(key, 0.0) + share_of(item, m.grade) * item.top
        else:
            waiting.add(key)
    for (who, name), total in points.items():
        if name and (who, name) not in waiting:
            rows[who][name] = round(total, 4)
    return [rows[who] for who in sorted(rows, key=lambda who: str(rows[who]["learner"]))]
