"""The learner room beside published figures and simple rules, on real data.

    python tests/bench/learner.py --data ../shared/data [--json OUT] [--only trace|pairs|class]

- Spanish log (103,561 answers of 37 learners): AUC and RMSE, five folds by learner, of every model and
  of the rule «share of right answers among the last five on the concept»; seconds to fit 100,000
  rows. Intervals: bootstrap over learners (answers of one learner are not independent).
- RefD (CS and MATH, 1,336 labelled pairs): average precision and F1 with the weights fitted on the
  other domain, beside order of appearance in an algorithms textbook. Intervals: over pairs.
- OULAD (173,912 scores): every class figure beside an independent computation.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from engine.classroom import items, tiles
from engine.classroom.analytics import DAY, by_learner
from engine.concepts import read_pairs
from engine.concepts.prerequisites import Mentions, Weights, name_features, score_pairs
from engine.documents import read_document
from engine.learner import fit, read_log
from engine.settings import Settings

SEED = 20261121
FOLDS = 5
ROUNDS = 500


def interval(measure, groups: list[np.ndarray], rounds: int = ROUNDS) -> tuple[float, float]:
    """The 95 % percentile interval of ``measure(rows)``, resampling whole groups of rows."""
    random = np.random.default_rng(SEED)
    values = [
        measure(np.concatenate([groups[i] for i in random.integers(0, len(groups), len(groups))]))
        for _ in range(rounds)
    ]
    return tuple(np.quantile(values, [0.025, 0.975]).round(4).tolist())


# --- tracing --------------------------------------------------------------------------------


def trace_bench(data: Path) -> dict:
    log = read_log(data / "traces" / "spanish.tsv")
    truth = np.array([a.correct for a in log.answers])
    who = np.array([a.learner for a in log.answers])
    groups = [np.flatnonzero(who == name) for name in log.learners]
    found = {"rows": len(log), "learners": len(groups)}
    for model in ("lr", "pfa", "bkt"):
        p, seconds = cross_validated(log, who, model)
        found[model] = measured(truth, p, groups) | {"fit_seconds_per_100000": seconds}
    found["last five"] = measured(truth, last_five(log), groups)
    return found


def cross_validated(log, who, model):
    names = np.array(log.learners)
    np.random.default_rng(0).shuffle(names)
    p, seconds = np.zeros(len(log)), []
    for fold in range(FOLDS):
        test = np.isin(who, names[fold::FOLDS])
        train = [a for a, held in zip(log.answers, test, strict=True) if not held]
        start = time.perf_counter()
        tracer = fit(train, model)
        seconds.append((time.perf_counter() - start) * 100_000 / len(train))
        p[test] = tracer.predict([a for a, held in zip(log.answers, test, strict=True) if held])
    return p, round(fmean(seconds), 2)


def last_five(log) -> np.ndarray:
    held, found = defaultdict(list), []
    for answer in log.answers:
        past = held[answer.learner, answer.skills]
        found.append((sum(past[-5:]) + 0.75) / (len(past[-5:]) + 1))
        past.append(answer.correct)
    return np.array(found)


def measured(truth, p, groups) -> dict:
    def auc(rows):
        return roc_auc_score(truth[rows], p[rows])

    def rmse(rows):
        return float(np.sqrt(np.mean((truth[rows] - p[rows]) ** 2)))

    everything = np.arange(len(truth))
    bins = np.clip((p * 10).astype(int), 0, 9)
    ece = sum(abs((truth - p)[bins == b].sum()) for b in range(10)) / len(p)
    return {
        "auc": round(auc(everything), 4),
        "auc_interval": interval(auc, groups, 200),
        "rmse": round(rmse(everything), 4),
        "rmse_interval": interval(rmse, groups, 200),
        "calibration_error": round(float(ece), 4),
    }


# --- prerequisites --------------------------------------------------------------------------


def fit_weights(features: Sequence[Sequence[float]], labels: Sequence[int]) -> Weights:
    """Logistic regression with balanced classes on standardised features, back on their scale."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    table = np.asarray(features)
    centre, spread = table.mean(axis=0), table.std(axis=0)
    model = LogisticRegression(C=0.3, class_weight="balanced")
    model.fit((table - centre) / spread, labels)
    slopes = model.coef_[0] / spread
    return Weights(float(model.intercept_[0] - slopes @ centre), *map(float, slopes))


def pairs_bench(data: Path) -> dict:
    folder = data / "prerequisites"
    domains = {name: labelled(folder, name) for name in ("CS", "MATH")}
    features = {name: name_features(pairs) for name, (pairs, _) in domains.items()}
    book = read_document(data / "books/hello_algo_zh_en/en/docs", Settings(home=Path()))
    found = {}
    for test, train in (("CS", "MATH"), ("MATH", "CS")):
        weights = fit_weights(features[train], domains[train][1])
        found[test] = domain(*domains[test], weights, book) | {"weights from " + train: weights}
    both = features["CS"] + features["MATH"]
    found["weights on both (shipped)"] = fit_weights(both, domains["CS"][1] + domains["MATH"][1])
    return found


def labelled(folder: Path, name: str):
    good = read_pairs(folder / f"{name}.edges").pairs
    bad = read_pairs(folder / f"{name}.edges_neg").pairs
    return good + bad, [1] * len(good) + [0] * len(bad)


def domain(pairs, labels, weights: Weights, book) -> dict:
    truth = np.array(labels)
    mentions = Mentions([book], {name for pair in pairs for name in pair})
    first = {name: mentions.first(name) for name in mentions.counts}
    far = 10**6
    order = [
        float(
            np.sign(
                (far if first[a] is None else first[a]) - (far if first[b] is None else first[b])
            )
        )
        for a, b in pairs
    ]
    earliest = [-(far if first[b] is None else first[b]) for _, b in pairs]
    scores = {
        "names": score_pairs(pairs, weights=weights),
        "names and book": score_pairs(pairs, [book], weights),
        "order of appearance (B before A)": (np.array(order) + 1) / 2,
        "B appears early": earliest,
        "cosine": [row[0] for row in name_features(pairs)],
    }
    found: dict = {
        "pairs": len(pairs),
        "positive": int(truth.sum()),
        "both_in_book": sum(first[a] is not None and first[b] is not None for a, b in pairs),
        "f1_all_positive": round(2 * truth.mean() / (1 + truth.mean()), 4),
    }
    rows = [np.array([i]) for i in range(len(pairs))]
    for name, values in scores.items():
        values = np.asarray(values)

        def precision(index, values=values):
            return average_precision_score(truth[index], values[index])

        found[name] = {
            "average_precision": round(float(average_precision_score(truth, values)), 4),
            "interval": interval(precision, rows),
        }
        if name.startswith(("names", "order")):
            found[name]["f1_at_half"] = round(float(f1_score(truth, values > 0.5)), 4)
    return found


# --- the class ------------------------------------------------------------------------------


def class_bench(data: Path) -> dict:
    """Every figure of the room beside the same figure from csv rows and plain sums."""
    import pandas as pd

    folder = data / "classes"
    raw = pd.read_csv(folder / "studentAssessment.csv")
    table = pd.DataFrame(
        {
            "learner": raw.id_student.astype(str),
            "item": raw.id_assessment.astype(str),
            "concept": "",
            "score": raw.score / 100,
            "at": raw.date_submitted * DAY,
        }
    )
    now = float(table["at"].max())
    start = time.perf_counter()
    mine, people, works = tiles(table, now), by_learner(table), items(table)
    seconds = time.perf_counter() - start
    return {
        "scores": len(table),
        "missing": int(table["score"].isna().sum()),
        "seconds": round(seconds, 2),
        "tiles": mine.model_dump(),
        "largest_difference": differences(folder / "studentAssessment.csv", mine, people, works),
    }


def differences(file: Path, mine, people, works) -> dict[str, float]:
    by_person, by_item, cells = defaultdict(list), defaultdict(list), {}
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["score"]:
                score = float(row["score"]) / 100
                by_person[row["id_student"]].append(score)
                by_item[row["id_assessment"]].append(score)
                cells[row["id_assessment"], row["id_student"]] = score
    totals = {name: (sum(s), len(s)) for name, s in by_person.items()}
    scores = [s for values in by_person.values() for s in values]
    medians = np.median([fmean(values) for values in by_person.values()])
    return {
        "answers": abs(mine.answers - len(scores)),
        "learners": abs(mine.learners - len(by_person)),
        "mean": abs(mine.mean - fmean(scores)),
        "median": abs(mine.median - medians),
        "learner means": max(abs(people["mean"][n] - fmean(v)) for n, v in by_person.items()),
        "difficulty": max(abs(works.difficulty[n] - fmean(v)) for n, v in by_item.items()),
        "discrimination": discrimination_difference(cells, totals, works),
    }


def discrimination_difference(cells, totals, works) -> float:
    pairs = defaultdict(list)
    for (item, person), score in cells.items():
        total, n = totals[person]
        if n > 1:
            pairs[item].append((score, (total - score) / (n - 1)))
    worst = 0.0
    for item, rows in pairs.items():
        x, y = np.array(rows).T
        if len(rows) >= 3 and x.std() > 1e-6 and y.std() > 1e-6:
            worst = max(worst, abs(works.discrimination[item] - np.corrcoef(x, y)[0, 1]))
    return worst


PARTS = {"trace": trace_bench, "pairs": pairs_bench, "class": class_bench}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=tuple(PARTS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = {k: v for k, v in PARTS.items() if options.only in (None, k)}
    found = {name: part(options.data) for name, part in chosen.items()}
    text = json.dumps(found, indent=1, ensure_ascii=False, default=str)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
