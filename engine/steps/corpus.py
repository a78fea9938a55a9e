"""The corpus: pairs from the passages, by the saved teacher."""

from __future__ import annotations

from typing import Any

from engine.distil import DistilPlan, distil, fingerprint
from engine.progress import Report, silent
from engine.steps.workspace import Workspace, teacher_chat


def make_corpus(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Distil with the saved teacher; ``plan`` is a ``DistilPlan``."""
    wanted = DistilPlan.model_validate(plan)
    result = distil(
        workspace.course,
        wanted,
        chat=teacher_chat(workspace.settings, workspace.store, wanted.teacher),
        store=workspace.store,
        report=report,
    )
    return result.model_dump(mode="json")


def discard_corpus(workspace: Workspace, plan: dict[str, Any]) -> None:
    """Throw the pairs away that nobody judged, unless this plan's corpus was finished before."""
    result = workspace.store.result(workspace.course.id, "distil")
    finished = fingerprint(workspace.store, workspace.course.id, DistilPlan.model_validate(plan))
    if result is None or result.inputs != finished:
        pairs = workspace.store.pairs(workspace.course.id)
        judged = [p.id for p in pairs if p.status == "accepted" or p.edited]
        workspace.store.remove_pairs(workspace.course.id, keep=judged)
