"""The student: fine-tune, write the file that answers, ask it a few fixed questions."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.corpus import Gate, held_back, let_through
from engine.errors import Missing
from engine.llm import Request, user
from engine.models.bases import recommended
from engine.progress import Report, silent
from engine.publish import publish_local
from engine.schema import Pair, Split, Value, content_id
from engine.steps.step import Step
from engine.store import Store
from engine.train import Recipe, TrainingEstimate, TrainingRow, estimate, keep, preset, train
from engine.workspace import (
    RUNS,
    TRAINED,
    TrainedStudent,
    Workspace,
    base_chat,
    student_chat,
    training_pairs,
)

PANEL = 8
"""Questions that base and student answer after each training."""


class TrainPlan(Value):
    """The recipe; with ``finish`` an unfinished run ends with its best adapter so far."""

    recipe: Recipe = Recipe()
    finish: bool = False


def train_student(workspace: Workspace, plan: TrainPlan, report: Report = silent) -> TrainedStudent:
    """Fine-tune by the plan's recipe, then write the file that answers (merged, Q8_0).

    Raises:
        Missing: there are too few pairs to train on.
    """
    store, course = workspace.store, workspace.course.id
    train_rows, validation_rows, held = rows_to_train(store, course)
    version, recipe = corpus_trained_on(store, course), plan.recipe
    name = _run_name(version, recipe, held)
    folder = workspace.folder / "runs" / name
    if plan.finish:
        trained = keep(folder)
    else:
        trained = train(
            train_rows, validation_rows, recipe, folder, settings=workspace.settings, report=report
        )
    student = TrainedStudent(
        run=name,
        recipe=recipe,
        training=trained,
        published=publish_local(
            folder, folder / "student", settings=workspace.settings, report=report
        ),
        panel=_panel(workspace, folder, recipe.base),
        held_back=dict(Counter(held.values())),
    )
    store.save(course, TRAINED, student, inputs=version)
    store.save(course, RUNS, student, inputs=version, name=name)
    return student


def discard_student(workspace: Workspace, plan: TrainPlan) -> None:
    """Throw an unfinished run away; a finished one stays."""
    store, course = workspace.store, workspace.course.id
    held = held_back(store.pairs(course))
    name = _run_name(corpus_trained_on(store, course), plan.recipe, held)
    if store.saved(course, RUNS, name) is None:
        shutil.rmtree(workspace.folder / "runs" / name, ignore_errors=True)


def corpus_trained_on(store: Store, course: str) -> str:
    """Names the pairs that a student is trained and validated on."""
    return store.corpus_version(course, "train", "validation")


def _run_name(version: str, recipe: Recipe, held: Mapping[str, Gate]) -> str:
    return content_id(version, recipe.model_dump(mode="json"), *([sorted(held)] if held else []))


def training_costs(workspace: Workspace, plan: TrainPlan) -> TrainingEstimate:
    """Minutes, memory and disk of a training on the pairs that the course has now."""
    pairs = let_through(workspace.store.pairs(workspace.course.id))
    return estimate(_as_rows(pairs, "train"), plan.recipe, workspace.settings)


def rows_to_train(
    store: Store, course: str
) -> tuple[list[TrainingRow], list[TrainingRow], dict[str, Gate]]:
    """Rows to train and to validate on, and what the exam's guard held back of them, by pair.

    Raises:
        Missing: there are too few.
    """
    pairs = store.pairs(course)
    held = held_back(pairs)
    used = [pair for pair in pairs if pair.status != "rejected" and pair.id not in held]
    rows = _as_rows(used, "train")
    if len(rows) < 8:
        raise Missing(
            "There are not enough pairs to train on.",
            code="train.no_pairs",
            next="Make a corpus first: at least a few dozen pairs.",
        )
    return rows, _as_rows(used, "validation"), held


def _as_rows(pairs: Iterable[Pair], split: Split) -> list[TrainingRow]:
    return [
        TrainingRow(question=p.question, answer=p.answer, turns=p.turns)
        for p in pairs
        if p.split == split
    ]


def _panel(workspace: Workspace, folder: Path, base: str) -> tuple[dict[str, str], ...]:
    """A few fixed questions with the book's answer, the base's and the student's."""
    pairs = training_pairs(workspace.store, workspace.course.id, "validation")[:PANEL]
    requests = [
        Request(messages=user(p.question), max_tokens=80, may_be_cut=True, purpose="panel")
        for p in pairs
    ]
    rows = [{"question": p.question, "book": p.answer} for p in pairs]
    chats = {"base": base_chat(workspace, base), "student": student_chat(workspace, folder)}
    for name, chat in chats.items():
        for i, outcome in chat.ask(requests):
            rows[i][name] = getattr(outcome, "text", "")
    return tuple(rows)


def _default(workspace: Workspace) -> TrainPlan:
    base = recommended(workspace.course.language)
    return TrainPlan(recipe=preset("normal").model_copy(update={"base": base}))


TRAIN = Step(
    name="train",
    label="Fine-tuning the student",
    plan=TrainPlan,
    result=TrainedStudent,
    run=train_student,
    inputs=lambda store, course, plan: corpus_trained_on(store, course),
    default=_default,
    queue="heavy",
    stages=("student",),
    estimate=training_costs,
    discard=discard_student,
)
