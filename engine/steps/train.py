"""The student: fine-tune, write the file that answers, ask it a few fixed questions."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from engine.align import lessons, lessons_version
from engine.corpus import Gate, held_back
from engine.exam import followed
from engine.judge import interval
from engine.llm import Chat, Request, user
from engine.models.bases import recommended
from engine.progress import Report, silent
from engine.prompts import course_system, prompt_version
from engine.publish import publish_local
from engine.schema import Figure, Value, content_id
from engine.steps.rows import enough, rows_to_train, sketched_rows
from engine.steps.step import Step
from engine.store import Store
from engine.train import (
    Mixture,
    Recipe,
    TrainingEstimate,
    estimate,
    keep,
    preset,
    train,
)
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
TEACHABLE = 0.2
"""Instructions that a base has to follow for its own talk to be worth rehearsing: what was never
tuned to instructions goes on in its own way, and has nothing to forget."""


class TrainPlan(Value):
    """Recipe and mixture; with ``finish`` an unfinished run ends with its best adapter so far.

    ``forgetting`` asks base and student the general instructions, and rehearses the base's talk:
    about two minutes on two cores, which a quick look does without.
    """

    recipe: Recipe = Recipe()
    mixture: Mixture = Mixture()
    forgetting: bool = True
    finish: bool = False


def train_student(workspace: Workspace, plan: TrainPlan, report: Report = silent) -> TrainedStudent:
    """Fine-tune by the plan's recipe, then write the file that answers (merged, Q8_0).

    Raises:
        Missing: there are too few pairs to train on.
    """
    store, course = workspace.store, workspace.course.id
    recipe = _recipe(workspace, plan)
    pairs = store.pairs(course)
    held = held_back(pairs)
    enough([p for p in pairs if p.status != "rejected" and p.id not in held])  # before any fetch
    version, name = trained_on(store, course), _run_name(workspace, plan, held)
    folder = workspace.folder / "runs" / name
    follows = _followed_by_base(workspace, plan, report)
    if plan.finish:
        trained = keep(folder)
    else:
        rows = rows_to_train(
            workspace,
            plan.recipe,
            plan.mixture,
            report,
            replay="base" in follows and follows["base"].value >= TEACHABLE,
        )
        trained = train(
            rows.train, rows.validation, recipe, folder, settings=workspace.settings, report=report
        )
    published = publish_local(
        folder, folder / "student", settings=workspace.settings, report=report
    )
    if plan.forgetting:
        follows["student"] = _follows(student_chat(workspace, folder), workspace, report)
    student = TrainedStudent(
        run=name,
        recipe=recipe,
        mixture=plan.mixture,
        lessons=len(lessons(store, course)),
        pairs=store.corpus_version(course, "train", "validation"),
        training=trained,
        published=published,
        panel=_panel(workspace, folder, recipe.base),
        held_back=dict(Counter(held.values())),
        follows=follows,
    )
    store.save(course, TRAINED, student, inputs=version)
    store.save(course, RUNS, student, inputs=version, name=name)
    return student


def discard_student(workspace: Workspace, plan: TrainPlan) -> None:
    """Throw an unfinished run away; a finished one stays."""
    store, course = workspace.store, workspace.course.id
    name = _run_name(workspace, plan, held_back(store.pairs(course)))
    if store.saved(course, RUNS, name) is None:
        shutil.rmtree(workspace.folder / "runs" / name, ignore_errors=True)


def trained_on(store: Store, course: str) -> str:
    """Names what a student learns: pairs, the prompt in which it sees the book, chosen lessons."""
    version = store.corpus_version(course, "train", "validation")
    chosen = [v for v in (prompt_version(store, course), lessons_version(store, course)) if v]
    return content_id(version, *chosen) if chosen else version


def _run_name(workspace: Workspace, plan: TrainPlan, held: Mapping[str, Gate]) -> str:
    recipe, mixture = _recipe(workspace, plan), plan.mixture
    own = [trained_on(workspace.store, workspace.course.id), recipe.model_dump(mode="json")]
    parts = [mixture.model_dump(mode="json"), *([sorted(held)] if held else [])]
    return content_id(*own, *parts, *([] if plan.forgetting else ["quick"]))


def _recipe(workspace: Workspace, plan: TrainPlan) -> Recipe:
    """The plan's recipe with the course's own system prompt."""
    course = workspace.course
    return plan.recipe.model_copy(update={"system": course_system(course.title, course.language)})


def training_costs(workspace: Workspace, plan: TrainPlan) -> TrainingEstimate:
    """Minutes, memory and disk of a training on the pairs that the course has now."""
    return estimate(sketched_rows(workspace, plan.mixture), plan.recipe, workspace.settings)


def _followed_by_base(workspace: Workspace, plan: TrainPlan, report: Report) -> dict[str, Figure]:
    """What the base follows, by its name in ``TrainedStudent.follows``; empty if nobody asks."""
    if not plan.forgetting:
        return {}
    return {"base": _follows(base_chat(workspace, plan.recipe.base), workspace, report)}


def _follows(chat: Chat, workspace: Workspace, report: Report) -> Figure:
    """Share of our instructions that a model follows, in the course's language."""
    return interval(followed(chat, workspace.course.language, report))


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
    inputs=lambda store, course, plan: trained_on(store, course),
    default=_default,
    queue="heavy",
    stages=("student",),
    estimate=training_costs,
    discard=discard_student,
)
