"""Where a course stands: the state of each stage, and what the next one lacks.

Read from the store alone, cheaply (a few small queries), on every redraw of a screen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from engine.distil import DistilPlan, fingerprint
from engine.prompts import was_chosen
from engine.schema import Value
from engine.steps.exam import exam_inputs
from engine.store import Result, Store

StageName = Literal["course", "corpus", "prompts", "student", "exam", "publish"]
StageState = Literal["empty", "running", "review", "ready", "stale"]
STAGES: tuple[StageName, ...] = (
    "course",
    "corpus",
    "prompts",
    "student",
    "exam",
    "publish",
)
_KINDS: dict[StageName, tuple[str, ...]] = {
    "course": ("read",),
    "corpus": ("distil", "build"),
    "prompts": ("optimise",),
    "student": ("train", "build"),
    "exam": ("exam", "build"),
    "publish": ("export",),
}


class Stage(Value):
    """One stage's state; ``lacks`` names the first stage that has to come before, if one has."""

    name: StageName
    state: StageState
    lacks: StageName | None = None
    count: int = 0


def overview(store: Store, course: str, live: Collection[str] = ()) -> dict[StageName, Stage]:
    """The state of every stage.

    Args:
        store: The rows.
        course: The course's id.
        live: Kinds of the course's jobs that wait or run.
    """
    books = store.document_ids(course)
    results = {r.stage: r for r in store.results(course) if r.stage != "run" and _ended(r)}
    counts = store.count_pairs(course)
    pairs = sum(n for (_, status), n in counts.items() if status != "rejected")
    proposed = sum(n for (_, status), n in counts.items() if status == "proposed")
    version = store.corpus_version(course, "train", "validation") if pairs else ""
    run = results["train"].data["run"] if "train" in results else ""
    states: dict[StageName, StageState] = {
        "course": "ready" if books else "empty",
        "corpus": _corpus(store, course, results.get("distil"), pairs, proposed),
        "prompts": _prompts(store, course, results.get("prompts"), version),
        "student": _made_from(results.get("train"), version),
        "exam": _made_from(results.get("exam"), exam_inputs(store, course, run)),
        "publish": _made_from(results.get("publish"), run),
    }
    book: StageName | None = None if books else "course"
    corpus: StageName | None = None if pairs else book or "corpus"
    student: StageName | None = None if run else corpus or "student"
    lacks: dict[StageName, StageName | None] = {
        "course": None,
        "corpus": book,
        "prompts": corpus,
        "student": corpus,
        "exam": student,
        "publish": student,
    }
    number = {"course": len(books), "corpus": proposed}
    return {
        name: Stage(
            name=name,
            state="running" if set(_KINDS[name]) & set(live) else states[name],
            lacks=lacks[name],
            count=number.get(name, 0),
        )
        for name in STAGES
    }


def _corpus(
    store: Store, course: str, result: Result | None, pairs: int, proposed: int
) -> StageState:
    if not pairs:
        return "empty"
    if result is not None:
        plan = DistilPlan.model_validate(result.data["plan"])
        if result.inputs != fingerprint(store, course, plan):
            return "stale"
    return "review" if proposed else "ready"


def _prompts(store: Store, course: str, result: Result | None, version: str) -> StageState:
    """Optional: nothing waits for it. A finished search is to be looked at until one chose."""
    if result is None:
        return "empty"
    if result.inputs != version:
        return "stale"
    return "ready" if was_chosen(store, course) else "review"


def _ended(result: Result) -> bool:
    """Whether the result is whole: a prompt search is saved while it grows."""
    return bool(result.data.get("done", True))


def _made_from(result: Result | None, inputs: str) -> StageState:
    if result is None:
        return "empty"
    return "ready" if result.inputs == inputs else "stale"
