"""How well the grader agrees with people, how far it knows it, and what fools it.

    python -m tests.bench.grading --data ../shared/data [--quick] [--only PART] [--json OUT]

SciEntsBank (SemEval-2013 task 7, 3-way): learned from ``train`` only; macro-F1 on unseen answers,
questions and domains; intervals resample answers, and whole questions where these are unseen.
ADS (Chinese, scores 0 to 10): five random folds; quadratic weighted kappa and RMSE.
For both: agreement that the accepted answers really reach when 0.90 was promised.
Attacks: share sent to a person by a flag, and in all; flags on ordinary answers.
Nothing was tuned on a test split. ``--quick``: 600 training answers.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score, f1_score

from engine.grade.guard import duplicates, guard
from engine.grade.items import Item, Submission
from engine.grade.scorer import TOLERANCE, Scorer
from engine.judge import interval
from tests.bench.attacks import KINDS, attack

TARGET = 0.9
RESAMPLES = 1000
SPLITS = ("unseen-answers", "unseen-questions", "unseen-domains")


def load(path: Path) -> tuple[list[Item], list[Submission], list[str]]:
    """Items, graded answers, and the split of each answer."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    items = {
        r["item_id"]: Item(
            item_id=r["item_id"],
            question=r["question"],
            references=r["references"],
            max_score=r.get("max_score"),
        )
        for r in rows
    }
    answers = [
        Submission(**{k: r.get(k) for k in ("answer_id", "item_id", "answer", "score", "label")})
        for r in rows
    ]
    return list(items.values()), answers, [r["split"] for r in rows]


def bare(submissions: list[Submission]) -> list[Submission]:
    return [s.model_copy(update={"score": None, "label": None}) for s in submissions]


def bootstrap(measure, truth, found, groups=None) -> list[float]:
    """[value, low, high]: 95 % percentile; whole groups are drawn where given."""
    truth, found = np.asarray(truth), np.asarray(found)
    rng = np.random.default_rng(0)
    names = np.asarray(groups if groups is not None else range(len(truth)))
    rows = {name: np.flatnonzero(names == name) for name in np.unique(names)}
    keys = list(rows)
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[keys[i]] for i in rng.integers(0, len(keys), len(keys))])
        values.append(measure(truth[drawn], found[drawn]))
    low, high = np.quantile(values, [0.025, 0.975])
    return [round(float(v), 4) for v in (measure(truth, found), low, high)]


def macro_f1(truth, found) -> float:
    return f1_score(truth, found, average="macro", zero_division=0)


def accuracy(truth, found) -> float:
    return float(np.mean(truth == found))


def qwk(truth, found) -> float:
    return cohen_kappa_score(np.rint(truth), np.rint(found), weights="quadratic")


def rmse(truth, found) -> float:
    return float(np.sqrt(np.mean((truth - found) ** 2)))


def selective(accepted, agrees) -> dict:
    """What the promise of TARGET came to."""
    reached = interval([float(a) for a, yes in zip(agrees, accepted, strict=True) if yes])
    return {
        "promised": TARGET,
        "share_accepted": round(float(np.mean(accepted)), 4),
        "agreement": [round(x, 4) for x in (reached.value, reached.low, reached.high)],
        "n_accepted": reached.n,
    }


def scientsbank(data: Path, quick: bool, tests=SPLITS) -> dict:
    items, answers, splits = load(data / "answers" / "scientsbank.jsonl")
    train = [s for s, split in zip(answers, splits, strict=True) if split == "train"]
    if quick:
        train = random.Random(0).sample(train, 600)
    began = time.perf_counter()
    scorer = Scorer.fit(
        items,
        train,
        target_agreement=TARGET,
    )
    found: dict = {"n_train": len(train), "fit_minutes": (time.perf_counter() - began) / 60}
    found["held_out"] = [
        c.model_dump(exclude={"bins"}, mode="json")
        | {"bins": [tuple(b.model_dump().values()) for b in c.bins]}
        for c in scorer.calibrations
    ]
    print(json.dumps(found), flush=True)
    for split in tests:
        some = [s for s, name in zip(answers, splits, strict=True) if name == split]
        began = time.perf_counter()
        predictions = scorer.judge(bare(some))
        seconds = time.perf_counter() - began
        truth, mine = [s.label for s in some], [o.label for o in predictions]
        groups = None if split == "unseen-answers" else [s.item_id for s in some]
        found[split] = {
            "n": len(some),
            "macro_f1": bootstrap(macro_f1, truth, mine, groups),
            "accuracy": bootstrap(accuracy, truth, mine, groups),
            "answers_per_second": round(len(some) / seconds, 1),
            **selective([o.accepted for o in predictions], np.array(truth) == np.array(mine)),
        }
        print(split, json.dumps(found[split]), flush=True)
    if "unseen-answers" in tests:
        found["attacks"] = attacks(items, answers, splits, "unseen-answers", scorer, n=100)
        print("attacks", json.dumps(found["attacks"]), flush=True)
    return found


def ads(data: Path, quick: bool, tests=SPLITS) -> dict:
    items, answers, splits = load(data / "answers" / "ads_zh.jsonl")
    order = random.Random(0).sample(range(len(answers)), len(answers))
    mine, accepted = np.zeros(len(answers)), np.zeros(len(answers), dtype=bool)
    began, vectors = time.perf_counter(), {}
    for k in range(1 if quick else 5):
        test = order[k::5]
        train = [answers[i] for i in order if i not in set(test)]
        scorer = Scorer.fit(items, train, target_agreement=TARGET, vectors=vectors)
        for i, prediction in zip(test, scorer.judge(bare([answers[i] for i in test])), strict=True):
            mine[i], accepted[i] = prediction.score, prediction.accepted
    rows = [i for k in range(1 if quick else 5) for i in order[k::5]]
    truth, mine, accepted = np.array([answers[i].score for i in rows]), mine[rows], accepted[rows]
    agrees = np.abs(truth - mine) <= TOLERANCE * 10 + 1e-9
    found = {
        "n": len(rows),
        "qwk": bootstrap(qwk, truth, mine),
        "rmse": bootstrap(rmse, truth, mine),
        "within_one_point": bootstrap(accuracy, agrees, np.ones(len(agrees), dtype=bool)),
        "minutes": round((time.perf_counter() - began) / 60, 2),
        **selective(accepted, agrees),
        "attacks": attacks(items, answers, splits, "train", None),
    }
    print("ads", json.dumps(found, ensure_ascii=False), flush=True)
    return found


def attacks(items, answers, splits, split: str, scorer: Scorer | None, n: int = 300) -> dict:
    """By attack: share flagged, and share that a person sees; then flags on ordinary answers."""
    known = {i.item_id: i for i in items}
    some = [s for s, name in zip(answers, splits, strict=True) if name == split]
    rng = random.Random(1)
    sample = rng.sample(some, min(n, len(some)))
    found: dict = {"n": len(sample)}
    for kind in KINDS:
        made = []
        for s in sample:
            item = known[s.item_id]
            text = attack(kind, item.question, item.references[0], s.answer, rng)
            made.append(Submission(answer_id=s.answer_id, item_id=s.item_id, answer=text))
        flagged = [bool(guard(known[s.item_id], s.answer)) for s in made]
        stand = [o.accepted for o in scorer.judge(made)] if scorer else [True] * len(made)
        seen = np.mean([f or not a for f, a in zip(flagged, stand, strict=True)])
        found[kind] = {"flagged": round(float(np.mean(flagged)), 4)}
        found[kind] |= {"person": round(float(seen), 4)} if scorer else {}
    flags = [guard(known[s.item_id], s.answer) for s in some]
    raised = interval([float(bool(f)) for f in flags])
    found["ordinary_flagged"] = [round(v, 4) for v in (raised.value, raised.low, raised.high)]
    found["ordinary_n"] = raised.n
    found["near_duplicates"] = round(len(duplicates(some)) / len(some), 4)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("scientsbank", "ads"))
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    parts = {"scientsbank": scientsbank, "ads": ads}
    found = {
        name: part(options.data, options.quick, options.splits)
        for name, part in parts.items()
        if options.only in (None, name)
    }
    text = json.dumps(found, ensure_ascii=False, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
