"""The models of an alignment: which one writes, which one is taught, and how they are trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from engine.align.dpo import Preferred, train_teacher
from engine.align.likelihood import Likelihood, Reader
from engine.align.plan import AlignPlan
from engine.llm import Chat
from engine.models.bases import base_folder
from engine.progress import Report, silent
from engine.publish.merge import merge
from engine.schema import Language
from engine.settings import Settings
from engine.train import TrainingRow, preset, train

Load = Callable[[Path], Chat]
"""Opens a model folder as a model whose answers are kept."""


class AlignmentBackend(Protocol):
    """What an alignment needs; ``LocalBackend`` is the real one."""

    @property
    def teacher(self) -> Chat:
        """Writes the rationales."""
        ...

    @property
    def student(self) -> Reader:
        """The student before any lesson."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether the teacher is a model of this machine, which DPO can change."""
        ...

    def taught(
        self, rows: Sequence[TrainingRow], plan: AlignPlan, folder: Path, report: Report
    ) -> Reader:
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


@dataclass
class LocalBackend:
    """Trains and reads the course's base; without a connected teacher the base explains itself."""

    settings: Settings
    base: str
    language: Language
    teacher: Chat
    trainable: bool
    load: Load
    report: Report = silent

    @cached_property
    def student(self) -> Likelihood:
        """See ``AlignmentBackend.student``."""
        folder = base_folder(self.base, self.settings, self.report)
        return Likelihood(self.settings, folder, self.language)

    def taught(
        self, rows: Sequence[TrainingRow], plan: AlignPlan, folder: Path, report: Report
    ) -> Reader:
        """Fine-tune by the quick recipe; nothing but likelihoods is read, so no GGUF is written."""
        changes = {"epochs": plan.epochs, "learning_rate": plan.rate, "seed": plan.seed}
        recipe = preset("quick").model_copy(
            update=changes | {"base": self.base, "patience": 0, "checks": 1}
        )
        merged = folder / "merged"
        if not merged.exists():
            result = train(rows, [], recipe, folder / "run", settings=self.settings, report=report)
            base = base_folder(self.base, self.settings, report, result.origin)
            merge(base, result.adapter, merged)
            shutil.rmtree(folder / "run", ignore_errors=True)
        return Likelihood(self.settings, merged, self.language, prior=self.student)

    def aligned(
        self,
        pairs: Sequence[Preferred],
        plan: AlignPlan,
        folder: Path,
        base: Path | None,
        report: Report,
    ) -> tuple[Chat, Path]:
        """Preference training of the base, or of what an earlier round made of it."""
        start = base or base_folder(self.base, self.settings, report)
        merged = train_teacher(start, pairs, plan, folder, self.settings, report)
        return self.load(merged), merged
