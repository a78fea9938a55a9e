"""The corpus: pairs from the passages, by the saved teacher."""

from __future__ import annotations

from typing import Any

from engine.distil import DistilPlan, distil, fingerprint
from engine.progress import Report, silent
from engine.steps.room import Room, teacher_chat


def make_corpus(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Distil with the saved teacher; ``plan`` is a ``DistilPlan``."""
    wanted = DistilPlan.model_validate(plan)
    result = distil(
        room.course,
        wanted,
        chat=teacher_chat(room.settings, room.store, wanted.teacher),
        store=room.store,
        report=report,
    )
    return result.model_dump(mode="json")


def discard_corpus(room: Room, plan: dict[str, Any]) -> None:
    """Throw the pairs away that nobody judged, unless this plan's corpus was finished before."""
    result = room.store.result(room.course.id, "distil")
    finished = fingerprint(room.store, room.course.id, DistilPlan.model_validate(plan))
    if result is None or result.inputs != finished:
        pairs = room.store.pairs(room.course.id)
        judged = [p.id for p in pairs if p.status == "accepted" or p.edited]
        room.store.remove_pairs(room.course.id, keep=judged)
