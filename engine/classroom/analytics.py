"""The class view: tiles, heat map, who is at risk and why, and what the items tell.

All figures are plain pandas operations on a table of scores, so that anyone can check them;
``tests/bench/learner.py`` does so on OULAD by another route. A missing score is not a zero: it
counts nowhere. Scores are shares of the item's maximum, in [0, 1].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from engine.errors import BadInput
from engine.learner.events import Event, as_answers
from engine.learner.log import Interaction
from engine.learner.tracing import Tracer
from engine.levels import FIRM, NEAR
from engine.schema import Value

COLUMNS = ("learner", "item", "concept", "score", "at")
DAY = 86400.0
Reason = Literal["few", "falling", "wrong", "absent"]


class RiskRules(Value):
    """When somebody is at risk: each rule gives one reason.

    ``few``: answers under this share of the class's median; ``falling``: mean of the last five
    scores this much under the mean before; ``wrong``: mean score under this; ``absent``: days since
    the last answer (the Aspects rule of Open edX uses seven).
    """

    few: float = 0.5
    falling: float = 0.15
    wrong: float = 0.5
    absent: float = 7.0


class Tiles(Value):
    """Figures of a class; means are over scores, the median over learners' means."""

    learners: int
    active: int
    answers: int
    mean: float | None
    median: float | None
    at_risk: int


class AtRisk(Value):
    """A learner at risk: the reasons, most telling first, each with its figure."""

    learner: str
    reasons: tuple[Reason, ...]
    values: dict[Reason, float]
    mean: float | None
    answers: int


def table_of(events: Sequence[Event]) -> Any:
    """Events as a data frame with ``COLUMNS``; without a score, right is 1 and wrong is 0."""
    import pandas as pd

    rows = [
        (e.learner, e.item, e.concept, float(e.correct) if e.score is None else e.score, e.at)
        for e in events
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def checked(table: Any) -> Any:
    """The table without rows that have no score.

    Raises:
        BadInput: ``class.columns`` (a column is missing), ``class.scores`` (outside [0, 1]).
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise BadInput(
            f"The scores have no column {', '.join(missing)}.",
            code="class.columns",
            next=f"The columns are {', '.join(COLUMNS)}.",
            columns=", ".join(missing),
        )
    kept = table[table["score"].notna()]
    if len(kept) and not kept["score"].between(0, 1).all():
        raise BadInput(
            "Some scores are not between 0 and 1.",
            code="class.scores",
            next="Divide each score by the most points that its item gives.",
        )
    return kept


def by_learner(table: Any) -> Any:
    """One row a learner: ``answers``, ``mean``, ``last`` (seconds), ``items``."""
    groups = checked(table).groupby("learner", sort=True)
    return groups.agg(
        answers=("score", "size"),
        mean=("score", "mean"),
        last=("at", "max"),
        items=("item", "nunique"),
    )


def tiles(
    table: Any,
    now: float,
    learners: Sequence[str] = (),
    rules: RiskRules | None = None,
    risky: Sequence[AtRisk] | None = None,
) -> Tiles:
    """The class in figures; ``learners`` is the roster (who never answered counts as enrolled).

    ``risky`` is what ``at_risk`` found, where the caller has it already.
    """
    people = by_learner(table)
    used = rules or RiskRules()
    scores = checked(table)["score"]
    active = int((now - people["last"] <= used.absent * DAY).sum())
    return Tiles(
        learners=len(set(people.index) | set(learners)),
        active=active,
        answers=len(scores),
        mean=float(scores.mean()) if len(scores) else None,
        median=float(people["mean"].median()) if len(people) else None,
        at_risk=len(at_risk(table, now, learners, used) if risky is None else risky),
    )


def at_risk(
    table: Any, now: float, learners: Sequence[str] = (), rules: RiskRules | None = None
) -> list[AtRisk]:
    """Who needs somebody now, most reasons first, then the lowest mean."""
    used = rules or RiskRules()
    people = by_learner(table)
    typical = float(people["answers"].median()) if len(people) else 0.0
    falls = _falls(checked(table))
    answered = set(people.index)
    days = (now - people["last"]) / DAY
    fall = people.index.to_series().map(falls).fillna(0.0).astype(float)
    few = people["answers"] < used.few * typical
    people = people[
        (days > used.absent) | (people["mean"] < used.wrong) | (fall >= used.falling) | few
    ]
    found = [
        _risk(str(row.Index), row, falls.get(row.Index, 0.0), typical, now, used)
        for row in people.itertuples()
    ]
    silent = sorted(set(learners) - answered)
    found += [_silent(name) for name in silent if typical]
    return sorted(found, key=lambda p: (-len(p.reasons), p.mean or 0.0, p.learner))


def _risk(
    learner: str, row: Any, fall: float, typical: float, now: float, rules: RiskRules
) -> AtRisk:
    days = (now - float(row.last)) / DAY
    values: dict[Reason, float] = {}
    if days > rules.absent:
        values["absent"] = days
    if row.mean < rules.wrong:
        values["wrong"] = float(row.mean)
    if fall >= rules.falling:
        values["falling"] = fall
    if row.answers < rules.few * typical:
        values["few"] = float(row.answers)
    return AtRisk(
        learner=learner,
        reasons=tuple(values),
        values=values,
        mean=float(row.mean),
        answers=int(row.answers),
    )


def _silent(learner: str) -> AtRisk:
    return AtRisk(learner=learner, reasons=("few",), values={"few": 0.0}, mean=None, answers=0)


def _falls(table: Any) -> dict[str, float]:
    """By learner: mean score before the last five answers less the mean of these; ten at least."""
    ordered = table.sort_values(["learner", "at"], kind="stable")
    place = ordered.groupby("learner").cumcount(ascending=False)
    sizes = ordered.groupby("learner")["score"].transform("size")
    enough = ordered[sizes >= 10]
    late = enough[place[enough.index] < 5].groupby("learner")["score"].mean()
    early = enough[place[enough.index] >= 5].groupby("learner")["score"].mean()
    return {str(name): float(value) for name, value in (early - late).items()}


def items(table: Any) -> Any:
    """One row an item: ``answers``, ``difficulty``, ``discrimination``, ``learners``.

    ``difficulty`` is the mean score (facility: high is easy). ``discrimination`` is the corrected
    point-biserial correlation: the learner's mean on the item with the learner's mean on all
    *other* items, over learners who answered both; missing under three learners or without
    variance.
    """
    import pandas as pd

    table = checked(table)
    cells = table.groupby(["item", "learner"])["score"].agg(["sum", "size"]).reset_index()
    totals = cells.groupby("learner")[["sum", "size"]].transform("sum")
    cells["own"] = cells["sum"] / cells["size"]
    others = totals["size"] - cells["size"]
    cells["rest"] = (totals["sum"] - cells["sum"]) / others.where(others > 0)
    groups = table.groupby("item", sort=True)["score"]
    found = pd.DataFrame({"answers": groups.size(), "difficulty": groups.mean()})
    found["learners"] = cells.groupby("item").size()
    found["discrimination"] = _correlations(cells[cells["rest"].notna()])
    return found


def _correlations(cells: Any) -> Any:
    """Pearson correlation of ``own`` and ``rest`` within each item, without a loop over items."""
    by = cells.groupby("item")
    x = cells["own"] - by["own"].transform("mean")
    y = cells["rest"] - by["rest"].transform("mean")
    sums = (
        cells.assign(xy=x * y, xx=x * x, yy=y * y, n=1)
        .groupby("item")[["xy", "xx", "yy", "n"]]
        .sum()
    )
    varied = (sums["n"] >= 3) & (sums["xx"] > 1e-12) & (sums["yy"] > 1e-12)
    return (sums["xy"] / (sums["xx"] * sums["yy"]) ** 0.5).where(varied)


def heat_map(
    events: Sequence[Event], tracer: Tracer, concepts: Sequence[str], learners: Sequence[str] = ()
) -> Any:
    """Mastery now, a data frame of learners x concepts, weakest learners and concepts first.

    Cells of concepts that a learner never answered are missing, not a guess. ``attrs["answers"]``
    holds the number of answers behind each cell, in the same shape.
    """
    import pandas as pd

    held: dict[str, list[Interaction]] = {learner: [] for learner in learners}
    for answer in as_answers(events):
        held.setdefault(answer.learner, []).append(answer)
    wanted = list(dict.fromkeys(concepts))
    counts, values = [], []
    for answers in held.values():
        met = Counter(skill for answer in answers for skill in answer.skills)
        levels_of = _levels(tracer, answers, [name for name in wanted if name in met])
        counts.append([met[name] for name in wanted])
        values.append([levels_of.get(name, float("nan")) for name in wanted])
    names = pd.Index(list(held), dtype=object)
    levels = pd.DataFrame(values, index=names, columns=wanted, dtype=float)
    rows = levels.mean(axis=1).sort_values(kind="stable").index
    columns = levels.mean(axis=0).sort_values(kind="stable").index
    levels = levels.loc[rows, columns]
    answered = pd.DataFrame(counts, index=names, columns=wanted)
    levels.attrs["answers"] = answered.loc[rows, columns]
    return levels


def _levels(
    tracer: Tracer, answers: Sequence[Interaction], names: Sequence[str]
) -> dict[str, float]:
    found = tracer.unseen_all(answers, names) if names else []
    return dict(zip(names, found, strict=True))


def ladder(
    levels: Any, threshold: float = FIRM, near: float = NEAR
) -> Mapping[str, dict[str, int]]:
    """By concept, how many learners have mastered it, are near, are far, or have not begun."""
    found = {}
    for concept in levels.columns:
        column = levels[concept]
        found[str(concept)] = {
            "mastered": int((column >= threshold).sum()),
            "near": int(((column >= near) & (column < threshold)).sum()),
            "far": int((column < near).sum()),
            "not_begun": int(column.isna().sum()),
        }
    return found
