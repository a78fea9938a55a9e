"""Train the offline teacher's judge of worth on ratings of the *look* half, and say how good it is.

    python -m tests.bench.card.train --books H:COURSE:BOOK H:COURSE:BOOK --keep 0.9 [--write]

Each find of the books that was rated (its answer, in any wording) is a row; it is good if all
readings of it kept it, where a reading of another wording says nothing of naturalness. Figures are
of five-fold cross-validation by knowledge point: of finds above the least worth that the sealed
half has never touched. ``--write`` puts the coefficients of all rows into ``worth.json``; the
least worth is the lowest at which the cross-validated share of good finds reaches ``--keep`` in
every book.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.course import taught_sections
from engine.distil.offline import book_terms, finds_of, point_of
from engine.distil.offline import worth as judge
from engine.judge import interval
from engine.schema import content_id
from engine.settings import load
from engine.workspace import opened
from tests.bench.card.sample import Rating, digest, half_of, read_ratings

_FOLDS = 5
_STRENGTH = 0.2
"""Of the regularisation (scikit-learn's C): few rows, many features."""
_FEWEST = 3
"""Rows in which a feature must be on to have a weight."""


class Row(NamedTuple):
    """A rated find."""

    point: str
    features: dict[str, float]
    good: bool


def rows_of(home: Path, course: str, book: str) -> list[Row]:
    """The rated finds of a book, of the look half."""
    with opened(load(home), course) as workspace:
        documents = workspace.store.documents(course)
    terms = book_terms(documents)
    ratings: dict[str, list[Rating]] = {}
    for rating in read_ratings(book):
        if rating.half == "look":
            ratings.setdefault(rating.answer, []).append(rating)
    found = []
    for section in taught_sections(documents):
        for find in finds_of(section, terms):
            point = point_of(find, terms.language)
            read = ratings.get(digest(point.answer), [])
            if read and half_of(point.id) == "look":
                found.append(Row(point.id, judge.features(find, terms), _good(point, read)))
    return found


def _good(point: Any, read: Sequence[Rating]) -> bool:
    """Whether readers kept it; in a wording that is no more, naturalness says nothing."""
    today = {digest(q, point.answer) for q in (*point.questions, *point.held_out)}
    current = [rating for rating in read if rating.of in today]
    if current:
        return all(rating.keep for rating in current)
    return all(rating.alone and rating.right and rating.worth for rating in read)


def fitted(rows: Sequence[Row]) -> dict[str, float]:
    """The weights of a logistic regression over the rows; the intercept under the empty name."""
    from sklearn.linear_model import LogisticRegression

    names = _names(rows)
    x = np.array([[row.features.get(name, 0.0) for name in names] for row in rows])
    model = LogisticRegression(C=_STRENGTH, max_iter=2000).fit(x, [row.good for row in rows])
    weights = dict(zip(names, map(float, model.coef_[0]), strict=True))
    return {"": float(model.intercept_[0])} | weights


def _names(rows: Sequence[Row]) -> list[str]:
    names = {name for row in rows for name in row.features}
    return sorted(n for n in names if sum(row.features.get(n, 0) != 0 for row in rows) >= _FEWEST)


def cross_validated(rows: Sequence[Row]) -> list[float]:
    """Each row's worth by a judge that has not seen its point."""
    fold = [int(content_id("fold", row.point), 16) % _FOLDS for row in rows]
    found = [0.0] * len(rows)
    for k in range(_FOLDS):
        weights = fitted([row for row, f in zip(rows, fold, strict=True) if f != k])
        for i, row in enumerate(rows):
            if fold[i] == k:
                found[i] = judge.judged(row.features, weights)
    return found


def least_of(books: Sequence[Sequence[tuple[Row, float]]], keep: float) -> float:
    """The lowest worth above which the share of good rows reaches ``keep`` in every book."""
    for least in np.arange(0.05, 0.99, 0.01):
        shares = [[row.good for row, value in own if value >= least] for own in books]
        if all(own and sum(own) / len(own) >= keep for own in shares):
            return round(float(least), 2)
    return 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the docstring above says how."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.card.train")
    parser.add_argument("--books", nargs="+", required=True, metavar="HOME:COURSE:BOOK")
    parser.add_argument("--keep", type=float, default=0.9)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    by_book = {b: rows_of(Path(h), c, b) for h, c, b in (x.split(":") for x in options.books)}
    rows = [row for own in by_book.values() for row in own]
    values = cross_validated(rows)
    given = iter(zip(rows, values, strict=True))
    least = least_of([[next(given) for _ in own] for own in by_book.values()], options.keep)
    from sklearn.metrics import roc_auc_score

    good = [row.good for row in rows]
    print(f"{len(rows)} rated finds, {sum(good)} good; AUROC {roc_auc_score(good, values):.2f}")
    print(f"least worth {least}")
    start = 0
    for book, own in by_book.items():
        mine = values[start : start + len(own)]
        start += len(own)
        kept = [float(r.good) for r, v in zip(own, mine, strict=True) if v >= least]
        share = interval(kept)
        print(f"{book}: good {np.mean([r.good for r in own]):.2f} of {len(own)}; above the least "
              f"worth {share.value:.2f} [{share.low:.2f}, {share.high:.2f}] of {share.n}")  # fmt: skip
    weights = fitted(rows)
    for name, weight in sorted(weights.items(), key=lambda item: item[1]):
        print(f"  {weight:+.2f} {name}")
    if options.write:
        rounded = {name: round(weight, 3) for name, weight in weights.items()}
        path = Path(judge.__file__).with_name("worth.json")
        path.write_text(json.dumps({"least": least, "weights": rounded}, indent=1) + "\n")


if __name__ == "__main__":
    main()
