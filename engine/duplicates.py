"""Whether two texts are nearly the same: edit similarity over their sorted words."""

from __future__ import annotations

from collections.abc import Iterable

from engine.text import words

SAME = 0.93
"""Likeness from which on two questions count as one: a changed letter or ending, not a new word."""
_BLOCK = 256


def similar(one: str, other: str) -> float:
    """Likeness of two texts in [0, 1]: normalised edit similarity over their sorted words."""
    from rapidfuzz import fuzz

    return float(fuzz.token_sort_ratio(_plain(one), _plain(other))) / 100


def near_duplicates(
    texts: Iterable[str], others: Iterable[str], threshold: float = SAME
) -> set[int]:
    """Indices of ``texts`` that nearly repeat one of ``others``."""
    import numpy as np
    from rapidfuzz import fuzz, process

    left, right = [_plain(text) for text in texts], [_plain(text) for text in others]
    if not left or not right:
        return set()
    found: set[int] = set()
    for start in range(0, len(left), _BLOCK):
        scores = process.cdist(
            left[start : start + _BLOCK],
            right,
            scorer=fuzz.token_sort_ratio,
            score_cutoff=threshold * 100,
            dtype=np.float32,
        )
        found |= {start + int(i) for i in np.nonzero(scores.max(axis=1) >= threshold * 100)[0]}
    return found


def _plain(text: str) -> str:
    return " ".join(words(text))
