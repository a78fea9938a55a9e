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
    """Throw away what an unfinished run of this plan made; the corpus in use stays."""
    name = fingerprint(room.store, room.course.id, DistilPlan.model_validate(plan))
    room.store.drop_draft(room.course.id, name)
