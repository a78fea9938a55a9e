"""All ways of getting rationales side by side, on this course and this student."""

from __future__ import annotations

from pathlib import Path

from engine.align import ARMS, AlignPlan, AlignResult, LocalBackend, align, estimate
from engine.corpus import let_through
from engine.errors import BadInput
from engine.installed import need_trainer
from engine.language import DEFAULT, rules
from engine.llm import Chat
from engine.llm.costs import Estimate
from engine.llm.embedded import Embedded
from engine.llm.ledger import Ledger
from engine.llm.teacher import load_choice
from engine.models.bases import SMOLLM2, facts, speaks
from engine.progress import Report, silent
from engine.schema import content_id
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import Workspace, base_chat, connected_chat

ALIGNED = ResultKind("align", AlignResult)


def align_teacher(workspace: Workspace, plan: AlignPlan, report: Report = silent) -> AlignResult:
    """Run the plan's arms on the course's pairs.

    Raises:
        BadInput: the built-in student does not speak the course's language.
        Missing: the trainer is not installed, or the corpus is too small.
    """
    if not speaks(SMOLLM2, workspace.course.language):
        spoken = _spoken(workspace)
        raise BadInput(
            f"The built-in student reads {spoken} only.",
            code="align.language",
            next="Use this with a course in a language that it reads.",
            languages=spoken,
        )
    need_trainer()
    store, course = workspace.store, workspace.course.id
    student, connected = base_chat(workspace, SMOLLM2), connected_chat(workspace)
    teacher = connected or student
    version = _pairs_now(store, course, plan)
    sizes = plan.model_dump(mode="json", exclude={"arms"})
    name = content_id(version, sizes, teacher.model, student.model)
    result = align(
        let_through(store.pairs(course)),
        plan,
        workspace.folder / "align" / name,
        LocalBackend(
            workspace.settings,
            teacher,
            student,
            connected is None,
            lambda gguf: _opened(workspace, gguf),
        ),
        report,
        plan.arms or ARMS,
    )
    store.save(course, ALIGNED, result, inputs=version)
    return result


def _spoken(workspace: Workspace) -> str:
    """The languages of the built-in student by name, with commas between."""
    english = rules(DEFAULT)
    return ", ".join(english.name_of(code) for code in facts(SMOLLM2, workspace.settings).languages)


def _opened(workspace: Workspace, gguf: Path) -> Chat:
    return Ledger(Embedded(workspace.settings, gguf=gguf), workspace.store)


def _pairs_now(store: Store, course: str, plan: AlignPlan) -> str:
    return store.corpus_version(course, "train", "exam")


def align_costs(workspace: Workspace, plan: AlignPlan) -> Estimate:
    """Calls, tokens, money (at the saved teacher's prices) and minutes."""
    choice = load_choice(workspace.store)
    prices = (choice.price.prompt, choice.price.completion)
    connected = choice.kind == "endpoint"
    return estimate(plan, plan.arms or ARMS, connected=connected, prices=prices)


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
