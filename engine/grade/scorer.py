"""The trained scorer for open answers: learns from graded answers, and knows how far to trust it.

Two cases are learned, calibrated and reported apart, because they differ by twenty points: answers
to questions of which some answers are graded (*known*: features and neighbours), and answers to new
questions (features only). Held-out predictions leave out answers in the first case and whole
questions in the second. A fine-tuned cross-encoder (MiniLM) beside the features was measured to
gain nothing on SciEntsBank, neither with 600 and 1,400 graded answers (0.0 points [-0.9, 0.9]) nor
with all 4,969 (0.4 [-0.2, 1.1]), so there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import BadInput
from engine.grade.calibrate import Calibration, Confidence, calibrate
from engine.grade.features import NAMES, Features, Neighbours
from engine.grade.heads import Head
from engine.grade.items import Item, Submission
from engine.progress import Report, silent
from engine.schema import Progress, Value, content_id

FOLDS = 5
FEWEST = 20
"""Graded answers below which nothing can be learned."""
KNOWN = 5
"""Graded answers of a question from which on it counts as known."""
TOLERANCE = 0.1
"""Two scores agree when they differ by at most this share of the maximum."""
_ROUND = 1e-6
_RARE = 0.25
"""How far rare labels are favoured: probabilities are divided by the label's share to this power.

Chosen by cross-validation on SciEntsBank's training answers: macro-F1 rises by .006 (known
questions) and .02 (new ones), accuracy falls by .004; at 0.5 accuracy falls by .01 to .02.
"""

_TELLING = [NAMES.index(name) for name in ("f1", "new_coverage", "length", "cosine")]
"""Columns of the features that also tell how far a prediction can be trusted."""


class Prediction(Value):
    """What the scorer thinks of one answer; ``accepted``: sure enough to stand alone.

    ``promise`` is the highest target agreement at which it would be.
    """

    answer_id: str
    score: float | None = None
    label: str | None = None
    confidence: float
    accepted: bool = False
    promise: float = 0.0
    known: bool = False


@dataclass
class _Case:
    """A head with its confidence and threshold."""

    head: Head
    confidence: Confidence
    calibration: Calibration


class Scorer:
    """Grades open answers of one outcome: a score, or a label. Make one with ``fit``."""

    def __init__(
        self,
        items: Sequence[Item],
        graded: Sequence[Submission],
        target_agreement: float,
        vectors: dict[str, Any] | None = None,
    ) -> None:
        self._items = {item.item_id: item for item in items}
        self._graded = list(graded)
        self._target = target_agreement
        self.labels = sorted({s.label for s in graded if s.label is not None})
        self._targets = self._goal(graded)
        self._grains = _grains(graded)
        self._folds = [int(content_id(s.answer_id), 16) % FOLDS for s in graded]
        self._features = Features(items, [s.answer for s in graded], vectors)
        self._neighbours = Neighbours(self._features, graded, self._targets, self._folds)
        self._many = Counter(s.item_id for s in graded)
        self._known: _Case | None = None
        self._new: _Case | None = None

    @classmethod
    def fit(
        cls,
        items: Sequence[Item],
        graded: Sequence[Submission],
        *,
        target_agreement: float = 0.9,
        vectors: dict[str, Any] | None = None,
        report: Report = silent,
    ) -> Scorer:
        """Learn from graded answers, all with a label or all with a score.

        Args:
            items: Every item that ``graded`` and later answers name.
            graded: At least ``FEWEST`` answers with a person's grades.
            target_agreement: Share of accepted answers on which a person must agree.
            vectors: Embeddings shared with others, see ``Features``.
            report: Told of each stage; may raise ``Cancelled``.

        Raises:
            BadInput: too few grades, or all alike.
        """
        _teachable(graded)
        scorer = cls(items, graded, target_agreement, vectors)
        report(Progress(stage="grade.features", total=len(graded)))
        plain = scorer._features.matrix(graded, report)
        scorer._known = scorer._fit_known(plain)
        report(Progress(stage="grade.calibrate", total=1, done=1))
        scorer._new = scorer._fit_new(plain)
        return scorer

    @property
    def calibrations(self) -> tuple[Calibration, ...]:
        """What was measured on held-out graded answers: known questions, then new ones."""
        return tuple(case.calibration for case in (self._known, self._new) if case)

    def judge(self, submissions: Sequence[Submission], report: Report = silent) -> list[Prediction]:
        """An opinion on each answer, in order. Items must be among those of ``fit``."""
        if not submissions:
            return []
        plain = self._features.matrix(submissions, report)
        found: dict[int, Prediction] = {}
        for known in (True, False):
            rows = [i for i, s in enumerate(submissions) if self.knows(s.item_id) == known]
            if rows:
                some = [submissions[i] for i in rows]
                found |= zip(rows, self._judge(some, plain[rows], known), strict=True)
        return [found[i] for i in range(len(submissions))]

    def knows(self, item_id: str) -> bool:
        """Whether enough answers to this question are graded."""
        return self._many[item_id] >= KNOWN

    # ------------------------------------------------------------ learning

    def _goal(self, graded: Sequence[Submission]) -> Any:
        import numpy as np

        if self.labels:
            return np.eye(len(self.labels))[[self.labels.index(s.label or "") for s in graded]]
        return np.array([[(s.score or 0) / self._items[s.item_id].top] for s in graded])

    def _fit_known(self, plain: Any) -> _Case:
        import numpy as np

        near = self._neighbours.matrix(self._graded, self._folds)
        features = np.hstack([plain, near])
        fold = np.array(self._folds)
        folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]
        held, spread = self._held_out(features, folds)
        return self._case(Head(features, self._targets), held, spread, plain, near, True)

    def _fit_new(self, plain: Any) -> _Case | None:
        from sklearn.model_selection import GroupKFold

        groups = [s.item_id for s in self._graded]
        if len(set(groups)) < FOLDS:
            return None
        folds = list(GroupKFold(FOLDS).split(plain, groups=groups))
        held, spread = self._held_out(plain, folds)
        return self._case(Head(plain, self._targets), held, spread, plain, None, False)

    def _held_out(self, features: Any, folds: Sequence[Any]) -> tuple[Any, Any]:
        """Predictions of models that have not seen the row, and the spread of their parts."""
        import numpy as np

        held, spread = np.zeros_like(self._targets), np.zeros(len(self._targets))
        for train, test in folds:
            if len(train) and len(test):
                each = Head(features[train], self._targets[train]).each(features[test])
                held[test], spread[test] = each.mean(0), each.std(0).mean(1)
        return held, spread

    def _case(
        self, head: Head, held: Any, spread: Any, plain: Any, near: Any, known: bool
    ) -> _Case:
        held = self._evened(held)
        agrees = self._agreement(held)
        groups = [s.item_id for s in self._graded]
        confidence, calibration = calibrate(
            _signals(held, spread, plain, near), agrees, groups, target=self._target, known=known
        )
        return _Case(head, confidence, calibration)

    def _agreement(self, held: Any) -> Any:
        """Array (n,): 1 where a held-out prediction is what the person gave."""
        import numpy as np

        if self.labels:
            return (held.argmax(1) == self._targets.argmax(1)).astype(float)
        owners = [self._items[s.item_id] for s in self._graded]
        tops = np.array([item.top for item in owners])
        mine = np.array([self._rounded(p, i) for p, i in zip(held[:, 0], owners, strict=True)])
        return (np.abs(mine / tops - self._targets[:, 0]) <= TOLERANCE + _ROUND).astype(float)

    def _evened(self, found: Any) -> Any:
        """Class probabilities with rare labels favoured (see ``_RARE``); scores as they are."""
        if not self.labels:
            return found
        raised = found / self._targets.mean(0) ** _RARE
        return raised / raised.sum(axis=1, keepdims=True)

    def _rounded(self, share: float, item: Item) -> float:
        score, step = share * item.top, self._grains.get(item.item_id, self._grains[""])
        return round(round(score / step) * step, 4) if step else round(score, 2)

    # ------------------------------------------------------------ grading

    def _judge(
        self, submissions: Sequence[Submission], plain: Any, known: bool
    ) -> list[Prediction]:
        import numpy as np

        # with fewer than five graded questions nothing is known of new ones: features of the known
        # case still give the likeliest grade, but nothing is accepted
        case = self._known if known else self._new or self._known
        assert case is not None
        near = self._neighbours.matrix(submissions)
        with_near = case is self._known
        each = case.head.each(np.hstack([plain, near]) if with_near else plain)
        found = each.mean(0)
        found = self._evened(found)
        signals = _signals(found, each.std(0).mean(1), plain, near if with_near else None)
        sure = case.confidence(signals)
        trusted = known or self._new is not None
        promises = [case.calibration.promise(float(c)) if trusted else 0.0 for c in sure]
        return [
            self._opinion(s, row, float(c), promise, known)
            for s, row, c, promise in zip(submissions, found, sure, promises, strict=True)
        ]

    def _opinion(
        self, submission: Submission, row: Any, confidence: float, promise: float, known: bool
    ) -> Prediction:
        label = self.labels[int(row.argmax())] if self.labels else None
        item = self._items[submission.item_id]
        return Prediction(
            answer_id=submission.answer_id,
            label=label,
            score=None if label is not None else self._rounded(float(row[0]), item),
            confidence=min(1.0, max(0.0, confidence)),
            accepted=promise >= self._target,
            promise=promise,
            known=known,
        )


def _signals(found: Any, spread: Any, plain: Any, near: Any) -> Any:
    """What tells a safe prediction from a doubtful one, array (n, k)."""
    import numpy as np

    columns = [spread, *plain[:, _TELLING].T]
    if found.shape[1] > 1:
        ordered = np.sort(found, axis=1)
        top = np.clip(ordered[:, -1], 1e-4, 1 - 1e-4)
        columns += [np.log(top / (1 - top)), top - ordered[:, -2], *found.T]
    else:
        columns += [found[:, 0], (found[:, 0] - 0.5) ** 2]
    if near is not None:
        k = found.shape[1]
        near = np.nan_to_num(near)
        columns += [near[:, -2], np.abs(near[:, :k] - found).sum(1)]
        columns += [np.abs(near[:, k : 2 * k] - found).sum(1)]
    return np.column_stack(columns)


def _grains(graded: Sequence[Submission]) -> dict[str, float]:
    """The step in which people gave scores: of each known question, and under "" of all."""
    given: dict[str, list[float]] = {}
    for s in graded:
        if s.score is not None:
            given.setdefault(s.item_id, []).append(s.score)
    found = {name: _grain(scores) for name, scores in given.items() if len(scores) >= KNOWN}
    return found | {"": _grain([score for scores in given.values() for score in scores])}


def _grain(scores: Sequence[float]) -> float:
    """1, 0.5, 0.25, or 0 for finer."""
    for step in (1.0, 0.5, 0.25):
        if scores and all(abs(s / step - round(s / step)) < _ROUND for s in scores):
            return step
    return 0.0


def _teachable(graded: Sequence[Submission]) -> None:
    if len(graded) < FEWEST:
        raise BadInput(
            f"{len(graded)} graded answers are too few to learn from; {FEWEST} are needed.",
            code="grade.few",
            next=f"Grade {FEWEST - len(graded)} more answers.",
            n=len(graded),
            fewest=FEWEST,
        )
    if len({s.label if s.label is not None else s.score for s in graded}) < 2:
        raise BadInput(
            "All graded answers have the same grade; nothing can be learned from them.",
            code="grade.alike",
            next="Add graded answers of other quality.",
        )
