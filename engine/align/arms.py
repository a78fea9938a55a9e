"""The arms: different rationales for the same drafts, in equally many rows.

What arms share (the rationales in four styles, their preference scores) is made once. Choices look
at the preference items alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.align.backend import AlignmentBackend
from engine.align.dpo import Preferred, pairs_of
from engine.align.items import ChoiceItem, ItemPools
from engine.align.plan import AlignPlan, Arm
from engine.align.preference import Scored, prefer, style_means
from engine.align.rationales import NAIVE, STYLES, VARIANTS, Rationale, write
from engine.errors import Missing
from engine.llm import Chat
from engine.progress import Report
from engine.schema import Value, content_id

NO_PREFERENCE = "align.no_preference"


class ArmRationales(Value):
    """The rationales of one arm, the model calls they took, and what was chosen."""

    rationales: tuple[Rationale, ...] = ()
    calls: int = 0
    note: str = ""


@dataclass
class RationaleMaker:
    """Makes the rationales of each arm; what arms share is made once."""

    pools: ItemPools
    plan: AlignPlan
    folder: Path
    backend: AlignmentBackend
    report: Report

    def of(self, arm: Arm) -> ArmRationales:
        """The rationales of an arm; empty for ``untouched``.

        Raises:
            Missing: ``NO_PREFERENCE``: DPO finds no rationale better than another.
            WorkFailed: the teacher writes nothing usable.
        """
        ways: dict[Arm, Callable[[], ArmRationales]] = {
            "untouched": ArmRationales,
            "random": self._random,
            "one-style": self._one_style,
            "select": self._select,
            "prompt": self._prompt,
            "dpo": self._dpo,
        }
        return ways[arm]()

    @cached_property
    def drafts(self) -> dict[str, ChoiceItem]:
        """The drafts by their names."""
        return {item.id: item for item in self.pools.drafts}

    @cached_property
    def written(self) -> list[Rationale]:
        """All styles of all drafts, by the teacher as it comes."""
        return self._write(self.backend.teacher, STYLES)

    @cached_property
    def scored(self) -> list[Scored]:
        """The same with their preference scores."""
        return self._prefer(self.written, "preference.jsonl")

    def _random(self) -> ArmRationales:
        dice = random.Random(self.plan.seed)  # noqa: S311 (a draw of styles, not a secret)
        own = {item: dice.choice(tuple(STYLES)) for item in self.drafts}
        picked = tuple(r for r in self.written if own[r.item] == r.style)
        return ArmRationales(rationales=picked, calls=len(own))

    def _one_style(self) -> ArmRationales:
        best = next(iter(style_means(self.scored)))
        own = tuple(r for r in self.written if r.style == best)
        return ArmRationales(rationales=own, calls=self._cost(len(self.written)), note=best)

    def _select(self) -> ArmRationales:
        best: dict[str, Scored] = {}
        for one in self.scored:
            held = best.setdefault(one.rationale.item, one)
            if one.score > held.score:
                best[one.rationale.item] = one
        own = tuple(s.rationale for s in best.values())
        return ArmRationales(rationales=own, calls=self._cost(len(self.written)))

    def _prompt(self) -> ArmRationales:
        """Wordings of the instruction compete on a few drafts; the best writes for all."""
        few = self.pools.drafts[: self.plan.trial_items]
        tried = self._write(self.backend.teacher, VARIANTS, few)
        best = next(iter(style_means(self._prefer(tried, "wordings.jsonl"))))
        own = self._write(self.backend.teacher, {best: VARIANTS[best]})
        calls = self._cost(len(tried)) + len(own) - len(few)
        return ArmRationales(rationales=tuple(own), calls=calls, note=VARIANTS[best])

    def _dpo(self) -> ArmRationales:
        """Align the teacher, ``rounds`` times, and let it write anew without any style."""
        teacher, base = self.backend.teacher, None
        calls = count = 0
        for number in range(1, self.plan.rounds + 1):
            written = self._write(teacher, STYLES)
            pairs = pairs_of(self.drafts, self._prefer(written, f"preference-{number}.jsonl"))
            if not pairs and number > 1:
                break
            _refuse_nothing(pairs)
            name = content_id([p.model_dump() for p in pairs], self.plan.model_dump(), str(base))
            own = self.folder / "teachers" / name
            teacher, base = self.backend.aligned(pairs, self.plan, own, base, self.report)
            calls += self._cost(len(written))
            count += len(pairs)
        final = self._write(teacher, {"aligned": NAIVE})
        note = f"{count} preferences"
        return ArmRationales(rationales=tuple(final), calls=calls + len(final), note=note)

    def _cost(self, rationales: int) -> int:
        """Calls that write and score so many rationales."""
        return rationales * (1 + len(self.pools.preference))

    def _write(
        self, teacher: Chat, styles: dict[str, str], items: Sequence[ChoiceItem] = ()
    ) -> list[Rationale]:
        return write(teacher, items or self.pools.drafts, styles, self.plan, self.report)

    def _prefer(self, rationales: Sequence[Rationale], log: str) -> list[Scored]:
        return prefer(
            self.backend.student,
            self.drafts,
            rationales,
            self.pools.preference,
            self.plan,
            self.folder / log,
            self.report,
        )


def _refuse_nothing(pairs: Sequence[Preferred]) -> None:
    if not pairs:
        raise Missing(
            "This student prefers no rationale to another, so there is nothing to align with.",
            code=NO_PREFERENCE,
            next="Take more questions to choose by, or another teacher.",
        )
