"""All ways of getting lessons side by side, on this course and its own student."""

from __future__ import annotations

from pathlib import Path

from engine.align import (
    ARMS,
    AlignPlan,
    AlignResult,
    LocalBackend,
    align,
    best_arm,
    choose_lessons,
    chosen_arm,
    estimate,
)
from engine.corpus import let_through
from engine.errors import BadInput
from engine.installed import need_trainer
from engine.language import DEFAULT, rules
from engine.llm import Chat
from engine.llm.costs import Estimate
from engine.llm.ledger import Ledger
from engine.llm.local import Local
from engine.llm.teacher import load_choice
from engine.models.bases import base_folder, facts, recommended, speaks
from engine.progress import Report, silent
from engine.schema import content_id
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import TRAINED, Workspace, base_chat, connected_chat

ALIGNED = ResultKind("align", AlignResult)


def align_teacher(workspace: Workspace, plan: AlignPlan, report: Report = silent) -> AlignResult:
    """Run the plan's arms on the course's pairs and the base of its student.

    Where nobody has decided, an arm that helps beyond chance becomes the course's choice; not one
    of a base that explained to itself, of whose reasons one in seven could be shown to a class.

    Raises:
        BadInput: the base does not speak the course's language, or has terms to accept first.
        Missing: the trainer or the base is not there, or the corpus is too small.
    """
    need_trainer()
    store, course = workspace.store, workspace.course.id
    plan = plan.model_copy(update={"base": plan.base or base_to_align(workspace)})
    _need_language(workspace, plan.base)
    base_folder(plan.base, workspace.settings, report)
    connected = connected_chat(workspace)
    teacher = connected or base_chat(workspace, plan.base)
    version = _pairs_now(store, course, plan)
    sizes = plan.model_dump(mode="json", exclude={"arms"})
    backend = LocalBackend(
        workspace.settings,
        plan.base,
        workspace.course.language,
        teacher,
        connected is None,
        lambda folder: _opened(workspace, folder),
        report,
    )
    name = content_id(version, sizes, teacher.model, backend.student.model)
    folder = workspace.folder / "align" / name
    pairs = let_through(store.pairs(course))
    result = align(pairs, plan, folder, backend, report, plan.arms or ARMS)
    store.save(course, ALIGNED, result, inputs=version)
    best = best_arm(result)
    undecided = chosen_arm(store, course) is None
    if best is not None and undecided and not result.weak_teacher:
        choose_lessons(store, course, result, best.arm)
    return result


def base_to_align(workspace: Workspace) -> str:
    """The base of the course's student; before there is one, the one recommended for it."""
    student = workspace.store.saved(workspace.course.id, TRAINED)
    return student.value.recipe.base if student else recommended(workspace.course.language)


def _need_language(workspace: Workspace, base: str) -> None:
    """Refuse a base that was not made for the course's language."""
    if speaks(base, workspace.course.language):
        return
    english = rules(DEFAULT)
    spoken = ", ".join(english.name_of(code) for code in facts(base, workspace.settings).languages)
    raise BadInput(
        f"The student's base reads {spoken} only.",
        code="align.language",
        next="Choose a base that speaks the language of the course.",
        languages=spoken,
    )


def _opened(workspace: Workspace, folder: Path) -> Chat:
    return Ledger(Local(workspace.settings, folder), workspace.store)


def _pairs_now(store: Store, course: str, plan: AlignPlan) -> str:
    return store.corpus_version(course, "train", "exam")


def align_costs(workspace: Workspace, plan: AlignPlan) -> Estimate:
    """Calls, tokens, money (at the saved teacher's prices) and minutes."""
    choice = load_choice(workspace.store)
    prices = (choice.price.prompt, choice.price.completion)
    connected = choice.kind == "endpoint"
    base = facts(plan.base or base_to_align(workspace), workspace.settings)
    return estimate(
        plan,
        plan.arms or ARMS,
        connected=connected,
        prices=prices,
        parameters=base.parameters,
    )


ALIGN = Step(
    name="align",
    label="Comparing explanations",
    plan=AlignPlan,
    result=AlignResult,
    run=align_teacher,
    inputs=_pairs_now,
    default=lambda workspace: AlignPlan(),
    queue="heavy",
    estimate=align_costs,
)
