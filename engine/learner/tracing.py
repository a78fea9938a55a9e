"""Knowledge tracing: from a log of answers to the probability of the next right answer.

A prediction uses nothing but the coefficients and the past of the same learner; every row of the
test log joins that past after its own prediction. *Mastery* is the same probability for an item of
the concept that the learner has never seen.

The interval of mastery is a Beta posterior: the value p counts as the mean of k answers' evidence,
Beta(p k, (1 - p) k), k = k0 + k1 n after n answers on the concept. k0 and k1 maximise the
beta-binomial likelihood of what learners of the training log did next (the five answers that follow
the middle of each of their concepts). It says how far this learner may differ from the model; the
coefficients' own error, which is smaller, is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine.errors import BadInput
from engine.learner.bkt import Bkt, Parameters, fit_bkt
from engine.learner.log import UNKNOWN, Interaction, Log, read_log, render
from engine.learner.regression import Regression, fit_regression

Model = Literal["lr", "pfa", "bkt"]
MODELS: tuple[Model, ...] = ("lr", "pfa", "bkt")
Tracer = Regression | Bkt
ENOUGH = (300, 5)
"""Answers and learners from which a course gets an ``lr`` model of its own."""
_AHEAD = 5


class Mastery(NamedTuple):
    """Probability of answering an unseen item of a concept now, with its 95 % interval."""

    value: float
    low: float
    high: float


def fit(log: Log | Sequence[Interaction], model: str = "lr") -> Tracer:
    """A tracer fitted to the log.

    Raises:
        BadInput: ``trace.model`` (unknown model), ``trace.one_outcome`` (all answers alike).
    """
    answers = log.answers if isinstance(log, Log) else tuple(log)
    if model not in MODELS:
        raise BadInput(
            f"There is no model “{model}”.",
            code="trace.model",
            next=f"Choose one of {', '.join(MODELS)}.",
            model=model,
        )
    if len({a.correct for a in answers if a.correct != UNKNOWN}) < 2:
        raise BadInput(
            "The log holds only right or only wrong answers, so nothing can be learnt from it.",
            code="trace.one_outcome",
            next="Give a training log with right and wrong answers.",
        )
    tracer = fit_bkt(answers) if model == "bkt" else fit_regression(answers, model)
    return replace(tracer, strength=_strength(tracer, answers))


def fit_or_default(answers: Sequence[Interaction]) -> Tracer:
    """``lr`` on the course's own answers where there are ``ENOUGH``, else BKT's defaults."""
    known = [answer for answer in answers if answer.correct != UNKNOWN]
    few = len(known) < ENOUGH[0] or len({a.learner for a in known}) < ENOUGH[1]
    if few or len({a.correct for a in known}) < 2:
        return Bkt()
    return fit(known, "lr")


def mastery(tracer: Tracer, history: Sequence[Interaction], skill: str) -> Mastery:
    """Mastery of the concept after the answers of one learner; a Beta posterior's interval."""
    return masteries(tracer, history, (skill,))[skill]


def over_time(
    tracer: Tracer, history: Sequence[Interaction], skill: str, most: int = 60
) -> list[tuple[float, Mastery]]:
    """Mastery of the concept after each of the learner's answers to it, oldest first.

    Returns:
        Pairs of (seconds since 1970, mastery), of the last ``most`` answers.
    """
    told = sorted(history, key=lambda answer: answer.at)
    places = [place for place, answer in enumerate(told, 1) if skill in answer.skills]
    return [(told[place - 1].at, mastery(tracer, told[:place], skill)) for place in places[-most:]]


def masteries(
    tracer: Tracer, history: Sequence[Interaction], skills: Sequence[str]
) -> dict[str, Mastery]:
    """``mastery`` of several concepts of one learner, in one pass over the history."""
    import numpy as np
    from scipy.special import betaincinv  # a tenth of a second; scipy.stats takes one

    if not skills:
        return {}
    counts = Counter(
        skill for answer in history if answer.correct != UNKNOWN for skill in set(answer.skills)
    )
    value = np.clip(tracer.unseen_all(history, skills), 1e-4, 1 - 1e-4)
    n = np.array([counts[skill] for skill in skills])
    k = tracer.strength[0] + tracer.strength[1] * n
    low = np.minimum(betaincinv(value * k, (1 - value) * k, 0.025), value)
    high = np.maximum(betaincinv(value * k, (1 - value) * k, 0.975), value)
    rows = zip(skills, value.tolist(), low.tolist(), high.tolist(), strict=True)
    return {skill: Mastery(v, a, b) for skill, v, a, b in rows}


def dump_tracer(tracer: Tracer) -> dict[str, Any]:
    """A tracer as plain values for JSON."""
    if isinstance(tracer, Bkt):
        return {"model": "bkt", **asdict(tracer)}
    columns = [[kind, name, place] for (kind, name), place in tracer.columns.items()]
    weights = [float(weight) for weight in tracer.weights]
    return {**vars(tracer), "columns": columns, "weights": weights}


def load_tracer(data: Mapping[str, Any]) -> Tracer:
    """The tracer that ``dump_tracer`` wrote."""
    values = {**data, "strength": tuple(data["strength"])}
    if values.pop("model") == "bkt":
        skills = {name: Parameters(*own) for name, own in data["skills"].items()}
        return Bkt(**{**values, "shared": Parameters(*data["shared"]), "skills": skills})
    columns = {(kind, name): place for kind, name, place in data["columns"]}
    return Regression(**{**values, "model": data["model"], "columns": columns})


def trace(train: Path, test: Path, out: Path, model: str = "lr") -> Tracer:
    """Fit on one log, predict another, and write its rows with ``p_correct``, in its order.

    Learners that are in both logs bring their training answers along as their past.

    Raises:
        BadInput: as ``read_log`` and ``fit``.
    """
    past, rows = read_log(train), read_log(test)
    tracer = fit(past, model)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render(rows, tracer.predict(rows.answers, past.answers)), encoding="utf-8")
    return tracer


def _strength(tracer: Tracer, answers: Sequence[Interaction]) -> tuple[float, float]:
    """k0 and k1 of the module's docstring by a grid search; needs twenty sequences."""
    import numpy as np

    spans = _spans(tracer, answers)
    if len(spans) < 20:
        return tracer.strength
    p, n, tries, right = np.array(spans).T
    grid = [
        (a, b) for a in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0) for b in (0.0, 0.1, 0.3, 1.0, 3.0)
    ]
    return max(grid, key=lambda pair: _beta_binomial(p, pair[0] + pair[1] * n, tries, right))


def _spans(tracer: Tracer, answers: Sequence[Interaction]) -> list[tuple[float, int, int, int]]:
    """By learner and concept: prediction at the middle, answers before, answers after, right."""
    predicted = tracer.predict(answers)
    held: dict[tuple[str, str], list[tuple[float, float, int]]] = {}
    for answer, p in zip(answers, predicted, strict=True):
        if answer.correct != UNKNOWN:
            for skill in answer.skills:
                row = (answer.at, float(p), answer.correct)
                held.setdefault((answer.learner, skill), []).append(row)
    found = []
    for rows in held.values():
        rows.sort(key=lambda row: row[0])
        middle = len(rows) // 2
        ahead = rows[middle : middle + _AHEAD]
        if len(rows) >= 4:
            found.append((ahead[0][1], middle, len(ahead), sum(row[2] for row in ahead)))
    return found


def _beta_binomial(p: Any, k: Any, n: Any, right: Any) -> float:
    """Log likelihood up to a constant."""
    from scipy.special import betaln

    a, b = p * k, (1 - p) * k
    return float((betaln(a + right, b + n - right) - betaln(a, b)).sum())
