"""The prompt search of a course, with the models that its plan names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import BadInput, Missing
from engine.progress import Report, silent
from engine.steps.workspace import Workspace, base_chat, open_index, teacher_chat

if TYPE_CHECKING:
    from engine.llm import Chat
    from engine.optimise import Optimised, OptimisePlan


def plan_search(workspace: Workspace, method: str, budget: int | None = None) -> OptimisePlan:
    """A plan with defaults for this course and method, checked against what is connected.

    Raises:
        BadInput: the method is unknown.
        Missing: it needs a teacher model, and none is connected.
    """
    from engine.llm.teacher import load_choice
    from engine.optimise import METHODS, OptimisePlan

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
    if workspace.course.language != "en" and not connected:
        raise Missing(
            "The built-in model speaks no Chinese, so it cannot try prompts for this course.",
            code="optimise.no_chinese",
            next="Connect a teacher model that speaks Chinese.",
        )
    here = method == "recombine" and workspace.course.language == "en"
    given: dict[str, Any] = {"method": method, "model": "embedded" if here else "endpoint"}
    return OptimisePlan(**given, **({"budget": budget} if budget is not None else {}))


def optimise_prompts(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Search for a better answering prompt; ``plan`` is an ``OptimisePlan``."""
    from engine.optimise import OptimisePlan, optimise

    wanted = OptimisePlan.model_validate(plan)
    plan_search(workspace, wanted.method)
    judge = None if wanted.method == "recombine" else _judge(workspace)
    found = optimise(
        workspace.course,
        wanted,
        chat=base_chat(workspace) if wanted.model == "embedded" else _teacher(workspace),
        store=workspace.store,
        index=open_index(workspace),
        judge=judge,
        report=report,
    )
    return summary(found)


def summary(found: Optimised) -> dict[str, Any]:
    """What a search found, in short: figures by part of the exam, the prompt, calls, minutes."""
    best = found.candidate(found.best)
    return {
        "method": found.plan.method,
        "model": found.model,
        "judge": found.judge,
        "prompts": len(found.candidates),
        "start": found.start,
        "best": found.best,
        "prompt": best.prompt.model_dump(mode="json"),
        "frontier": list(found.frontier),
        "exam": [row.model_dump(mode="json") for row in found.exam],
        "questions": found.pools,
        "calls": found.calls.model_dump(mode="json"),
        "minutes": found.seconds / 60,
    }


def _teacher(workspace: Workspace) -> Chat:
    chat = teacher_chat(workspace.settings, workspace.store, "endpoint")
    assert chat is not None, "an endpoint is a model"
    return chat


def _judge(workspace: Workspace) -> Chat:
    from engine.llm.teacher import connect, load_choice

    return connect(load_choice(workspace.store, "judge"), workspace.settings, workspace.store)


def discard_prompts(workspace: Workspace, plan: dict[str, Any]) -> None:
    """Throw unfinished searches away; their answers stay cached, for they were paid for."""
    for result in workspace.store.results(workspace.course.id, "prompts"):
        if not result.data["done"]:
            workspace.store.remove_result(workspace.course.id, "prompts", result.name)
