"""Publishing the student: files to take away, and an API."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from engine.lesson import Lesson, open_lesson
from engine.progress import Report, silent
from engine.publish import FORMATS, export
from engine.publish.export import Format
from engine.schema import Progress, Value
from engine.steps.step import Step
from engine.store import ResultKind
from engine.workspace import (
    Workspace,
    finished_run,
    instructed,
    open_index,
    student_model,
    trained_run,
    training_pairs,
)


class ExportPlan(Value):
    """The format, and the folder to write into (empty: in the course's own folder)."""

    format: Format
    out: str = ""


class Exported(Value):
    """Files that were written, in their folder."""

    format: Format
    folder: str
    files: tuple[str, ...]


class ServePlan(Value):
    """The port of 127.0.0.1, and how many requests a minute each key may make."""

    port: int = 8600
    per_minute: float = 120


class Served(Value):
    """Where the student was served."""

    address: str


EXPORTS = ResultKind("publish", Exported)
"""What was exported, by format."""


def export_student(workspace: Workspace, plan: ExportPlan, report: Report = silent) -> Exported:
    """Write the current student in the plan's format."""
    folder = finished_run(workspace)
    out = Path(plan.out or workspace.folder / "exports" / folder.name / plan.format)
    files = export(folder, plan.format, out, settings=workspace.settings, report=report)
    found = Exported(format=plan.format, folder=str(out), files=tuple(str(f) for f in files))
    workspace.store.save(workspace.course.id, EXPORTS, found, inputs=folder.name, name=plan.format)
    return found


def serve_student(workspace: Workspace, plan: ServePlan, report: Report = silent) -> Served:
    """Serve the current student on 127.0.0.1 until stopped (``report`` raises ``Cancelled``)."""
    from engine.serve.api import make_app, serving
    from engine.serve.lessons import lesson_routes

    folder = finished_run(workspace)
    model = student_model(workspace.settings, folder)
    report(Progress(stage="serve", message="Loading the student"))
    model.load()
    chat = instructed(model, folder)
    store, course = workspace.store, workspace.course.id
    index = cache(lambda: open_index(workspace))
    pairs = cache(lambda: training_pairs(store, course, "train"))

    def lesson_of(learner: str) -> Lesson:
        return open_lesson(workspace, learner, index=index, pairs=pairs, student=lambda: chat)

    lessons = lesson_routes(lesson_of, workspace.settings, store, course)
    app = make_app(chat, store, course, per_minute=plan.per_minute, lessons=lessons)
    with serving(app, plan.port):
        while True:
            report(Progress(stage="serve", message=f"http://127.0.0.1:{plan.port}/v1"))
            time.sleep(1.0)


EXPORT = Step(
    name="export",
    label="Exporting",
    plan=ExportPlan,
    result=Exported,
    run=export_student,
    inputs=lambda store, course, plan: trained_run(store, course),
    default=lambda workspace: ExportPlan(format=FORMATS[0]),
    stages=("publish",),
)
SERVE = Step(
    name="serve",
    label="Serving the student",
    plan=ServePlan,
    result=Served,
    run=serve_student,
    inputs=lambda store, course, plan: trained_run(store, course),
    default=lambda workspace: ServePlan(),
    queue="services",
)
