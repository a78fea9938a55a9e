"""All steps of a course's making in order; finished ones are passed by."""

from __future__ import annotations

import time

from pydantic import Field

from engine.distil import Distilled, DistilPlan
from engine.errors import Missing
from engine.installed import need_trainer
from engine.models.bases import pending_terms, speaks
from engine.optimise import SearchSummary, current, use
from engine.progress import Report, silent
from engine.prompts import was_chosen
from engine.schema import Value
from engine.steps.corpus import DISTIL
from engine.steps.exam import TAKE_EXAM, ExamSummary
from engine.steps.optimise import OPTIMISE, plan_search
from engine.steps.step import Step
from engine.steps.train import TRAIN, TrainPlan
from engine.train import preset
from engine.workspace import TrainedStudent, Workspace, current_base


class BuildPlan(Value):
    """How to build: the corpus's plan (None: by default), the effort of the fine-tuning.

    ``prompts`` counts the answers that the prompt search may ask for (100 take some minutes). None
    by default: it is measured to help an untaught base, not yet a trained student.
    """

    corpus: DistilPlan | None = None
    effort: str = "normal"
    prompts: int = Field(default=0, ge=0)


class Built(Value):
    """What each step made; None where it was left out, with the reason in ``skipped``."""

    minutes: dict[str, float]
    skipped: dict[str, str]
    distil: Distilled
    optimise: SearchSummary | None = None
    train: TrainedStudent | None = None
    exam: ExamSummary | None = None


def build(workspace: Workspace, plan: BuildPlan, report: Report = silent) -> Built:
    """Corpus, prompt search where it is wished, fine-tuning and exam, one after the other.

    The search is for courses whose language the local model speaks, where nobody chose a prompt.
    A course whose recommended base has terms that nobody accepted yet gets its corpus only.

    Raises:
        Missing: the trainer is not installed; nothing was begun.
    """
    need_trainer()
    timer = _Timer()
    with timer("distil"):
        corpus = DISTIL(workspace, plan.corpus, report)
    skipped: dict[str, str] = {}
    with timer("optimise"):
        search = _best_prompt(workspace, plan.prompts, report, skipped)
    wanted = _training(workspace, plan.effort)
    if terms := pending_terms(wanted.recipe.base, workspace.settings):
        skipped["train"] = f"The terms of {wanted.recipe.base} are not accepted: {terms}"
        return Built(minutes=timer.minutes, skipped=skipped, distil=corpus, optimise=search)
    with timer("train"):
        student = TRAIN(workspace, wanted, report)
    with timer("exam"):
        exam = TAKE_EXAM(workspace, report=report)
    return Built(
        minutes=timer.minutes,
        skipped=skipped,
        distil=corpus,
        optimise=search,
        train=student,
        exam=exam,
    )


class _Timer:
    """Minutes by step: ``with timer("train"): ...``."""

    def __init__(self) -> None:
        self.minutes: dict[str, float] = {}

    def __call__(self, name: str) -> _Timer:
        self._name, self._started = name, time.monotonic()
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.minutes[self._name] = (time.monotonic() - self._started) / 60


def _training(workspace: Workspace, effort: str) -> TrainPlan:
    base = TRAIN.default(workspace).recipe.base
    recipe = preset(effort).model_copy(update={"base": base})
    return TrainPlan(recipe=recipe, forgetting=effort != "quick")


def _best_prompt(
    workspace: Workspace, budget: int, report: Report, skipped: dict[str, str]
) -> SearchSummary | None:
    """Search for a prompt and use the best, unless somebody has chosen one already."""
    store, course = workspace.store, workspace.course
    if not budget:
        skipped["optimise"] = "not asked for"
        return None
    if not speaks(current_base(workspace), course.language):
        skipped["optimise"] = "the model on this machine does not speak the course's language"
        return None
    if was_chosen(store, course.id):
        skipped["optimise"] = "a prompt was chosen before"
        return None
    try:
        found = OPTIMISE(workspace, plan_search(workspace, "recombine", budget), report)
    except Missing as error:  # a small course has too few questions to search with
        skipped["optimise"] = error.message
        return None
    newest = current(store, course.id, finished=True)
    assert newest is not None, "the search has just ended"
    use(store, course.id, newest.value, newest.value.best)
    return found


BUILD = Step(
    name="build",
    label="Building the course model",
    plan=BuildPlan,
    result=Built,
    run=build,
    inputs=lambda store, course, plan: "".join(store.readings(course)),
    default=lambda workspace: BuildPlan(),
    queue="heavy",
    stages=("corpus", "student", "exam"),
)
