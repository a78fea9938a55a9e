"""The arms: different lessons on the same points, in equally many rows.

What arms share (questions, rationales in four styles, their preference scores) is made once.
Choices look at the preference items alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.align.backend import AlignmentBackend
from engine.align.dpo import Preferred, pairs_of
from engine.align.items import ChoiceItem, ItemPools
from engine.align.plan import BY_QUESTION, AlignPlan, Arm
from engine.align.preference import Scored, prefer, question_means, style_means
from engine.align.rationales import Rationale, naive, styles_of, variants_of, write
from engine.errors import Missing
from engine.llm import Chat
from engine.progress import Report
from engine.schema import Language, Value, content_id

NO_PREFERENCE = "align.no_preference"


class ArmRationales(Value):
    """The rationales of one arm, the model calls they took, and what was chosen."""

    rationales: tuple[Rationale, ...] = ()
    calls: int = 0
    note: str = ""


@dataclass
class RationaleMaker:
    """Makes the rationales of each arm; what arms share is made once.

    ``arms`` are all that will be asked for: without those that choose among questions, only one
    question a point is written for.
    """

    pools: ItemPools
    plan: AlignPlan
    folder: Path
    backend: AlignmentBackend
    language: Language
    report: Report
    arms: tuple[Arm, ...]

    def of(self, arm: Arm) -> ArmRationales:
        """The rationales of an arm; empty for ``untouched``.

        Raises:
            Missing: ``NO_PREFERENCE``: DPO finds no rationale better than another.
            WorkFailed: the teacher writes nothing usable.
        """
        ways: dict[Arm, Callable[[], ArmRationales]] = {
            "untouched": ArmRationales,
            "random": self._random,
            "plain": self._plain,
            "one-style": self._one_style,
            "select": self._select,
            "question": self._question,
            "both": self._both,
            "prompt": self._prompt,
            "dpo": self._dpo,
        }
        return ways[arm]()

    @cached_property
    def drafts(self) -> dict[str, ChoiceItem]:
        """All questions of all points by their names."""
        return {item.id: item for own in self.pools.forms.values() for item in own}

    @cached_property
    def drawn(self) -> dict[str, ChoiceItem]:
        """One question of each point by chance, by its name: what is not chosen by question."""
        found = {}
        for point, own in self.pools.forms.items():
            dice = random.Random(content_id(self.plan.seed, point))  # noqa: S311 (no secret)
            item = dice.choice(own)
            found[item.id] = item
        return found

    @cached_property
    def style_of(self) -> dict[str, str]:
        """A style for each point by chance."""
        dice = random.Random(self.plan.seed)  # noqa: S311 (a draw of styles, not a secret)
        names = tuple(styles_of(self.language))
        return {point: dice.choice(names) for point in self.pools.forms}

    @cached_property
    def written(self) -> list[Rationale]:
        """All styles of all questions that an arm may choose, by the teacher as it comes."""
        items = self.drafts if BY_QUESTION & {*self.arms} else self.drawn
        return self._write(self.backend.teacher, styles_of(self.language), [*items.values()])

    @cached_property
    def scored(self) -> list[Scored]:
        """The same with their preference scores."""
        return self._prefer(self.written, "preference.jsonl")

    @cached_property
    def scored_drawn(self) -> list[Scored]:
        """Of these, what was written for the drawn questions."""
        return [one for one in self.scored if one.rationale.item in self.drawn]

    def _by_chance(self, items: Mapping[str, ChoiceItem]) -> tuple[Rationale, ...]:
        """Of each item the rationale in its point's style by chance."""
        own = {name: self.style_of[item.point] for name, item in items.items()}
        return tuple(r for r in self.written if own.get(r.item) == r.style)

    def _random(self) -> ArmRationales:
        return ArmRationales(rationales=self._by_chance(self.drawn), calls=len(self.drawn))

    def _plain(self) -> ArmRationales:
        own = tuple(Rationale(item=name, style="plain", text="") for name in self.drawn)
        return ArmRationales(rationales=own)

    def _one_style(self) -> ArmRationales:
        best = next(iter(style_means(self.scored_drawn)))
        own = tuple(one.rationale for one in self.scored_drawn if one.rationale.style == best)
        return ArmRationales(rationales=own, calls=self._cost(len(self.scored_drawn)), note=best)

    def _select(self) -> ArmRationales:
        own = best_of(self.scored_drawn)
        return ArmRationales(rationales=own, calls=self._cost(len(self.scored_drawn)))

    def _question(self) -> ArmRationales:
        own = self._by_chance(self.preferred)
        return ArmRationales(
            rationales=own, calls=self._cost(len(self.scored)), note=self._changed()
        )

    def _both(self) -> ArmRationales:
        own = best_of([one for one in self.scored if one.rationale.item in self.preferred])
        return ArmRationales(
            rationales=own, calls=self._cost(len(self.scored)), note=self._changed()
        )

    @cached_property
    def preferred(self) -> dict[str, ChoiceItem]:
        """The question of each point whose rationales help most, by its name."""
        found: dict[str, ChoiceItem] = {}
        for name in question_means(self.scored):  # the best first
            found.setdefault(self.drafts[name].point, self.drafts[name])
        return {item.id: item for item in found.values()}

    def _changed(self) -> str:
        other = len({*self.preferred} - {*self.drawn})
        return f"{other} of {len(self.preferred)} questions are others than drawn"

    def _prompt(self) -> ArmRationales:
        """Wordings of the instruction compete on a few drafts; the best writes for all."""
        variants, items = variants_of(self.language), [*self.drawn.values()]
        few = items[: self.plan.trial_items]
        tried = self._write(self.backend.teacher, variants, few)
        best = next(iter(style_means(self._prefer(tried, "wordings.jsonl"))))
        own = self._write(self.backend.teacher, {best: variants[best]}, items)
        calls = self._cost(len(tried)) + len(own) - len(few)
        return ArmRationales(rationales=tuple(own), calls=calls, note=variants[best])

    def _dpo(self) -> ArmRationales:
        """Align the teacher, ``rounds`` times, and let it write anew without any style."""
        teacher, base = self.backend.teacher, None
        items, plain = [*self.drawn.values()], naive(self.language)
        calls = count = 0
        for number in range(1, self.plan.rounds + 1):
            written = self._write(teacher, styles_of(self.language), items)
            scored = self._prefer(written, f"preference-{number}.jsonl")
            pairs = pairs_of(self.drafts, scored, self.language)
            if not pairs and number > 1:
                break
            _refuse_nothing(pairs)
            name = content_id([p.model_dump() for p in pairs], self.plan.model_dump(), str(base))
            own = self.folder / "teachers" / name
            teacher, base = self.backend.aligned(pairs, self.plan, own, base, self.report)
            calls += self._cost(len(written))
            count += len(pairs)
        final = self._write(teacher, {"aligned": plain}, items)
        note = f"{count} preferences"
        return ArmRationales(rationales=tuple(final), calls=calls + len(final), note=note)

    def _cost(self, rationales: int) -> int:
        """Texts that are written, and items that are read, for so many rationales."""
        return rationales * (1 + len(self.pools.preference))

    def _write(
        self, teacher: Chat, styles: Mapping[str, str], items: Sequence[ChoiceItem]
    ) -> list[Rationale]:
        strict = self.backend.trainable
        return write(teacher, items, styles, self.plan, self.language, self.report, strict=strict)

    def _prefer(self, rationales: Sequence[Rationale], log: str) -> list[Scored]:
        return prefer(
            self.backend.student,
            self.drafts,
            rationales,
            self.pools.preference,
            self.language,
            self.folder / log,
            self.report,
        )


def best_of(scored: Sequence[Scored]) -> tuple[Rationale, ...]:
    """The best rationale of each question; one without a text only where there is no other."""
    best: dict[str, Scored] = {}
    for one in scored:
        held = best.setdefault(one.rationale.item, one)
        if (bool(one.rationale.text), one.score) > (bool(held.rationale.text), held.score):
            best[one.rationale.item] = one
    return tuple(one.rationale for one in best.values())


def _refuse_nothing(pairs: Sequence[Preferred]) -> None:
    if not pairs:
        raise Missing(
            "This student prefers no rationale to another, so there is nothing to align with.",
            code=NO_PREFERENCE,
            next="Take more questions to choose by, or another teacher.",
        )
