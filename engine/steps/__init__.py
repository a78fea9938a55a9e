"""The steps of a course's making, each one call: what the command line runs and the worker queues.

A step reads its inputs from the store, calls one verb, and writes the verb's result back. Steps are
idempotent: run again, they do only what is missing. ``STEPS`` names them for ``engine.jobs``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.distil import DistilPlan
from engine.errors import BadInput, Missing
from engine.models.bases import pending_terms, recommended
from engine.progress import Report, silent
from engine.prompts import was_chosen
from engine.settings import Settings
from engine.steps.align import align_teacher
from engine.steps.books import read_books, remove_book
from engine.steps.corpus import discard_corpus, make_corpus
from engine.steps.exam import chapter_of, exam_costs, take_exam
from engine.steps.grading import grade_answers
from engine.steps.optimise import discard_prompts, optimise_prompts, plan_search
from engine.steps.publish import export_student, serve_student
from engine.steps.student import discard_student, train_student
from engine.steps.workspace import (
    Step,
    Workspace,
    base_chat,
    connected_chat,
    current_base,
    current_run,
    open_index,
    student_chat,
    teacher_chat,
    training_pairs,
)
from engine.store import Store

__all__ = [
    "BUILD_BUDGET",
    "STEPS",
    "Workspace",
    "Step",
    "align_teacher",
    "base_chat",
    "build",
    "chapter_of",
    "connected_chat",
    "current_base",
    "current_run",
    "discard_step",
    "grade_answers",
    "make_corpus",
    "open_index",
    "optimise_prompts",
    "read_books",
    "remove_book",
    "exam_costs",
    "run_step",
    "student_chat",
    "take_exam",
    "teacher_chat",
    "train_student",
    "training_pairs",
]


BUILD_BUDGET = 100
"""Answers of the prompt search within ``build``: minutes, where its own default takes twenty."""


def build(workspace: Workspace, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """All steps in order with their defaults; finished ones are passed by.

    ``plan``: ``teacher``, ``distil``, ``effort`` of the fine-tuning, ``prompts`` (answers that the
    prompt search may ask for; 0 leaves it out). The search is for English courses. A course whose
    recommended base has terms that nobody accepted yet gets its corpus only.
    """
    from engine.train import preset

    minutes: dict[str, float] = {}
    result: dict[str, Any] = {}
    teacher = str(plan.get("teacher", "extractive"))
    distil_plan = DistilPlan(teacher=teacher, **plan.get("distil", {})).model_dump(mode="json")
    base = recommended(workspace.course.language)
    chosen = preset(plan.get("effort", "normal")).model_copy(update={"base": base})
    recipe = chosen.model_dump(mode="json")
    steps: list[tuple[str, Step, dict[str, Any]]] = [("distil", make_corpus, distil_plan)]
    if workspace.course.language == "en":
        budget = plan.get("prompts", BUILD_BUDGET)
        steps += [("optimise", _best_prompt, {"budget": budget})] if budget else []
    if not pending_terms(base, workspace.settings):
        steps += [("train", train_student, recipe), ("exam", take_exam, {})]
    for name, step, step_plan in steps:
        started = time.monotonic()
        result[name] = step(workspace, step_plan, report)
        minutes[name] = (time.monotonic() - started) / 60
    return {"minutes": minutes, **result}


def _best_prompt(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Search for a prompt and use the best, unless somebody has chosen one already."""
    from engine.optimise import current, use

    if was_chosen(workspace.store, workspace.course.id):
        return {"skipped": "a prompt was chosen before"}
    try:
        wanted = plan_search(workspace, "recombine", plan["budget"]).model_dump(mode="json")
        found = optimise_prompts(workspace, wanted, report)
    except Missing as error:  # a small course has too few questions to search with
        return {"skipped": error.message}
    newest = current(workspace.store, workspace.course.id, finished=True)
    assert newest is not None, "the search has just ended"
    use(workspace.store, workspace.course.id, newest[1], newest[1].best)
    return found


STEPS: Mapping[str, Step] = {
    "read": read_books,
    "distil": make_corpus,
    "optimise": optimise_prompts,
    "train": train_student,
    "exam": take_exam,
    "grade": grade_answers,
    "align": align_teacher,
    "export": export_student,
    "serve": serve_student,
    "build": build,
}


DISCARD: Mapping[str, Callable[[Workspace, dict[str, Any]], None]] = {
    "distil": discard_corpus,
    "optimise": discard_prompts,
    "train": discard_student,
}
"""What throws away the unfinished work of a step; the others leave nothing but cached answers."""


def run_step(
    settings: Settings, kind: str, course: str, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Run a step in this process.

    Raises:
        BadInput: there is no such step.
        EngineError: whatever the step raises.
    """
    if kind not in STEPS:
        raise BadInput(f"There is no step “{kind}”.", code="step.unknown")
    store = Store(settings.database)
    try:
        return STEPS[kind](Workspace(settings, store, store.course(course)), plan, report)
    finally:
        store.close()


def discard_step(settings: Settings, kind: str, course: str, plan: dict[str, Any]) -> None:
    """Throw away what an unfinished step has made; finished work stays."""
    if kind in DISCARD:
        store = Store(settings.database)
        try:
            DISCARD[kind](Workspace(settings, store, store.course(course)), plan)
        finally:
            store.close()
