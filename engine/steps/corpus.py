"""The corpus: pairs from the passages, by the saved teacher."""

from __future__ import annotations

from typing import Any

from engine.distil import DistilPlan, distil
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
