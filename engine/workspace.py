"""What every step works with: one course of one installation, its index and its models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Missing
from engine.models.bases import SMOLLM2, Origin, base_folder, official_gguf
from engine.progress import Report, silent
from engine.publish import Published
from engine.schema import Course, Figure, Pair, Value
from engine.settings import Settings
from engine.store import ResultKind, Store
from engine.train import Mixture, Recipe, TrainingResult, system_of

if TYPE_CHECKING:
    from engine.llm import Chat
    from engine.llm.embedded import Embedded
    from engine.llm.local import Local
    from engine.search import Index


@dataclass(frozen=True)
class Workspace:
    """What a step works with: one installation, one course."""

    settings: Settings
    store: Store
    course: Course

    @property
    def folder(self) -> Path:
        """The course's artefacts."""
        return self.settings.course_folder(self.course.id)


@contextmanager
def opened(settings: Settings, course: str) -> Iterator[Workspace]:
    """The workspace of a course with a store of its own, closed at the end.

    Raises:
        Missing: there is no such course.
    """
    store = Store(settings.database)
    try:
        yield Workspace(settings, store, store.course(course))
    finally:
        store.close()


class TrainedStudent(Value):
    """What fine-tuning made: ``run`` names its folder, ``panel`` holds eight answered questions.

    A row of the panel has ``question``, ``book`` (the book's answer), ``base`` and ``student``.
    ``held_back`` counts the pairs that the exam's guard kept out of training, by gate. ``follows``
    is the share of general instructions that base and student follow (before and after).
    ``lessons`` counts the rows with explanations that were chosen for it (``engine.align``);
    ``pairs`` names the pairs it was trained and validated on, whatever else it learned.
    """

    run: str
    recipe: Recipe
    training: TrainingResult
    published: Published
    panel: tuple[dict[str, str], ...] = ()
    held_back: dict[str, int] = {}
    mixture: Mixture | None = None
    follows: dict[str, Figure] = {}
    lessons: int = 0
    pairs: str = ""


TRAINED = ResultKind("train", TrainedStudent)
"""The student that the course uses now."""
RUNS = ResultKind("run", TrainedStudent)
"""Every finished run, by its name."""


def open_index(workspace: Workspace, report: Report = silent) -> Index:
    """The course's search index (built where it is missing)."""
    from engine.search import Index

    return Index.build(
        workspace.store.passages(workspace.course.id), workspace.folder / "index", report
    )


def teacher_chat(settings: Settings, store: Store, kind: str) -> Chat | None:
    """The teacher of this kind, wrapped in the ledger; None for the extractive one."""
    if kind == "extractive":
        return None
    from engine.llm.teacher import connect, load_choice

    choice = load_choice(store)
    if kind != choice.kind:
        choice = choice.model_copy(update={"kind": kind})
    return connect(choice, settings, store)


def connected_chat(workspace: Workspace) -> Chat | None:
    """The connected teacher, if the saved choice is one that can word things by itself."""
    from engine.llm.teacher import load_choice

    kind = load_choice(workspace.store).kind
    return teacher_chat(workspace.settings, workspace.store, kind) if kind == "endpoint" else None


def training_pairs(store: Store, course: str, split: str) -> list[Pair]:
    """The pairs of a split that people did not reject and that can be asked by themselves."""
    found = store.pairs(course, split=split)
    return [pair for pair in found if pair.status != "rejected" and not pair.turns]


def base_chat(workspace: Workspace, base: str = "") -> Chat:
    """A base model as it comes; by default that of the course's student, else the built-in one."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger
    from engine.llm.local import Local

    wanted = base or current_base(workspace)
    settings, origin = workspace.settings, _base_origin(workspace, wanted)
    if wanted == SMOLLM2:
        official = origin is not None and origin.kind == "hub"
        file = official_gguf(origin, settings) if origin and official else None
        return Ledger(Embedded(settings, gguf=file), workspace.store)
    return Ledger(Local(settings, base_folder(wanted, settings, origin=origin)), workspace.store)


def _base_origin(workspace: Workspace, base: str) -> Origin | None:
    """Where the weights came from with which the course's student of this base began."""
    student = workspace.store.saved(workspace.course.id, TRAINED)
    if student is None or student.value.recipe.base != base:
        return None
    return student.value.training.origin


def student_chat(workspace: Workspace, folder: Path) -> Chat:
    """The fine-tuned student of a run folder, its answers kept."""
    from engine.llm.ledger import Ledger

    return instructed(Ledger(student_model(workspace.settings, folder), workspace.store), folder)


def instructed(chat: Chat, folder: Path) -> Chat:
    """The student of a run folder asked by the system prompt that it was trained with, if any."""
    from engine.llm.instructed import Instructed

    system = system_of(folder)
    return Instructed(chat, system) if system else chat


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


def trained_run(store: Store, course: str) -> str:
    """Name of the run whose student the course uses, or an empty string."""
    student = store.saved(course, TRAINED)
    return student.value.run if student else ""


def current_base(workspace: Workspace) -> str:
    """The base of the course's student; before there is one, the built-in student's."""
    student = workspace.store.saved(workspace.course.id, TRAINED)
    return student.value.recipe.base if student else SMOLLM2


def current_run(workspace: Workspace) -> Path | None:
    """Folder of the run that the course uses now, if there is one."""
    run = trained_run(workspace.store, workspace.course.id)
    return workspace.folder / "runs" / run if run else None


def finished_run(workspace: Workspace) -> Path:
    """Folder of the run that the course uses now.

    Raises:
        Missing: there is none.
    """
    folder = current_run(workspace)
    if folder is None:
        raise _no_student("There is no student model yet.")
    return folder


def _no_student(message: str) -> Missing:
    return Missing(message, code="student.missing", next="Fine-tune the student model first.")
