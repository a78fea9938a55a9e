"""The step *grade*: people's grades are learned from, the rest graded, doubts left to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import BadInput, Missing
from engine.grade import Grade, GradeEstimate, Grader, Item, Submission, estimate, grade, prepare
from engine.grade.run import BATCH
from engine.llm.teacher import load_choice
from engine.progress import Report, silent
from engine.schema import content_id
from engine.steps.gradebook import items_of, marked, record_grades, submissions_of
from engine.steps.room import Room, connected_chat, open_index
from engine.store import Result

TARGET = 0.9


def grade_answers(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Grade what is not graded yet; another target only moves the line between grades and doubts.

    The plan's one field is ``target``: the share of accepted answers on which a person must agree
    (0.9). Grades are stored as they come, so that a run cut short goes on where it was.

    Raises:
        Missing: ``grade.nothing``, there are no items or no answers.
        BadInput: an answer does not fit its item; the target is outside (0, 1).
        TeacherRefused: the connected teacher refuses altogether.
    """
    items, answers = items_of(room), submissions_of(room)
    if not items or not answers:
        raise Missing(
            "There is nothing to grade yet.",
            code="grade.nothing",
            next="Add items and answers on the Assignments screen.",
        )
    target = _target(plan)
    chat = connected_chat(room)
    taught = _taught(room, answers)
    model = _model(taught, chat is not None)
    _keep_by_person(room, answers)
    todo, prints = _todo(room, items, answers, model)
    result = room.store.result(room.course.id, "grade")
    data = result.data if result and result.inputs == model else {}
    if todo or not data:
        grader = prepare(
            items,
            taught,
            target_agreement=target,
            report=report,
        )
        _grade(room, items, answers, todo, prints, grader, chat, report)
        calibrations = [c.model_dump(mode="json") for c in grader.calibrations]
        data = {"calibrations": calibrations, "taught": len(taught)}
    data |= {"target": target}
    room.store.save_result(room.course.id, Result(stage="grade", inputs=model, data=data))
    return {"graded": len(todo), **settle(room, target)}


def foresee(room: Room, plan: dict[str, Any]) -> GradeEstimate:
    """What ``grade_answers`` with this plan will take now: minutes, calls, tokens and money."""
    items, answers = items_of(room), submissions_of(room)
    known = {item.item_id: item for item in items}
    choice = load_choice(room.store)
    taught = _taught(room, answers)
    connected = choice.kind == "endpoint"
    todo, _ = _todo(room, items, answers, _model(taught, connected))
    return estimate(
        known,
        taught,
        [s for s in todo.values() if s.item_id in known],
        connected=connected,
        price=choice.price,
    )


def _model(taught: Sequence[Submission], connected: bool) -> str:
    """The fingerprint of what grades: who taught it, and by which means."""
    return content_id([s.model_dump() for s in taught], connected)


def _target(plan: dict[str, Any]) -> float:
    target = float(plan.get("target", TARGET))
    if not 0 < target < 1:
        raise BadInput(
            f"The target agreement {target:g} is not between 0 and 1.",
            code="grade.target",
            next="Give a share such as 0.9.",
            target=target,
        )
    return target


def settle(room: Room, target: float) -> dict[str, Any]:
    """Accept each grade that reaches the target, leave the others to review; events follow.

    Returns:
        Counts: ``answers``, ``accepted``, ``review``.
    """
    now = []
    for m in marked(room):
        stands = m.decided or 0 < target <= m.grade.promise
        status = "accepted" if stands else "review"
        fresh = m.grade.model_copy(update={"status": status})
        now.append(m.model_copy(update={"grade": fresh}))
    kept = {row["id"]: row["inputs"] for row in room.store.grades(room.course.id)}
    rows = [_row(m.submission, m.grade, kept[m.grade.answer_id]) for m in now if not m.decided]
    room.store.put_grades(room.course.id, rows)
    record_grades(room, items_of(room), now)
    accepted = sum(m.final for m in now)
    return {"answers": len(now), "accepted": accepted, "review": len(now) - accepted}


def _grade(
    room: Room,
    items: Sequence[Item],
    answers: Sequence[Submission],
    todo: dict[str, Submission],
    prints: dict[str, str],
    grader: Grader,
    chat: Any,
    report: Report,
) -> None:
    """Grade in batches; each is stored before the next begins."""
    indexed = bool(room.store.document_ids(room.course.id)) and bool(todo)
    found: list[dict[str, Any]] = []
    for one in grade(
        items,
        answers,
        chat=chat,
        index=open_index(room, report) if indexed else None,
        done={s.answer_id for s in answers} - set(todo),
        report=report,
        grader=grader,
    ):
        found.append(_row(todo[one.answer_id], one, prints[one.answer_id]))
        if len(found) >= BATCH:
            room.store.put_grades(room.course.id, found)
            found = []
    room.store.put_grades(room.course.id, found)


def _taught(room: Room, answers: Sequence[Submission]) -> list[Submission]:
    """What people graded: in the files, and in review."""
    found = {s.answer_id: s for s in answers if s.graded}
    for m in marked(room):
        if m.decided and m.submission.answer_id not in found:
            given = {"score": m.grade.score, "label": m.grade.label}
            found[m.submission.answer_id] = m.submission.model_copy(update=given)
    return [found[answer] for answer in sorted(found)]


def _keep_by_person(room: Room, answers: Sequence[Submission]) -> None:
    """Grades that came with their answers stand as they are."""
    rows = [
        _row(
            s,
            Grade(
                answer_id=s.answer_id,
                score=s.score if s.label is None else None,
                label=s.label,
                confidence=1.0,
                promise=1.0,
                status="accepted",
            ),
            "person",
        )
        for s in answers
        if s.graded
    ]
    room.store.put_grades(room.course.id, rows)


def _todo(
    room: Room, items: Sequence[Item], answers: Sequence[Submission], model: str
) -> tuple[dict[str, Submission], dict[str, str]]:
    """Answers without a grade of this making, and the fingerprint of each answer's grade."""
    own = {item.item_id: item.model_dump(mode="json", exclude={"assignment"}) for item in items}
    have = {row["id"]: row for row in room.store.grades(room.course.id)}
    prints = {s.answer_id: content_id(model, own.get(s.item_id), s.answer) for s in answers}
    todo = {}
    for s in answers:
        row = have.get(s.answer_id)
        fresh = row is not None and (row["decided"] or row["inputs"] == prints[s.answer_id])
        if not s.graded and not fresh:
            todo[s.answer_id] = s
    return todo, prints


def _row(submission: Submission, found: Grade, inputs: str) -> dict[str, Any]:
    return {
        "id": submission.answer_id,
        "item": submission.item_id,
        "learner": submission.learner,
        "inputs": inputs,
        "data": found.model_dump(mode="json"),
    }
