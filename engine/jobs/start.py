"""Asking for a step: the one way in which screens and the command line start a job."""

from __future__ import annotations

from typing import TypeVar

from engine.jobs.card import Job
from engine.schema import Value
from engine.steps import Step, Workspace

P = TypeVar("P", bound=Value)
R = TypeVar("R", bound=Value)


def result_of(job: Job, step: Step[P, R]) -> R | None:
    """What a job of this step left as its result; None where it has not ended well."""
    return None if job.result is None else step.result.model_validate(job.result)


def start(workspace: Workspace, step: Step[P, R], plan: P | None = None) -> str:
    """Queue a step on a course and return the job's id.

    While such a job waits or runs, asking again starts nothing. One that ended is taken up again,
    and does only what is missing.

    Args:
        workspace: The course.
        step: What to do.
        plan: How; by default the step's own default.
    """
    from engine import jobs

    wanted = plan if plan is not None else step.default(workspace)
    course = workspace.course.id
    inputs = step.inputs(workspace.store, course, wanted)
    data = wanted.model_dump(mode="json")
    job = jobs.submit(workspace.settings, step.name, course, data, inputs)
    if jobs.read(workspace.settings, job).state == "done":
        jobs.run_again(workspace.settings, job)
    return job
