"""Where a course stands: the state of each stage, and what the next one lacks.

Read from the store alone, cheaply (a few small queries), on every redraw of a screen.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.distil import CORPUS, fingerprint
from engine.prompts import was_chosen
from engine.schema import Value
from engine.steps import STEPS, TAKE_EXAM, StageName
from engine.steps.exam import ExamPlan
from engine.steps.step import StageState
from engine.store import Store
from engine.workspace import trained_run

STAGES: tuple[StageName, ...] = ("course", "corpus", "prompts", "student", "exam", "publish")


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
        live: Names of the steps whose jobs wait or run.
    """
    books = store.document_ids(course)
    counts = store.count_pairs(course)
    pairs = sum(n for (_, status), n in counts.items() if status != "rejected")
    proposed = sum(n for (_, status), n in counts.items() if status == "proposed")
    run = trained_run(store, course)
    states = _states(store, course, bool(books), pairs, proposed, run)
    lacks = _lacks(bool(books), bool(pairs), bool(run))
    running = {name for step in STEPS if step.name in live for name in step.stages}
    number = {"course": len(books), "corpus": proposed}
    return {
        name: Stage(
            name=name,
            state="running" if name in running else states[name],
            lacks=lacks[name],
            count=number.get(name, 0),
        )
        for name in STAGES
    }


def _states(
    store: Store, course: str, books: bool, pairs: int, proposed: int, run: str
) -> dict[StageName, StageState]:
    """The state of each stage, whatever runs now."""
    made = store.newest_inputs(course)
    version = store.corpus_version(course, "train", "validation") if pairs else ""
    return {
        "course": "ready" if books else "empty",
        "corpus": _corpus(store, course, pairs, proposed),
        "prompts": _prompts(store, course, made.get("prompts"), version),
        "student": _made_from(made.get("train"), version),
        "exam": _made_from(made.get("exam"), TAKE_EXAM.inputs(store, course, ExamPlan())),
        "publish": _made_from(made.get("publish"), run),
    }


def _lacks(books: bool, pairs: bool, run: bool) -> dict[StageName, StageName | None]:
    """The first stage that each one waits for, if it waits for any."""
    book: StageName | None = None if books else "course"
    corpus: StageName | None = None if pairs else book or "corpus"
    student: StageName | None = None if run else corpus or "student"
    return {
        "course": None,
        "corpus": book,
        "prompts": corpus,
        "student": corpus,
        "exam": student,
        "publish": student,
    }


def _corpus(store: Store, course: str, pairs: int, proposed: int) -> StageState:
    if not pairs:
        return "empty"
    made = store.saved(course, CORPUS)
    if made is not None and made.inputs != fingerprint(store, course, made.value.plan):
        return "stale"
    return "review" if proposed else "ready"


def _prompts(store: Store, course: str, inputs: str | None, version: str) -> StageState:
    """Optional: nothing waits for it. A finished search is to be looked at until one chose."""
    if inputs is None:
        return "empty"
    if inputs != version:
        return "stale"
    return "ready" if was_chosen(store, course) else "review"


def _made_from(made: str | None, inputs: str) -> StageState:
    if made is None:
        return "empty"
    return "ready" if made == inputs else "stale"
