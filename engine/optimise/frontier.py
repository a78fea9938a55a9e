"""The prompts worth choosing from: none is beaten in quality and in brevity at once (Pareto)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.optimise.values import Standing


def frontier(standings: Sequence[Standing]) -> list[str]:
    """Ids of the non-dominated prompts, shortest answers first.

    One dominates another that answers no better and no shorter, and differs in one of the two.
    """
    found: list[str] = []
    best = float("-inf")
    order = sorted(standings, key=lambda s: (s.length.value, -s.quality.value, s.prompt))
    for row in order:
        if row.quality.value > best:
            found.append(row.prompt)
            best = row.quality.value
    return found
