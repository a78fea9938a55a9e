"""What every step works with: a room of the installation, its index and its models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Missing
from engine.progress import Report, silent
from engine.schema import Course, Pair
from engine.settings import Settings
from engine.store import Store

if TYPE_CHECKING:
    from engine.llm import Chat
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


def base_chat(room: Room) -> Chat:
    """The student's base model as it comes, answering from the embedded runtime."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger

    return Ledger(Embedded(room.settings), room.store)


def student_chat(room: Room, folder: Path) -> Chat:
    """The fine-tuned student of a run folder."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger

    return Ledger(Embedded(room.settings, gguf=gguf_of(folder)), room.store)


def gguf_of(folder: Path) -> Path:
    """The file of a run's student.

    Raises:
        Missing: the run has none.
    """
    found = sorted((folder / "student").glob("*.gguf"))
    if not found:
        raise _no_student("This run has no finished student.")
    return found[0]


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
