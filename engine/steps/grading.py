"""The step *grade*: people's grades are learned from, the rest graded, doubts left to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import BadInput, Missing
from engine.grade import Grade, GradeEstimate, Grader, Item, Submission, estimate, grade, prepare
from engine.grade.calibrate import Calibration
from engine.grade.run import BATCH
from engine.llm.teacher import load_choice
from engine.progress import Report, silent
from engine.schema import Value, content_id
from engine.steps.gradebook import items_of, marked, record_grades, submissions_of
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import Workspace, connected_chat, open_index


class GradePlan(Value):
    """``target``: share of accepted answers on which a person must agree."""

    target: float = 0.9


class GradeCounts(Value):
    """What a run graded, and how the course's answers stand after it."""

    graded: int = 0
    answers: int
    accepted: int
    review: int


class GradingRecord(Value):
    """What graded last: how sure it is, learned from how many people's grades, at which target."""

    calibrations: tuple[Calibration, ...] = ()
    taught: int = 0
    target: float = 0.9


GRADING = ResultKind("grade", GradingRecord)


def grade_answers(workspace: Workspace, plan: GradePlan, report: Report = silent) -> GradeCounts:
    """Grade what is not graded yet; another target only moves the line between grades and doubts.

    Grades are stored as they come, so that a run cut short goes on where it was.

    Raises:
        Missing: ``grade.nothing``, there are no items or no answers.
        BadInput: an answer does not fit its item; the target is outside (0, 1).
        TeacherRefused: the connected teacher refuses altogether.
    """
    items, answers = items_of(workspace), submissions_of(workspace)
    if not items or not answers:
        raise Missing(
            "There is nothing to grade yet.",
            code="grade.nothing",
            next="Add items and answers on the Assignments screen.",
        )
    target = _target(plan)
    chat = connected_chat(workspace)
    taught = _taught(workspace, answers)
    model = _model(taught, chat is not None)
    _keep_by_person(workspace, answers)
    todo, prints = _todo(workspace, items, answers, model)
    saved = workspace.store.saved(workspace.course.id, GRADING)
    record = saved.value if saved and saved.inputs == model else None
    if todo or record is None:
        grader = prepare(
            items,
            taught,
            target_agreement=target,
            report=report,
        )
        _grade(workspace, items, answers, todo, prints, grader, chat, report)
        record = GradingRecord(calibrations=tuple(grader.calibrations), taught=len(taught))
    record = record.model_copy(update={"target": target})
    workspace.store.save(workspace.course.id, GRADING, record, inputs=model)
    return settle(workspace, target).model_copy(update={"graded": len(todo)})


def grading_costs(workspace: Workspace, plan: GradePlan) -> GradeEstimate:
    """What ``grade_answers`` with this plan will take now: minutes, calls, tokens and money."""
    items, answers = items_of(workspace), submissions_of(workspace)
    known = {item.item_id: item for item in items}
    choice = load_choice(workspace.store)
    taught = _taught(workspace, answers)
    connected = choice.kind == "endpoint"
    todo, _ = _todo(workspace, items, answers, _model(taught, connected))
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


def _target(plan: GradePlan) -> float:
    target = plan.target
    if not 0 < target < 1:
        raise BadInput(
            f"The target agreement {target:g} is not between 0 and 1.",
            code="grade.target",
            next="Give a share such as 0.9.",
            target=target,
        )
    return target


def settle(workspace: Workspace, target: float) -> GradeCounts:
    """Accept each grade that reaches the target, leave the others to review; events follow."""
    now = []
    for m in marked(workspace):
        stands = m.decided or 0 < target <= m.grade.promise
        status = "accepted" if stands else "review"
        fresh = m.grade.model_copy(update={"status": status})
        now.append(m.model_copy(update={"grade": fresh}))
    kept = {row["id"]: row["inputs"] for row in workspace.store.grades(workspace.course.id)}
    rows = [_row(m.submission, m.grade, kept[m.grade.answer_id]) for m in now if not m.decided]
    workspace.store.put_grades(workspace.course.id, rows)
    record_grades(workspace, items_of(workspace), now)
    accepted = sum(m.final for m in now)
    return GradeCounts(answers=len(now), accepted=accepted, review=len(now) - accepted)


def _grade(
    workspace: Workspace,
    items: Sequence[Item],
    answers: Sequence[Submission],
    todo: dict[str, Submission],
    prints: dict[str, str],
    grader: Grader,
    chat: Any,
    report: Report,
) -> None:
    """Grade in batches; each is stored before the next begins."""
    indexed = bool(workspace.store.document_ids(workspace.course.id)) and bool(todo)
    found: list[dict[str, Any]] = []
    for one in grade(
        items,
        answers,
        chat=chat,
        index=open_index(workspace, report) if indexed else None,
        done={s.answer_id for s in answers} - set(todo),
        report=report,
        grader=grader,
    ):
        found.append(_row(todo[one.answer_id], one, prints[one.answer_id]))
        if len(found) >= BATCH:
            workspace.store.put_grades(workspace.course.id, found)
            found = []
    workspace.store.put_grades(workspace.course.id, found)


def _taught(workspace: Workspace, answers: Sequence[Submission]) -> list[Submission]:
    """What people graded: in the files, and in review."""
    found = {s.answer_id: s for s in answers if s.graded}
    for m in marked(workspace):
        if m.decided and m.submission.answer_id not in found:
            given = {"score": m.grade.score, "label": m.grade.label}
            found[m.submission.answer_id] = m.submission.model_copy(update=given)
    return [found[answer] for answer in sorted(found)]


def _keep_by_person(workspace: Workspace, answers: Sequence[Submission]) -> None:
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
    workspace.store.put_grades(workspace.course.id, rows)


def _todo(
    workspace: Workspace, items: Sequence[Item], answers: Sequence[Submission], model: str
) -> tuple[dict[str, Submission], dict[str, str]]:
    """Answers without a grade of this making, and the fingerprint of each answer's grade."""
    own = {item.item_id: item.model_dump(mode="json", exclude={"assignment"}) for item in items}
    have = {row["id"]: row for row in workspace.store.grades(workspace.course.id)}
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


def _answers_now(store: Store, course: str, plan: GradePlan) -> str:
    """Names the answers, and what people decided on them so far."""
    return content_id(store.items(course), store.submissions(course), len(store.grade_log(course)))


GRADE = Step(
    name="grade",
    label="Grading the answers",
    plan=GradePlan,
    result=GradeCounts,
    run=grade_answers,
    inputs=_answers_now,
    default=lambda workspace: GradePlan(),
    queue="heavy",
    estimate=grading_costs,
)
