"""The corpus: pairs from the passages, by the saved teacher."""

from __future__ import annotations

from engine.distil import (
    CorpusEstimate,
    Distilled,
    DistilPlan,
    Filled,
    Gap,
    cast_of,
    costs,
    distil,
    estimate,
    fill,
    fingerprint,
)
from engine.errors import Missing
from engine.llm import Chat
from engine.llm.teacher import Role, TeacherChoice, load_choice
from engine.progress import Report, silent
from engine.steps.step import Step
from engine.store import Store
from engine.workspace import Workspace, open_index, teacher_chat


def make_corpus(workspace: Workspace, plan: DistilPlan, report: Report = silent) -> Distilled:
    """Distil with the saved teacher."""
    return distil(
        workspace.course,
        plan,
        chat=teacher_chat(workspace.settings, workspace.store, plan.teacher),
        store=workspace.store,
        report=report,
        second=second_chat(workspace, plan),
        judge=judge_chat(workspace, plan),
        index=lambda: open_index(workspace),
    )


def fill_gap(workspace: Workspace, gap: Gap, report: Report = silent) -> Filled:
    """Fill a gap of the corpus in use with the saved teacher.

    Raises:
        Missing: no teacher model is connected.
    """
    chat = teacher_chat(workspace.settings, workspace.store, gap.teacher)
    if chat is None:
        raise Missing(
            "Only a connected teacher model can be asked for one kind of question.",
            code="fill.offline",
            next="Connect a teacher model, then fill the gap.",
        )
    store, course = workspace.store, workspace.course
    return fill(
        course,
        gap,
        cast=lambda plan: cast_of(course, store, chat, judge=judge_chat(workspace, plan)),
        store=store,
        report=report,
        index=lambda: open_index(workspace),
    )


def second_chat(workspace: Workspace, plan: DistilPlan) -> Chat | None:
    """The second teacher of CourseGPT-zh's recipe, where one is configured."""
    if plan.teacher == "extractive" or plan.recipe != "coursegpt":
        return None
    return _other(workspace, "second")


def judge_chat(workspace: Workspace, plan: DistilPlan) -> Chat | None:
    """The model that checks and judges in the teacher's place, where one is configured."""
    return None if plan.teacher == "extractive" else _other(workspace, "judge")


def _other(workspace: Workspace, role: Role) -> Chat | None:
    from engine.llm.teacher import connect

    store = workspace.store
    if not _is_other(store, role):
        return None
    return connect(load_choice(store, role), workspace.settings, store)


def _is_other(store: Store, role: Role) -> bool:
    """Whether a model of its own is configured for the role."""
    choice = load_choice(store, role)
    return choice.kind == "endpoint" and not _same(choice, load_choice(store))


def _same(one: TeacherChoice, other: TeacherChoice) -> bool:
    return (one.base_url, one.model) == (other.base_url, other.model)


def discard_corpus(workspace: Workspace, plan: DistilPlan) -> None:
    """Throw away what an unfinished run of this plan made; the corpus in use stays."""
    store, course = workspace.store, workspace.course.id
    store.drop_draft(course, fingerprint(store, course, plan))


def corpus_costs(workspace: Workspace, plan: DistilPlan) -> CorpusEstimate:
    """Calls, tokens, money (each role at its own model's price) and minutes of a corpus."""
    store, course = workspace.store, workspace.course.id
    second = _is_other(store, "second") and plan.recipe == "coursegpt"
    return estimate(
        store.documents(course),
        store.passages(course),
        plan,
        prices=_prices(store) if plan.teacher == "endpoint" else {},
        second=second,
    )


def _prices(store: Store) -> dict[costs.Role, tuple[float, float]]:
    """What each role costs: the judge's model checks, too; it is the teacher where none is set."""

    def price(role: Role) -> tuple[float, float]:
        own = load_choice(store, role).price
        return own.prompt, own.completion

    teacher = price("teacher")
    judge = price("judge") if _is_other(store, "judge") else teacher
    return {"teacher": teacher, "second": price("second"), "checker": judge, "judge": judge}


DISTIL = Step(
    name="distil",
    label="Making the corpus",
    plan=DistilPlan,
    result=Distilled,
    run=make_corpus,
    inputs=fingerprint,
    default=lambda workspace: DistilPlan(teacher=load_choice(workspace.store).kind),
    stages=("corpus",),
    estimate=corpus_costs,
    discard=discard_corpus,
)
FILL = Step(
    name="fill",
    label="Filling a gap of the corpus",
    plan=Gap,
    result=Filled,
    run=fill_gap,
    inputs=lambda store, course, gap: store.corpus_version(course),
    default=lambda workspace: Gap(teacher=load_choice(workspace.store).kind),
    stages=("corpus",),
)
