"""Which questions a search may use: disjoint pools for search, validation and the final report.

Pools are disjoint by knowledge point, not only by pair: no point of the exam is asked about, in any
wording, while prompts are made or chosen (CourseGPT-zh leaves this open; methods must not).
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Missing
from engine.optimise.values import OptimisePlan
from engine.schema import EXAM_PARTS, Pair, Value, content_id

_VALIDATION = 0.4
FEWEST = 6
"""Fewest questions in a pool."""


class QuestionPools(Value):
    """Questions by use, each in a drawn order; ``exam`` by part."""

    search: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    exam: dict[str, tuple[Pair, ...]]

    @property
    def free(self) -> tuple[Pair, ...]:
        """The pairs that the choice of a prompt may look at, and no prompt may copy."""
        return (*self.search, *self.validation)

    @property
    def sizes(self) -> dict[str, int]:
        """Name of each pool, and of each part of the exam, to its number of questions."""
        parts = {part: len(pairs) for part, pairs in self.exam.items()}
        return {"search": len(self.search), "validation": len(self.validation), **parts}


def draw_pools(pairs: Sequence[Pair], plan: OptimisePlan) -> QuestionPools:
    """The pools of a course's pairs, from the plan's seed; one wording a knowledge point.

    Raises:
        Missing: there are too few knowledge points outside the exam.
    """
    kept = [pair for pair in pairs if pair.status != "rejected"]
    examined = {pair.point for pair in kept if pair.split == "exam"}
    free = [p for p in kept if p.split != "exam" and p.point not in examined and _by_itself(p)]
    points = {pair.point: pair for pair in _drawn(free, plan.seed)}
    own = _drawn(list(points.values()), plan.seed)
    cut = round(len(own) * _VALIDATION)
    if cut < FEWEST or len(own) - cut < FEWEST:
        raise Missing(
            f"There are only {len(own)} knowledge points outside the exam to try prompts on.",
            code="optimise.few_pairs",
            next="Make a larger corpus first: at least a few dozen pairs.",
            n=len(own),
        )
    exam: dict[str, tuple[Pair, ...]] = {}
    for part in EXAM_PARTS:
        held = [pair for pair in kept if pair.split == "exam" and pair.part == part]
        if held:
            exam[part] = tuple(_drawn(held, plan.seed)[: plan.exam])
    return QuestionPools(search=tuple(own[cut:]), validation=tuple(own[:cut]), exam=exam)


def _by_itself(pair: Pair) -> bool:
    """Whether a passage answers the question: it follows no talk, and the book does answer it."""
    return not pair.turns and pair.kind != "unanswerable"


def _drawn(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    return sorted(pairs, key=lambda pair: content_id(seed, "prompt search", pair.id))
