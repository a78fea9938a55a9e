"""What every step works with: a room of the installation, its index and its models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Missing
from engine.models.bases import SMOLLM2, Origin, base_folder, official_gguf
from engine.progress import Report, silent
from engine.schema import Course, Pair
from engine.settings import Settings
from engine.store import Store

if TYPE_CHECKING:
    from engine.llm import Chat
    from engine.llm.embedded import Embedded
    from engine.llm.local import Local
    from engine.search import Index


@dataclass(frozen=True)
class Room:
    """What a step works with: one installation, one course."""

    settings: Settings
    store: Store
    course: Course

    @property
    def folder(self) -> Path:
        """The course's artefacts."""
        return self.settings.course_folder(self.course.id)


Step = Callable[[Room, dict[str, Any], Report], dict[str, Any]]


def open_index(room: Room, report: Report = silent) -> Index:
    """The course's search index (built where it is missing)."""
    from engine.search import Index

    return Index.build(room.store.passages(room.course.id), room.folder / "index", report)


def teacher_chat(settings: Settings, store: Store, kind: str) -> Chat | None:
    """The teacher of this kind, wrapped in the ledger; None for the extractive one."""
    if kind == "extractive":
        return None
    from engine.llm.teacher import connect, load_choice

    choice = load_choice(store)
    if kind != choice.kind:
        choice = choice.model_copy(update={"kind": kind})
    return connect(choice, settings, store)


def connected_chat(room: Room) -> Chat | None:
    """The connected teacher, if the saved choice is one that can word things by itself."""
    from engine.llm.teacher import load_choice

    kind = load_choice(room.store).kind
    return teacher_chat(room.settings, room.store, kind) if kind == "endpoint" else None


def training_pairs(store: Store, course: str, split: str) -> list[Pair]:
    """The pairs of a split that people did not reject."""
    return [pair for pair in store.pairs(course, split=split) if pair.status != "rejected"]


def base_chat(room: Room, base: str = "") -> Chat:
    """A base model as it comes; by default that of the course's student, else the built-in one."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger
    from engine.llm.local import Local

    wanted = base or current_base(room)
    origin = _base_origin(room, wanted)
    if wanted == SMOLLM2:
        official = origin and origin.kind == "hub"
        file = official_gguf(origin, room.settings) if origin and official else None
        return Ledger(Embedded(room.settings, gguf=file), room.store)
    folder = base_folder(wanted, room.settings, origin=origin)
    return Ledger(Local(room.settings, folder), room.store)


def _base_origin(room: Room, base: str) -> Origin | None:
    """Where the weights came from with which the course's student of this base began."""
    result = room.store.result(room.course.id, "train")
    if result is None or result.data["recipe"].get("base", SMOLLM2) != base:
        return None
    found = result.data.get("training", {}).get("origin")
    return Origin.model_validate(found) if found else None


def student_chat(room: Room, folder: Path) -> Chat:
    """The fine-tuned student of a run folder, its answers kept."""
    from engine.llm.ledger import Ledger

    return Ledger(student_model(room.settings, folder), room.store)


def student_model(settings: Settings, folder: Path) -> Embedded | Local:
    """The fine-tuned student of a run folder: by OpenVINO where that can run it.

    Raises:
        Missing: the run has no finished student.
    """
    from engine.llm.embedded import Embedded
    from engine.llm.local import Local

    student = folder / "student"
    files = sorted(student.glob("*.gguf"))
    if files and _runtime(student) == "openvino":
        return Embedded(settings, gguf=files[0])
    if (student / "merged" / "config.json").is_file():
        return Local(settings, student / "merged", model=f"student-{folder.name}")
    raise _no_student("This run has no finished student.")


def _runtime(student: Path) -> str:
    """What answers with a published student; those of older versions ran in OpenVINO."""
    note = student / "published.json"
    found = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    return str(found.get("runtime", "openvino"))


def current_base(room: Room) -> str:
    """The base of the course's student; before there is one, the built-in student's."""
    result = room.store.result(room.course.id, "train")
    return str(result.data["recipe"].get("base", SMOLLM2)) if result else SMOLLM2


def current_run(room: Room) -> Path | None:
    """Folder of the run that the course uses now, if there is one."""
    result = room.store.result(room.course.id, "train")
    return room.folder / "runs" / result.data["run"] if result else None


def finished_run(room: Room) -> Path:
    """Folder of the run that the course uses now.

    Raises:
        Missing: there is none.
    """
    folder = current_run(room)
    if folder is None:
        raise _no_student("There is no student model yet.")
    return folder


def _no_student(message: str) -> Missing:
    return Missing(message, code="student.missing", next="Fine-tune the student model first.")
