"""The models of an alignment: which one writes, which one is taught, and how they are trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.align.dpo import Preferred, train_teacher
from engine.align.plan import AlignPlan
from engine.llm import Chat
from engine.models.bases import base_folder, base_gguf
from engine.models.export import write_gguf
from engine.progress import Report
from engine.publish.merge import merge
from engine.settings import Settings
from engine.train import STUDENT, TrainingRow, preset, train

GGUF = "model-q8_0.gguf"

Load = Callable[[Path], Chat]
"""Opens a GGUF file as a model whose answers are kept."""


class AlignmentBackend(Protocol):
    """What an alignment needs; ``LocalBackend`` is the real one."""

    @property
    def teacher(self) -> Chat:
        """Writes the rationales."""
        ...

    @property
    def student(self) -> Chat:
        """The student before any lesson."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether the teacher is a model of this machine, which DPO can change."""
        ...

    def taught(
        self, rows: Sequence[TrainingRow], plan: AlignPlan, folder: Path, report: Report
    ) -> Chat:
        """The student after these rows."""
        ...

    def aligned(
        self,
        pairs: Sequence[Preferred],
        plan: AlignPlan,
        folder: Path,
        base: Path | None,
        report: Report,
    ) -> tuple[Chat, Path]:
        """The teacher after these preferences, and its transformers folder."""
        ...


@dataclass(frozen=True)
class LocalBackend:
    """Trains and loads the built-in student; the offline teacher is the same small model."""

    settings: Settings
    teacher: Chat
    student: Chat
    trainable: bool
    load: Load

    def taught(
        self, rows: Sequence[TrainingRow], plan: AlignPlan, folder: Path, report: Report
    ) -> Chat:
        """Fine-tune by the quick recipe; the merged weights go once the GGUF file is written."""
        changes = {"epochs": plan.epochs, "learning_rate": plan.rate, "seed": plan.seed}
        recipe = preset("quick").model_copy(update=changes | {"patience": 0, "checks": 1})
        out = folder / GGUF
        if not out.exists():
            result = train(rows, [], recipe, folder / "run", settings=self.settings, report=report)
            base = base_folder(STUDENT, self.settings, report, result.origin)
            merged = merge(base, result.adapter, folder / "merged")
            write_gguf(merged, out, base_gguf(STUDENT, self.settings, report, result.origin))
            shutil.rmtree(merged)
        return self.load(out)

    def aligned(
        self,
        pairs: Sequence[Preferred],
        plan: AlignPlan,
        folder: Path,
        base: Path | None,
        report: Report,
    ) -> tuple[Chat, Path]:
        """Preference training of the built-in model, or of what an earlier round made of it."""
        start = base or base_folder(STUDENT, self.settings, report)
        merged = train_teacher(start, pairs, plan, folder, self.settings, report)
        out = folder / GGUF
        if not out.exists():
            write_gguf(merged, out, base_gguf(STUDENT, self.settings, report))
        return self.load(out), merged
