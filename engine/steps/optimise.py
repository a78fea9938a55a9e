"""The prompt search of a course, with the models that its plan names."""

from __future__ import annotations

from typing import Any

from engine.errors import BadInput, Missing
from engine.language import DEFAULT, rules
from engine.llm import Chat
from engine.llm.costs import Estimate
from engine.llm.teacher import connect, load_choice
from engine.models.bases import speaks
from engine.optimise import (
    METHODS,
    Optimised,
    OptimisePlan,
    SearchSummary,
    discard_unfinished,
    estimate,
    optimise,
    summary,
)
from engine.progress import Report, silent
from engine.steps.step import Step
from engine.workspace import Workspace, base_chat, current_base, open_index, teacher_chat


def plan_search(workspace: Workspace, method: str, budget: int | None = None) -> OptimisePlan:
    """A plan with defaults for this course and method, checked against what is connected.

    Raises:
        BadInput: the method is unknown.
        Missing: it needs a teacher model (or one that speaks the language), and none is connected.
    """
    if method not in METHODS:
        raise BadInput(
            f"There is no method “{method}”.",
            code="optimise.method",
            next="Choose coursegpt or gepa (with a teacher model), or recombine (without).",
            method=method,
        )
    connected = load_choice(workspace.store).kind == "endpoint"
    if method != "recombine" and not connected:
        raise Missing(
            "This method needs a connected teacher model, which writes and judges.",
            code="optimise.no_teacher",
            next="Connect a teacher, or choose the method recombine (building blocks).",
        )
    spoken = speaks(current_base(workspace), workspace.course.language)
    if not spoken and not connected:
        name = rules(DEFAULT).name_of(workspace.course.language)
        raise Missing(
            f"The model on this machine does not speak {name}, the language of this course, "
            "so it cannot try prompts for it.",
            code="optimise.language",
            next="Connect a teacher model that speaks it.",
            language=name,
        )
    here = method == "recombine" and spoken
    given: dict[str, Any] = {"method": method, "model": "embedded" if here else "endpoint"}
    return OptimisePlan(**given, **({"budget": budget} if budget is not None else {}))


def optimise_prompts(
    workspace: Workspace, plan: OptimisePlan, report: Report = silent
) -> SearchSummary:
    """Search for a better answering prompt.

    Raises:
        Missing: the plan's method needs a teacher, or the corpus is too small.
    """
    return summary(_searched(workspace, plan, report))


def _searched(workspace: Workspace, plan: OptimisePlan, report: Report) -> Optimised:
    plan_search(workspace, plan.method)
    return optimise(
        workspace.course,
        plan,
        chat=base_chat(workspace) if plan.model == "embedded" else _teacher(workspace),
        store=workspace.store,
        index=open_index(workspace),
        judge=None if plan.method == "recombine" else _judge(workspace),
        report=report,
    )


def search_costs(workspace: Workspace, plan: OptimisePlan) -> Estimate:
    """Calls, tokens, money and minutes of a search.

    Raises:
        Missing: there are too few pairs.
    """
    store, course = workspace.store, workspace.course.id
    price = load_choice(store).price
    prices = (price.prompt, price.completion) if plan.model == "endpoint" else (0.0, 0.0)
    return estimate(store.pairs(course), store.passages(course), plan, prices=prices)


def _teacher(workspace: Workspace) -> Chat:
    chat = teacher_chat(workspace.settings, workspace.store, "endpoint")
    assert chat is not None, "an endpoint is a model"
    return chat


def _judge(workspace: Workspace) -> Chat:
    return connect(load_choice(workspace.store, "judge"), workspace.settings, workspace.store)


OPTIMISE = Step(
    name="optimise",
    label="Trying prompts",
    plan=OptimisePlan,
    result=SearchSummary,
    run=optimise_prompts,
    inputs=lambda store, course, plan: store.corpus_version(course, "train", "validation"),
    default=lambda workspace: plan_search(workspace, "recombine"),
    queue="heavy",
    stages=("prompts",),
    estimate=search_costs,
    discard=lambda workspace, plan: discard_unfinished(workspace.store, workspace.course.id),
)
