"""Grades without any graded answers: the reference judge, which is sure only of the obvious."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.grade.features import NAMES, negations
from engine.grade.feedback import is_right, says_wrong
from engine.grade.items import Item, Submission
from engine.grade.scorer import Prediction

SURE = 0.98
_DOUBT = 0.5
_HALF = 0.5
_COLUMN = {name: i for i, name in enumerate(NAMES)}


def prior(
    items: dict[str, Item], submissions: Sequence[Submission], rows: Any, labelled: bool
) -> list[Prediction]:
    """An opinion on each answer from its features; accepted only where it is the reference itself.

    The score is the mean of coverage by rarity, token F1 and a scaled e5 cosine (whose values for
    any two texts of one language lie above 0.8). Nothing here is calibrated, so the confidence of
    all but near-certain answers is one half.

    Args:
        items: By id.
        submissions: The n answers.
        rows: Their features, array (n, len(NAMES)).
        labelled: Whether a label is wanted instead of a score.
    """
    return [
        _opinion(items[s.item_id], s, row, labelled)
        for s, row in zip(submissions, rows, strict=True)
    ]


def _opinion(item: Item, submission: Submission, row: Any, labelled: bool) -> Prediction:
    f1, coverage, cosine = (row[_COLUMN[n]] for n in ("f1", "idf_coverage", "cosine"))
    share = float((f1 + coverage + min(1.0, max(0.0, (cosine - 0.8) / 0.15))) / 3)
    sure = row[_COLUMN["rouge_l"]] > SURE and any(
        negations(submission.answer) == negations(r) for r in item.references
    )
    share = 1.0 if sure else share
    return Prediction(
        answer_id=submission.answer_id,
        label=_label(item, share) if labelled else None,
        score=None if labelled else round(share * item.top, 2),
        confidence=SURE if sure else _DOUBT,
        accepted=bool(sure),
        promise=SURE if sure else 0.0,
    )


def _label(item: Item, share: float) -> str:
    """The right label, or a wrong one: the item's «incorrect», else its last."""
    labels = item.labels or ("correct", "incorrect")
    if share >= _HALF:
        return next((name for name in labels if is_right(name, labels)), labels[0])
    return next((name for name in labels if says_wrong(name)), labels[-1])
