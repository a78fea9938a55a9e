"""Bayesian Knowledge Tracing (Corbett & Anderson, UMUAI 4, 1995), fitted by EM.

Per concept, with L the probability that the learner knows it:

    p(right) = L (1 - slip) + (1 - L) guess
    L' = L(1 - slip) / p(right)  after a right answer,  L slip / (1 - p(right))  after a wrong one
    L  <- L' + (1 - L') learn

EM (Baum-Welch without forgetting) runs on all sequences of all concepts at once. Guess and slip
stay under 0.5 and 0.4, so that a right answer always speaks for knowing (Baker, Corbett & Aleven,
ITS 2008, on degenerate fits). A Beta prior of ``PRIOR`` pseudo-answers pulls each concept
to the parameters of all concepts together; a concept never seen gets these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.learner.log import UNKNOWN, Interaction, in_time

PRIOR = 20.0
_FLOOR = 0.005
_CEILING = (0.995, 0.6, 0.5, 0.4)
_ROUNDS = 25


class Parameters(NamedTuple):
    """Probabilities: known at the start, learned at a step, guessed, slipped."""

    known: float
    learn: float
    guess: float
    slip: float


DEFAULT = Parameters(0.3, 0.15, 0.2, 0.1)
"""Where nobody's answers are known yet: one right answer is not mastery, three are."""


@dataclass(frozen=True)
class Bkt:
    """Parameters by concept; ``shared`` serves concepts without any."""

    skills: dict[str, Parameters] = field(default_factory=dict)
    shared: Parameters = DEFAULT
    strength: tuple[float, float] = (4.0, 0.5)
    model: str = "bkt"

    def predict(self, test: Sequence[Interaction], history: Sequence[Interaction] = ()) -> Any:
        """Probability of a right answer for each row of ``test``; the mean over its concepts."""
        import numpy as np

        found = np.zeros(len(test))
        learner, known = None, dict[str, float]()
        for place, answer in in_time(test, history):
            if answer.learner != learner:
                learner, known = answer.learner, {}
            if place >= 0:
                found[place] = self._right(known, answer.skills)
            self._learn(known, answer)
        return found

    def unseen_all(self, history: Sequence[Interaction], skills: Sequence[str]) -> list[float]:
        """Probability that the learner of ``history`` answers an unseen item now, by concept."""
        known: dict[str, float] = {}
        for answer in sorted(history, key=lambda a: a.at):
            self._learn(known, answer)
        return [self._right(known, (skill,)) for skill in skills]

    def _right(self, known: dict[str, float], skills: Sequence[str]) -> float:
        values = []
        for skill in skills or ("",):
            own = self.skills.get(skill, self.shared)
            level = known.get(skill, own.known)
            values.append(level * (1 - own.slip) + (1 - level) * own.guess)
        return sum(values) / len(values)

    def _learn(self, known: dict[str, float], answer: Interaction) -> None:
        if answer.correct == UNKNOWN:
            return
        for skill in answer.skills:
            own = self.skills.get(skill, self.shared)
            level = known.get(skill, own.known)
            if answer.correct:
                seen = level * (1 - own.slip)
                level = seen / (seen + (1 - level) * own.guess)
            else:
                seen = level * own.slip
                level = seen / (seen + (1 - level) * (1 - own.guess))
            known[skill] = level + (1 - level) * own.learn


def fit_bkt(answers: Sequence[Interaction]) -> Bkt:
    """Fit by EM: first one set of parameters for all concepts, then one for each, shrunk to it."""
    import numpy as np

    skills, place, table = _sequences(answers)
    if not skills:
        return Bkt()
    together = np.zeros_like(place)
    shared = _em(table, together, np.array([DEFAULT]), np.array(DEFAULT), 0.0)
    own = _em(table, place, np.repeat(shared, len(skills), axis=0), shared[0], PRIOR)
    fitted = {skill: Parameters(*map(float, row)) for skill, row in zip(skills, own, strict=True)}
    return Bkt(fitted, Parameters(*map(float, shared[0])))


def _sequences(answers: Sequence[Interaction]) -> tuple[list[str], Any, Any]:
    """Concepts; concept of each sequence; outcomes (sequences x steps, -1 after the end).

    Sequences are sorted by falling length, so that step t concerns a leading block of rows.
    """
    import numpy as np

    held: dict[tuple[str, str], list[int]] = {}
    for _, answer in in_time(answers, ()):
        if answer.correct != UNKNOWN:
            for skill in answer.skills:
                held.setdefault((skill, answer.learner), []).append(answer.correct)
    ordered = sorted(held.items(), key=lambda entry: -len(entry[1]))
    skills = sorted({skill for skill, _ in held})
    number = {skill: i for i, skill in enumerate(skills)}
    table = np.full((len(ordered), len(ordered[0][1]) if ordered else 0), -1, dtype=np.int8)
    for row, (_, outcomes) in zip(table, ordered, strict=True):
        row[: len(outcomes)] = outcomes
    return skills, np.array([number[skill] for (skill, _), _ in ordered], dtype=int), table


def _em(table: Any, place: Any, start: Any, prior: Any, weight: float) -> Any:
    """Parameters (concepts x 4) after EM with ``weight`` pseudo-answers at ``prior``."""
    import numpy as np

    current = start
    for _ in range(_ROUNDS):
        hits, tries = _expect(table, place, current)
        moved = (hits + weight * prior) / np.maximum(tries + weight, 1e-9)
        moved = np.clip(moved, _FLOOR, _CEILING)
        change = float(np.abs(moved - current).max())
        current = moved
        if change < 1e-3:
            break
    return current


def _expect(table: Any, place: Any, parameters: Any) -> tuple[Any, Any]:
    """Expected successes and trials (concepts x 4) of known, learn, guess and slip."""
    import numpy as np

    known, learn, guess, slip = parameters[place].T
    steps = table.shape[1]
    lengths = (table >= 0).sum(axis=0)
    before = np.zeros(table.shape)  # forward: P(known at t | answers before t)
    after = np.zeros(table.shape)  # P(known at t | answers to t)
    level = known.copy()
    for t in range(steps):
        n = lengths[t]
        right, now = table[:n, t] == 1, level[:n]
        before[:n, t] = now
        if_known = np.where(right, 1 - slip[:n], slip[:n])
        if_not = np.where(right, guess[:n], 1 - guess[:n])
        seen = now * if_known
        after[:n, t] = seen / (seen + (1 - now) * if_not)
        level[:n] = after[:n, t] + (1 - after[:n, t]) * learn[:n]
    smooth, moves, chances = _smooth(after, learn, lengths)
    return _counts(table, place, smooth, moves, chances, len(parameters))


def _smooth(after: Any, learn: Any, lengths: Any) -> tuple[Any, Any, Any]:
    """Backward: P(known at t | all answers); expected learnings and chances to, per sequence."""
    import numpy as np

    smooth = after.copy()
    moves, chances = np.zeros(len(after)), np.zeros(len(after))
    for t in range(after.shape[1] - 2, -1, -1):
        n = lengths[t + 1]
        unknown, rate = 1 - after[:n, t], learn[:n]
        next_level = after[:n, t] + unknown * rate
        # Who does not know at t+1 did not know at t: knowing is never lost.
        learned = smooth[:n, t + 1] * unknown * rate / next_level
        smooth[:n, t] = smooth[:n, t + 1] - learned
        moves[:n] += learned
        chances[:n] += 1 - smooth[:n, t]
    return smooth, moves, chances


def _counts(
    table: Any, place: Any, smooth: Any, moves: Any, chances: Any, concepts: int
) -> tuple[Any, Any]:
    import numpy as np

    present, right = table >= 0, table == 1
    unknown = 1 - smooth
    hits = (
        smooth[:, 0],
        moves,
        (unknown * (right & present)).sum(axis=1),
        (smooth * (~right & present)).sum(axis=1),
    )
    tries = (
        np.ones(len(table)),
        chances,
        (unknown * present).sum(axis=1),
        (smooth * present).sum(axis=1),
    )

    def by_concept(values: Any) -> Any:
        return np.bincount(place, values, concepts)

    return (
        np.stack([by_concept(v) for v in hits], axis=1),
        np.stack([by_concept(v) for v in tries], axis=1),
    )
