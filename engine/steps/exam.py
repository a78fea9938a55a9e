"""The exam of base and student, beside the baselines that know nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.corpus import ExerciseCount, count_exercises, natural_pairs
from engine.course import chapters
from engine.duplicates import near_duplicates
from engine.errors import Missing
from engine.exam import EXAM, Contrast, EarlierRun, ExamReport, Verdict, examine
from engine.llm import Chat
from engine.llm.costs import Estimate, embedded_minutes, endpoint_minutes, estimate_of
from engine.llm.teacher import load_choice
from engine.models.bases import SMOLLM2
from engine.progress import Report, silent
from engine.prompts import chosen_prompt, prompt_version
from engine.schema import Course, Document, Value
from engine.steps.beside import beside_student, earlier_run
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import (
    Workspace,
    base_chat,
    connected_chat,
    current_base,
    current_run,
    finished_run,
    open_index,
    student_chat,
    trained_run,
    training_pairs,
)

Examinee = Literal["base", "student", "teacher"]


class ExamPlan(Value):
    """Who sits the exam, and whether also with the book at hand.

    Without ``models`` base and student do, with ``teacher`` the connected teacher beside them; that
    is the course's exam. An exam of named models stands apart. ``judge`` has the connected teacher
    mark every answer. ``beside`` names an earlier run whose student sits it too (``newest``: the
    newest that is comparable), see ``beside.comparable_runs``.
    """

    models: tuple[Examinee, ...] = ()
    teacher: bool = False
    book: bool = True
    judge: bool = False
    beside: str = ""


class ExamFigure(Value):
    """One figure: a model's mean of one measure on one part, with its 95 % interval."""

    part: str
    model: str
    book: bool
    n: int
    measure: str
    value: float
    low: float
    high: float


class ExamSummary(Value):
    """All figures of an exam without its answers; ``run`` names the student's run.

    ``verdicts`` are against the best baseline of each part, who is named in ``baselines``;
    ``exercises`` says what the natural part is made from.
    """

    run: str
    questions: dict[str, int]
    failed: int
    unmarked: int
    verdicts: dict[str, Verdict]
    baselines: dict[str, str]
    exercises: ExerciseCount | None
    rows: tuple[ExamFigure, ...]
    contrasts: tuple[Contrast, ...] = ()
    earlier: EarlierRun | None = None


"""The course's exam; under the names of models: an exam of these alone."""
EXAM_OF_SOME = ResultKind("exam.some", ExamReport)
"""Exams of named models alone, under their names joined by ``+``."""


def take_exam(workspace: Workspace, plan: ExamPlan, report: Report = silent) -> ExamSummary:
    """Examine the models that the plan names, closed book and with retrieval.

    Raises:
        Missing: no exam questions, or a model that does not exist yet.
    """
    store, course = workspace.store, workspace.course
    folder = current_run(workspace)
    add_exercises(store, course)
    documents = store.documents(course.id)
    earlier = earlier_run(workspace, plan.beside) if plan.beside else None
    sits = "student" in _examinees(workspace, plan)
    beside = beside_student(workspace, earlier, book=plan.book) if sits else ()
    found = examine(
        {name: _model(workspace, name) for name in _examinees(workspace, plan)},
        training_pairs(store, course.id, "exam"),
        index=open_index(workspace) if plan.book else None,
        trained=training_pairs(store, course.id, "train"),
        chapters=chapter_of(documents),
        prompt=chosen_prompt(store, course.id, course.language),
        judge=_teacher(workspace) if plan.judge else None,
        beside=tuple(beside),
        report=report,
    )
    run = folder.name if folder else ""
    exercises = count_exercises(course, documents)
    found = found.model_copy(update={"run": run, "exercises": exercises, "earlier": earlier})
    inputs = exam_inputs(store, course.id, plan)
    if plan.models:
        store.save(course.id, EXAM_OF_SOME, found, inputs=inputs, name="+".join(plan.models))
    else:
        store.save(course.id, EXAM, found, inputs=inputs)
    return summary(found)


def add_exercises(store: Store, course: Course) -> None:
    """Give a corpus from before the natural part the book's own exercises.

    A corpus that is made now has them. The student may have been trained on the old one, so what
    nearly repeats a pair outside the exam stays out.
    """
    pairs = store.pairs(course.id)
    known = {pair.id for pair in pairs} | {pair.point for pair in pairs}
    new = [
        pair
        for pair in natural_pairs(course, store.documents(course.id))
        if pairs and not {pair.id, pair.point} & known
    ]
    trained = [pair.question for pair in pairs if pair.split != "exam"]
    near = near_duplicates([pair.question for pair in new], trained)
    own = [pair for i, pair in enumerate(new) if i not in near]
    store.put_pairs(course.id, own, first=_AFTER)


_AFTER = 50_000
"""Position of exercises that an old corpus gets: behind its own pairs, before uploaded ones."""


def summary(found: ExamReport) -> ExamSummary:
    """An exam's figures, one a row."""
    rows = [
        ExamFigure(
            part=row.part, model=row.model, book=row.book, measure=measure, **figure.model_dump()
        )
        for row in found.rows
        for measure, figure in row.figures.items()
    ]
    return ExamSummary(
        run=found.run,
        questions=found.questions,
        failed=found.failed,
        unmarked=found.unmarked,
        verdicts=found.verdicts,
        baselines={part: baseline.model for part, baseline in found.baselines.items()},
        exercises=found.exercises,
        rows=tuple(rows),
        contrasts=found.contrasts,
        earlier=found.earlier,
    )


def _examinees(workspace: Workspace, plan: ExamPlan) -> list[Examinee]:
    if plan.models:
        return list(plan.models)
    student: list[Examinee] = ["student"] if current_run(workspace) else []
    teacher: list[Examinee] = ["teacher"] if plan.teacher else []
    return ["base", *student, *teacher]


def _model(workspace: Workspace, name: Examinee) -> Chat:
    if name == "teacher":
        return _teacher(workspace)
    return (
        base_chat(workspace) if name == "base" else student_chat(workspace, finished_run(workspace))
    )


def _teacher(workspace: Workspace) -> Chat:
    """The connected teacher.

    Raises:
        Missing: none is connected; the book's own sentences sit no exam.
    """
    chat = connected_chat(workspace)
    if chat is None:
        raise Missing(
            "No teacher model is connected that could be examined.",
            code="exam.no_teacher",
            next="Run: coursewright teacher set --base-url URL --model NAME",
        )
    return chat


_ANSWER = 70
"""Tokens of an answer, on average: a base model rambles up to its limit, a student is short."""
_LOCAL_SECONDS = 1.7
"""Seconds for an answer by transformers on two cores (a base of 270 million weights)."""


def exam_costs(workspace: Workspace, plan: ExamPlan) -> Estimate:
    """What the exam will take; money is the teacher's, at the prices that were saved with it."""
    teacher = plan.teacher
    pairs = training_pairs(workspace.store, workspace.course.id, "exam")
    passages = workspace.store.passages(workspace.course.id)
    mean = sum(p.tokens for p in passages) / max(1, len(passages))
    models = 1.0 + (current_run(workspace) is not None)
    if current_run(workspace) is not None:  # who sits beside the student
        chosen = bool(prompt_version(workspace.store, workspace.course.id))
        models += 0.5 * (plan.book and chosen) + bool(plan.beside)
    prompt = len(pairs) * (40 + 2 * mean + 60)
    calls, completion = 2 * len(pairs), 2.0 * len(pairs) * _ANSWER
    if current_base(workspace) == SMOLLM2:
        minutes = models * embedded_minutes(prompt, completion)
    else:
        minutes = models * calls * _LOCAL_SECONDS / 60
    money = (0.0, 0.0)
    if teacher:
        price = load_choice(workspace.store).price
        money = (price.prompt, price.completion)
        minutes += endpoint_minutes(calls)
    paid = estimate_of(calls, prompt, completion, 0.0, money)
    asked = models + teacher
    found = estimate_of(round(asked * calls), asked * prompt, asked * completion, minutes)
    found = found.model_copy(update={"money": paid.money})
    return _with_marks(workspace, found, len(pairs), asked) if plan.judge else found


def _with_marks(workspace: Workspace, found: Estimate, questions: int, asked: float) -> Estimate:
    """With one call a question that marks the answers of all who sit it."""
    price = load_choice(workspace.store).price
    answers = 2 * asked + 2  # lookup and book answer once each
    prompt = questions * (_MARKING + answers * _ANSWER)
    minutes = endpoint_minutes(questions)
    money = (price.prompt, price.completion)
    more = estimate_of(questions, prompt, questions * answers * 8.0, minutes, money)
    sums = {name: getattr(found, name) + getattr(more, name) for name in ("calls", "money")}
    return found.model_copy(update=sums | {"minutes": found.minutes + more.minutes})


_MARKING = 260
"""Tokens of a call that marks: instructions, question and the book's answer."""


_SITTERS = "natural-"
"""An exam that was held before the books' exercises were asked is out of date."""


def exam_inputs(store: Store, course: str, plan: ExamPlan) -> str:
    """Names what an exam is made from: who sits it, the run, the questions, a chosen prompt."""
    return (
        _SITTERS
        + trained_run(store, course)
        + store.corpus_version(course, "exam")
        + prompt_version(store, course)
    )


def chapter_of(documents: Sequence[Document]) -> dict[str, str]:
    """Section id to the title of its chapter: the top level, or the next where that is one."""
    return {section: chapter.title for section, chapter in chapters(documents).items()}


TAKE_EXAM = Step(
    name="exam",
    label="Examining",
    plan=ExamPlan,
    result=ExamSummary,
    run=take_exam,
    inputs=exam_inputs,
    default=lambda workspace: ExamPlan(),
    queue="heavy",
    stages=("exam",),
    estimate=exam_costs,
)
