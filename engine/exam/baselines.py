"""The two cheapest examinees, which know nothing: a student has to beat them to be worth training.

A lookup that scores high says that an exam asks what was trained; quotes that score high say that
the book alone would do.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.schema import Pair
from engine.search import Index
from engine.tutor import nearest_pairs, sources_of

_PASSAGES = 2
"""As many as a model gets that sits the exam with the book at hand."""


def by_lookup(pairs: Sequence[Pair], trained: Sequence[Pair]) -> list[str]:
    """The answers of the training pairs whose questions are nearest; empty where no word agrees."""
    nearest = (nearest_pairs(pair.question, trained, 1) for pair in pairs)
    return [found[0].answer if found else "" for found in nearest]


def by_book(pairs: Sequence[Pair], index: Index) -> list[str]:
    """The sentence of the found passages that is nearest to each question, word for word.

    One sentence is the stronger baseline: on Think Python's exam (transfer, n = 55) it has a token
    F1 of .44, two have .33.
    """
    found = (sources_of(pair.question, index.search(pair.question, _PASSAGES), 1) for pair in pairs)
    return [sources[0].quote if sources else "" for sources in found]
