"""All ways of getting rationales side by side, on this course and this student."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.corpus import let_through
from engine.errors import BadInput
from engine.models.bases import SMOLLM2
from engine.progress import Report, silent
from engine.schema import content_id
from engine.steps.room import Room, base_chat, connected_chat
from engine.store import Result

if TYPE_CHECKING:
    from engine.llm import Chat


def align_teacher(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Run the arms in ``plan["arms"]`` (default: all); the rest of ``plan`` is an ``AlignPlan``.

    Raises:
        BadInput: the course is not in English, the only language of the built-in student.
    """
    from engine.align import ARMS, AlignPlan, Workshop, align

    if room.course.language != "en":
        raise BadInput(
            "The built-in student reads English only.",
            code="align.language",
            next="Use this with an English course.",
        )
    wanted = AlignPlan.model_validate({k: v for k, v in plan.items() if k != "arms"})
    student, connected = base_chat(room, SMOLLM2), connected_chat(room)
    teacher = connected or student
    version = room.store.corpus_version(room.course.id, "train", "exam")
    name = content_id(version, wanted.model_dump(mode="json"), teacher.model, student.model)
    result = align(
        let_through(room.store.pairs(room.course.id)),
        wanted,
        room.folder / "align" / name,
        Workshop(room.settings, teacher, student, connected is None, lambda f: _opened(room, f)),
        report,
        plan.get("arms") or ARMS,
    )
    data = result.model_dump(mode="json")
    room.store.save_result(room.course.id, Result(stage="align", inputs=version, data=data))
    return data


def _opened(room: Room, gguf: Path) -> Chat:
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger

    return Ledger(Embedded(room.settings, gguf=gguf), room.store)
