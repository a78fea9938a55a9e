"""Fit the two models of ``engine/quotes`` and measure them on books that they were not fitted on.

The ranker is a conditional logit over the candidates of a question; a unit counts as right where it
holds the key points of a panel's question (*look* half only), or is the one that a written question
(``written.jsonl``) was asked of. The coverage test is a logistic regression: panel and written
questions on one side, those that the book does not answer and those of the other books on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.quotes.candidates import Candidates, matrix

RIDGE = 0.03
PARTLY = 0.3


@dataclass(frozen=True)
class Asked:
    """A question with what was found, how right each candidate is in [0, 1], and where it is from.

    ``answered`` says whether the book answers it; ``weight`` counts in the fit of the coverage test.
    """

    name: str
    book: str
    source: str
    answered: bool
    found: Candidates
    right: tuple[float, ...]
    weight: float = 1.0


def fit_rank(rows: Sequence[Asked], names: Sequence[str]) -> dict[str, float]:
    """Weights for raw features, by maximum marginal likelihood with a ridge of ``RIDGE``."""
    import numpy as np
    from scipy.optimize import minimize

    used = [row for row in rows if row.answered and max(row.right, default=0.0) >= PARTLY]
    raw = [matrix(row.found.rows, names) for row in used]
    stacked = np.concatenate(raw)
    mean, scale = stacked.mean(0), stacked.std(0) + 1e-9
    xs = [(x - mean) / scale for x in raw]
    ys = [np.array(row.right) for row in used]

    def loss(w: Any) -> tuple[float, Any]:
        total, slope = 0.0, np.zeros_like(w)
        for x, y in zip(xs, ys, strict=True):
            s = x @ w
            p = np.exp(s - s.max())
            p /= p.sum()
            held = (p * y).sum() + 1e-12
            total -= np.log(held)
            slope -= x.T @ (p * y / held - p)
        return total / len(xs) + RIDGE * w @ w, slope / len(xs) + 2 * RIDGE * w

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / scale
    return {name: float(w) for name, w in zip(names, found, strict=True)}


def fit_coverage(
    rows: Sequence[Mapping[str, float]], answered: Sequence[bool], weight: Sequence[float]
) -> tuple[dict[str, float], float]:
    """Weights for raw features and the constant, of a logistic regression."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    names = sorted(rows[0])
    x = matrix(rows, names)
    mean, scale = x.mean(0), x.std(0) + 1e-9
    model = LogisticRegression(C=0.3, max_iter=2000)
    model.fit((x - mean) / scale, np.array(answered), sample_weight=np.array(weight))
    w = model.coef_[0] / scale
    constant = float(model.intercept_[0] - (w * mean).sum())
    return {name: float(v) for name, v in zip(names, w, strict=True)}, constant
