"""Ranker and coverage test: measured on books that they were not fitted on, and fitted anew.

    python -m tests.bench.quotes --home H --books think_python_en=python,hello_algo_zh=algo,... [--fit]

Per book: the share of answerable questions of the panel's *look* half whose best unit, quote, and
one of the three best quotes hold the key points, beside the unit nearest in meaning; and of the
coverage test the area under the curve, false refusals and refusals. ``--fit`` writes
``engine/quotes/weights.json`` from all of them. The sealed halves are never read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import engine.quotes
from engine.quotes import coverage as cover
from engine.quotes import rank
from engine.quotes.candidates import candidates
from engine.quotes.features import RANKED
from engine.search import Index
from engine.settings import load
from engine.workspace import open_index, opened
from tests.bench.panels.marking import mark
from tests.bench.panels.panel import half_of, read_panel
from tests.bench.panels.panel import names as panels
from tests.bench.quotes.fit import PARTLY, Asked, fit_coverage, fit_rank

WRITTEN = Path(__file__).parent / "written.jsonl"
WEIGHTS = Path(engine.quotes.__file__).parent / "weights.json"
_FOREIGN = 0.25
"""Weight of a question of another book: easy to tell, and there are many."""


def main() -> None:
    """Measure, and with ``--fit`` fit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True)
    parser.add_argument("--books", required=True, help="NAME=COURSE, NAME=COURSE ...")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    settings = load(home=Path(options.home))
    books = dict(pair.split("=") for pair in options.books.split(","))
    indexes = {}
    for name, course in books.items():
        with opened(settings, course) as workspace:
            indexes[name] = open_index(workspace)
    rows = [row for name, index in indexes.items() for row in of_book(name, index, indexes)]
    if options.fit:
        WEIGHTS.write_text(json.dumps(fitted(rows, indexes), indent=1) + "\n", encoding="utf-8")
        rank.weights.cache_clear()
    report(rows, indexes)


def of_book(name: str, index: Index, indexes: dict[str, Index]) -> list[Asked]:
    """The questions on a book: its panel's, written ones, and those of books in its language."""
    found = [*_of_panel(name, index), *_written(name, index)]
    for other in indexes:
        if other != name and indexes[other].language == index.language:
            found += [_foreign(q, name, index) for q in _questions(other)]
    return found


def _of_panel(name: str, index: Index) -> list[Asked]:
    if name not in panels():
        return []
    found = []
    for q in half_of(read_panel(name), "look"):
        if q.follows:
            continue
        near = candidates(q.question, index)
        marks = [mark(q, index.units[at].text) if q.answerable else "wrong" for at in near.at]
        right = tuple({"right": 1.0, "partly": PARTLY}.get(m, 0.0) for m in marks)
        found.append(Asked(q.id, name, "panel", q.answerable, near, right))
    return found


def _rows(name: str) -> list[dict[str, str]]:
    lines = WRITTEN.read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["book"] == name]


def _questions(name: str) -> list[str]:
    return [row["question"] for row in _rows(name) if "says" in row]


def _written(name: str, index: Index) -> list[Asked]:
    found = []
    for number, row in enumerate(_rows(name)):
        near = candidates(row["question"], index)
        gold = _gold(row, index)
        right = tuple(_nearness(at, gold, index) for at in near.at)
        if "lacks" in row or gold is not None:
            found.append(Asked(f"{name}-{number}", name, "written", "says" in row, near, right))
    return found


def _gold(row: dict[str, str], index: Index) -> int | None:
    said = row.get("says")
    if said is None:
        return None
    texts = (" ".join(unit.text.split()) for unit in index.units)
    return next((at for at, text in enumerate(texts) if " ".join(said.split()) in text), None)


def _nearness(at: int, gold: int | None, index: Index) -> float:
    if gold is None or index.units[at].section != index.units[gold].section:
        return 0.0
    return {0: 1.0, 1: PARTLY}.get(abs(at - gold), 0.0)


def _foreign(question: str, name: str, index: Index) -> Asked:
    near = candidates(question, index)
    right = (0.0,) * len(near.at)
    return Asked(question, name, "foreign", False, near, right, _FOREIGN)


def fitted(rows: list[Asked], indexes: dict[str, Index], without: str = "") -> dict[str, Any]:
    """Both models from all rows but those of one book."""
    used = [row for row in rows if row.book != without]
    table: dict[str, Any] = {"rank": {"constant": 0.0, "weights": fit_rank(used, RANKED)}}
    with _Weights(table):
        features = [cover.coverage_features(r.found, indexes[r.book]) for r in used]
    weights, constant = fit_coverage(features, [r.answered for r in used], [r.weight for r in used])
    return {**table, "coverage": {"constant": constant, "weights": weights}}


class _Weights:
    """Other weights than the shipped ones, as long as the block lasts."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._table = table

    def __enter__(self) -> None:
        self._before = rank.weights
        table = self._table

        def other(name: str) -> Any:
            import numpy as np

            own = table[name]
            names = tuple(own["weights"])
            return names, np.array([own["weights"][n] for n in names]), float(own["constant"])

        rank.weights = cover.weights = other  # type: ignore[assignment,attr-defined]

    def __exit__(self, *_: object) -> None:
        rank.weights = cover.weights = self._before  # type: ignore[attr-defined]


def report(rows: list[Asked], indexes: dict[str, Index]) -> None:
    """The table: each book measured by models fitted without it."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    asked = {q.id: q for name in panels() for q in half_of(read_panel(name), "look")}
    print(
        "book              n  nearest  unit  quote  quote@3 | auroc  refused/doubtful: "
        "answerable  near/off-course"
    )
    for name, index in indexes.items():
        own = [r for r in rows if r.book == name and r.source == "panel"]
        if not own:
            continue
        with _Weights(fitted(rows, indexes, without=name)):
            told = [r for r in own if r.answered]
            nearest = [r.right[int(np.argmax([x["cosine"] for x in r.found.rows]))] for r in told]
            units = [r.right[int(np.argmax(rank.scores(r.found)))] for r in told]
            best = [rank.quotes_of(r.found, index, 3) for r in told]
            marks = [
                [mark(asked[r.name], q.text) == "right" for q in quotes]
                for r, quotes in zip(told, best, strict=True)
            ]
            sure = [cover.probability(r.found, index) for r in own]
            verdicts = [cover.verdict(r.found, index) for r in own]
        area = roc_auc_score([r.answered for r in own], sure)
        print(
            f"{name:16s} {len(told):3d}  {np.mean(np.array(nearest) == 1):.2f}     "
            f"{np.mean(np.array(units) == 1):.2f}  {np.mean([m[0] for m in marks]):.2f}   "
            f"{np.mean([any(m) for m in marks]):.2f}    | {area:.2f}   "
            f"{_share(own, verdicts, True)}  {_share(own, verdicts, False)}"
        )


def _share(rows: list[Asked], verdicts: list[Any], answered: bool) -> str:
    own = [v for r, v in zip(rows, verdicts, strict=True) if r.answered == answered]
    absent = own.count("absent") / len(own)
    return f"{absent:.2f}/{own.count('doubtful') / len(own):.2f} (n={len(own)})"


if __name__ == "__main__":
    main()
