"""How sure the scorer may be, and from where on it may grade alone.

Confidence is a logistic regression of «a person gave the same grade» on signals of held-out
predictions (Platt, 1999, with more than one signal). The threshold is found by fixed-sequence
testing (Angelopoulos et al., «Learn then test», arXiv 2110.01052): go down from the surest answers
in steps, and stop at the first step whose lower bound misses the target. For known questions the
bound is the exact binomial one (new answers come from the same questions); for new questions it is
the lower of that and one that resamples whole questions, because answers to one question err
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import field_validator

from engine.schema import Figure, Value

_STEPS = 20
_FEWEST = 30
_RESAMPLES = 1000
_RISK = 0.05
NEVER = 1.01
"""A threshold that no confidence reaches."""


class Bin(Value):
    """One bar of the reliability diagram: mean confidence, share of agreement, answers."""

    confidence: float
    agreement: float
    n: int


class OperatingPoint(Value):
    """The surest answers, down to ``confidence``: ``share`` of all; how often people agreed.

    ``promise`` is the highest target agreement at which all of these are accepted.
    """

    confidence: float
    share: float
    agreement: Figure
    promise: float


class Calibration(Value):
    """What was promised and what held-out graded answers showed.

    ``known`` says whether it is about answers to questions that have graded answers. ``agreement``
    is that of the answers that would have been accepted (None: there are none); ``share`` of all
    that these are; ``error`` the expected calibration error; all on answers that the model had not
    seen.
    """

    target: float
    threshold: float
    share: float
    agreement: Figure | None = None
    overall: Figure
    error: float
    n: int
    known: bool
    bins: tuple[Bin, ...] = ()
    ladder: tuple[OperatingPoint, ...] = ()

    @field_validator("agreement", mode="before")
    @classmethod
    def _of_none(cls, given: Any) -> Any:
        """Rows of older versions hold figures without a value where nothing was accepted."""
        empty = isinstance(given, dict) and given.get("value") is None
        return None if empty else given

    def promise(self, confidence: float) -> float:
        """The highest target at which an answer of this confidence is accepted; 0: at none."""
        return next((r.promise for r in self.ladder if confidence >= r.confidence), 0.0)

    def at(self, target: float) -> OperatingPoint | None:
        """What is accepted at this target: the lowest rung that still reaches it."""
        return next((r for r in reversed(self.ladder) if r.promise >= target), None)


class Confidence:
    """Probability in [0, 1] that a person would agree, from signals of a prediction."""

    def __init__(self, signals: Any, agrees: Any) -> None:
        self._model = _logistic().fit(signals, agrees) if len(set(agrees.tolist())) > 1 else None
        self._rate = (agrees.sum() + 1) / (len(agrees) + 2)

    def __call__(self, signals: Any) -> Any:
        """Array (n,) for an array (n, k) of signals."""
        import numpy as np

        if self._model is None:
            return np.full(len(signals), self._rate)
        return self._model.predict_proba(signals)[:, 1]


def calibrate(
    signals: Any, agrees: Any, groups: Sequence[str], *, target: float, known: bool
) -> tuple[Confidence, Calibration]:
    """Confidence fitted on all held-out predictions, and its cross-fitted calibration.

    Args:
        signals: Array (n, k) describing each held-out prediction.
        agrees: Array (n,) of 0 and 1: whether the person's grade is the same.
        groups: Question of each; whole questions are held out where ``known`` is false.
        target: Agreement that accepted answers must reach, in (0, 1).
        known: See ``Calibration``.
    """
    import numpy as np

    held = np.zeros(len(agrees))
    for train, test in _folds(agrees, groups, known):
        held[test] = Confidence(signals[train], agrees[train])(signals[test])
    rungs = ladder(held, agrees, None if known else groups)
    found = summary(held, agrees, target=target, threshold=choose(rungs, target), known=known)
    return Confidence(signals, agrees), found.model_copy(update={"ladder": rungs})


def ladder(
    confidence: Any, agrees: Any, groups: Sequence[str] | None
) -> tuple[OperatingPoint, ...]:
    """The steps of the test, from the surest answers down; ``promise`` never rises.

    ``groups`` are the questions, where those to come are others.
    """
    import numpy as np

    n = len(agrees)
    order = np.argsort(-confidence, kind="stable")
    _, group = np.unique(np.asarray(range(n) if groups is None else groups), return_inverse=True)
    rungs: list[OperatingPoint] = []
    promise = 1.0
    for count in sorted({max(_FEWEST, round(n * step / _STEPS)) for step in range(1, _STEPS + 1)}):
        if count <= n:
            top = order[:count]
            promise = min(promise, lower_bound(agrees[top], group[top]))
            edge = float(confidence[order[count - 1]])
            figure = _share(agrees[top])
            rungs.append(
                OperatingPoint(confidence=edge, share=count / n, agreement=figure, promise=promise)
            )
    return tuple(rungs)


def choose(rungs: Sequence[OperatingPoint], target: float) -> float:
    """The lowest confidence at which accepted answers still reach the target, or ``NEVER``."""
    return next((r.confidence for r in reversed(rungs) if r.promise >= target), NEVER)


def _share(agrees: Any) -> Figure:
    """Share of ones with its bootstrap interval: resampling zeros and ones is a binomial draw."""
    import numpy as np

    n, share = len(agrees), float(agrees.mean())
    drawn = np.random.default_rng(0).binomial(n, share, _RESAMPLES) / n
    low, high = np.quantile(drawn, [_RISK / 2, 1 - _RISK / 2])
    return Figure(value=share, low=float(low), high=float(high), n=n)


def lower_bound(agrees: Any, group: Any) -> float:
    """95 % lower bound of the share of agreement: binomial, or by question if that is lower."""
    import numpy as np
    from scipy.stats import beta

    right, n = int(agrees.sum()), len(agrees)
    exact = float(beta.ppf(_RISK, right, n - right + 1)) if right else 0.0
    _, inverse = np.unique(group, return_inverse=True)
    counts = np.bincount(inverse)
    if len(counts) in (1, n):
        return exact
    sums = np.bincount(inverse, weights=agrees)
    drawn = np.random.default_rng(0).multinomial(
        len(counts), [1 / len(counts)] * len(counts), _RESAMPLES
    )
    by_question = float(np.quantile((drawn @ sums) / (drawn @ counts), _RISK))
    return min(exact, by_question)


def summary(
    confidence: Any, agrees: Any, *, target: float, threshold: float, known: bool
) -> Calibration:
    """The figures of a set of predictions whose true agreement is known."""
    import numpy as np

    from engine.judge import interval

    accepted = confidence >= threshold
    bins, error = [], 0.0
    edges = np.clip((confidence * 10).astype(int), 0, 9)
    for k in range(10):
        inside = edges == k
        if inside.any():
            mean, rate = float(confidence[inside].mean()), float(agrees[inside].mean())
            bins.append(Bin(confidence=mean, agreement=rate, n=int(inside.sum())))
            error += abs(mean - rate) * inside.mean()
    return Calibration(
        target=target,
        threshold=threshold,
        share=float(accepted.mean()),
        agreement=interval(agrees[accepted]) if accepted.any() else None,
        overall=interval(agrees),
        error=float(error),
        n=len(agrees),
        known=known,
        bins=tuple(bins),
    )


def _folds(agrees: Any, groups: Sequence[str], known: bool) -> list[Any]:
    from sklearn.model_selection import GroupKFold, KFold

    if not known and len(set(groups)) >= 5:
        return list(GroupKFold(5).split(agrees, groups=groups))
    return list(KFold(min(5, len(agrees)), shuffle=True, random_state=0).split(agrees))


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
