"""The steps of a course's making, each declared once: what the command line runs and jobs queue.

A step reads its inputs from the store, calls one verb, and writes the verb's result back. Steps are
idempotent: run again, they do only what is missing.
"""

from __future__ import annotations

from typing import Any

from engine.errors import BadInput
from engine.progress import Report, silent
from engine.settings import Settings
from engine.steps.align import ALIGN
from engine.steps.books import READ
from engine.steps.build import BUILD
from engine.steps.corpus import DISTIL, FILL
from engine.steps.exam import TAKE_EXAM
from engine.steps.grading import GRADE
from engine.steps.optimise import OPTIMISE
from engine.steps.publish import EXPORT, SERVE
from engine.steps.step import Queue, StageName, Step
from engine.steps.train import TRAIN
from engine.workspace import Workspace, opened

__all__ = [
    "ALIGN",
    "BUILD",
    "DISTIL",
    "EXPORT",
    "FILL",
    "GRADE",
    "OPTIMISE",
    "READ",
    "SERVE",
    "STEPS",
    "TAKE_EXAM",
    "TRAIN",
    "Queue",
    "StageName",
    "Step",
    "Workspace",
    "discard_step",
    "run_step",
    "step_named",
]

STEPS: tuple[Step[Any, Any], ...] = (
    READ,
    DISTIL,
    FILL,
    OPTIMISE,
    TRAIN,
    TAKE_EXAM,
    GRADE,
    ALIGN,
    EXPORT,
    SERVE,
    BUILD,
)


def step_named(name: str) -> Step[Any, Any]:
    """The step of this name.

    Raises:
        BadInput: there is none.
    """
    found = next((step for step in STEPS if step.name == name), None)
    if found is None:
        raise BadInput(f"There is no step “{name}”.", code="step.unknown")
    return found


def run_step(
    settings: Settings, name: str, course: str, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Run a step in this process by a plan kept as JSON; returns its result as JSON.

    Raises:
        BadInput: there is no such step.
        EngineError: whatever the step raises.
    """
    step = step_named(name)
    with opened(settings, course) as workspace:
        return dict(step.run_json(workspace, plan, report))


def discard_step(settings: Settings, name: str, course: str, plan: dict[str, Any]) -> None:
    """Throw away what an unfinished step has made; finished work stays."""
    step = step_named(name)
    if step.discard is not None:
        with opened(settings, course) as workspace:
            step.discard(workspace, step.plan.model_validate(plan))
