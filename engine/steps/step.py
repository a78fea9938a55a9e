"""What a step of a course's making is: one declaration, from which everything about it derives.

The step list, the queues, the command line's estimates, what *discard* throws away, the names of
jobs and the stages that are shown as running all read these fields; no other table repeats them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from engine.progress import Report, silent
from engine.schema import Value
from engine.store import Store
from engine.workspace import Workspace

P = TypeVar("P", bound=Value)
R = TypeVar("R", bound=Value)

Queue = Literal["heavy", "light", "services"]
StageName = Literal["course", "corpus", "prompts", "student", "exam", "publish"]
StageState = Literal["empty", "running", "review", "ready", "stale"]


@dataclass(frozen=True)
class Step(Generic[P, R]):
    """One step: a typed plan goes in, a typed result comes out.

    Attributes:
        name: As the worker and the command line know it.
        label: What it does, in English, for people (``Making the corpus``).
        plan: The type of its plan.
        result: The type of its result.
        run: Does the work; run again, it does only what is missing.
        inputs: The fingerprint of what the step starts from, the plan aside.
        default: The plan that is used where nobody chose one.
        queue: ``heavy`` steps run one at a time; ``services`` run until they are stopped.
        stages: The stages of the course that show *running* while the step does.
        estimate: What the step will take; None where nobody waits for it.
        discard: Throws away what an unfinished run has made; None where it leaves nothing.
    """

    name: str
    label: str
    plan: type[P]
    result: type[R]
    run: Callable[[Workspace, P, Report], R]
    inputs: Callable[[Store, str, P], str]
    default: Callable[[Workspace], P]
    queue: Queue = "light"
    stages: tuple[StageName, ...] = ()
    estimate: Callable[[Workspace, P], Value] | None = None
    discard: Callable[[Workspace, P], None] | None = None

    def __call__(self, workspace: Workspace, plan: P | None = None, report: Report = silent) -> R:
        """Run the step here and now; without a plan, by its default."""
        return self.run(workspace, plan if plan is not None else self.default(workspace), report)

    def run_json(self, workspace: Workspace, plan: dict[str, Any], report: Report) -> Any:
        """Run by a plan that was kept as JSON; returns the result as JSON."""
        return self(workspace, self.plan.model_validate(plan), report).model_dump(mode="json")
