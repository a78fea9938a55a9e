"""The trained scorer, its and its calibration."""

import json
import random
import re

import numpy as np
import pytest
from rapidfuzz import fuzz

from engine.errors import BadInput
from engine.grade import scorer as scorer_module
from engine.grade.calibrate import NEVER, calibrate, choose, ladder, lower_bound, summary
from engine.grade.features import NAMES, Features, Neighbours, negations
from engine.grade.items import Item, Submission
from engine.grade.prior import prior
from engine.grade.scorer import Scorer, _grain, _grains
from engine.judge import rouge_l, token_f1
from tests.unit.grading_data import ITEMS, answers

COLUMN = {name: i for i, name in enumerate(NAMES)}


def features(*texts):
    rows = [Submission(answer_id=str(i), item_id="heat", answer=t) for i, t in enumerate(texts)]
    return Features(ITEMS, texts).matrix(rows)


def test_features_order_answers_as_a_person_would():
    right, wrong, negated, empty = features(
        "Heat makes the particles move faster, so the metal expands.",
        "Because it is blue.",
        "Heat does not make the particles move faster.",
        "",
    )
    for name in ("f1", "recall", "idf_coverage", "new_coverage", "cosine"):
        assert right[COLUMN[name]] > wrong[COLUMN[name]]
    assert negated[COLUMN["negation_mismatch"]] == 1
    assert right[COLUMN["negation_mismatch"]] == 0
    assert np.isfinite(empty).all()


def test_every_feature_stands_in_its_own_column():
    """Each of the columns against a figure worked out here, for answers that tell them apart."""
    reference = "Warm particles move 3 times faster and push apart"
    item = Item(
        item_id="heat", question="Why does metal expand when warm?", references=(reference,)
    )
    said = ["Warm particles do not move 7 or 8 times at all", "Metal is a warm and shiny thing"]
    maker = Features([item], said)
    rows = maker.matrix([Submission(answer_id=t, item_id="heat", answer=t) for t in said])
    theirs, asked = set(maker.terms(reference)), set(maker.terms(item.question))

    def weight(terms):
        return sum(maker.rarity(term) for term in terms)

    for text, row in zip(said, rows, strict=True):
        mine = set(maker.terms(text))
        both, new = mine & theirs, theirs - asked
        answer, book, question = (maker.vectors([t])[0] for t in (text, reference, item.question))
        numbers, wanted = set(re.findall(r"\d+", text)), {"3"}
        expected = {
            "f1": token_f1(text, reference),
            "rouge_l": rouge_l(text, reference),
            "recall": len(both) / len(theirs),
            "precision": len(both) / len(mine),
            "idf_coverage": weight(both) / weight(theirs),
            "new_coverage": weight(mine & new) / weight(new),
            "token_set": fuzz.token_set_ratio(text.lower(), reference.lower()) / 100,
            "partial": fuzz.partial_ratio(text.lower(), reference.lower()) / 100,
            "novel": weight(mine - theirs - asked) / weight(mine),
            "question_overlap": len(mine & asked) / len(mine),
            "length": np.log(1 + len(text.split())),
            "length_ratio": len(text.split()) / len(reference.split()),
            "reference_length": np.log(1 + len(reference.split())),
            "question_length": np.log(1 + len(asked)),
            "negations": text.count(" not "),
            "negation_mismatch": text.count(" not ") % 2,
            "numbers_missing": len(wanted - numbers),
            "numbers_extra": len(numbers - wanted),
            "cosine": book @ answer,
            "cosine_mean": book @ answer,
            "cosine_question": answer @ question,
            "reference_question": book @ question,
        }
        found = {name: row[COLUMN[name]] for name in expected}
        assert found == pytest.approx(expected, abs=1e-6)
        assert len(row) == len(NAMES) and 0 < row[COLUMN["trigrams"]] < 1
    assert len({round(v, 6) for v in rows[0]}) > 18, "the answers tell columns apart"


@pytest.mark.parametrize("labels", [1, 3])
def test_confidence_is_read_from_the_columns_that_it_names(labels):
    plain = np.arange(2.0 * len(NAMES)).reshape(2, -1)
    found = np.full((2, labels), 1 / max(2, labels))
    near = 1000 + np.arange(2.0 * (3 * labels + 2)).reshape(2, -1)
    signals = scorer_module._signals(found, np.array([0.1, 0.2]), plain, near)
    names = ("f1", "new_coverage", "length", "cosine")
    assert signals[:, 0].tolist() == [0.1, 0.2]
    assert signals[:, 1:5].tolist() == [[row[COLUMN[n]] for n in names] for row in plain]
    likeness, vote, nearest = signals[:, -3:].T
    assert likeness.tolist() == near[:, 3 * labels].tolist()
    assert vote == pytest.approx(np.abs(near[:, :labels] - found).sum(1))
    assert nearest == pytest.approx(np.abs(near[:, labels : 2 * labels] - found).sum(1))


def test_the_best_reference_counts():
    item = Item(
        item_id="heat", question="Why?", references=("nothing alike", "particles move faster")
    )
    row = Features([item], []).matrix(
        [Submission(answer_id="1", item_id="heat", answer="particles move faster")]
    )[0]
    assert row[COLUMN["f1"]] == 1


def test_negations_in_both_languages():
    assert negations("It does not, and never did; it won't") == 3
    assert negations("不会，也没有") == 2
    assert negations("note the knot") == 0


def test_neighbours_of_a_graded_answer_come_from_other_folds():
    graded = answers(12)
    folds = [i % 2 for i in range(12)]
    targets = np.array([[float(fold)] for fold in folds])
    near = Neighbours(Features(ITEMS, []), graded, targets, folds).matrix(graded, folds)
    assert [round(row[0], 6) for row in near] == [1 - fold for fold in folds]


def test_labels_are_learned_and_confidence_is_calibrated():
    scorer = Scorer.fit(ITEMS, answers(120), target_agreement=0.9)
    fresh = answers(60, seed=1)
    predictions = scorer.judge([s.model_copy(update={"label": None}) for s in fresh])
    right = np.mean([o.label == s.label for o, s in zip(predictions, fresh, strict=True)])
    assert right > 0.9
    accepted = [o.label == s.label for o, s in zip(predictions, fresh, strict=True) if o.accepted]
    assert accepted and np.mean(accepted) >= 0.9
    known, *_ = scorer.calibrations
    assert known.known and known.n == 120
    assert sum(b.n for b in known.bins) == 120


def test_scores_keep_the_grain_and_the_range():
    graded = answers(80, scores=True)
    scorer = Scorer.fit(ITEMS, graded)
    for prediction in scorer.judge(answers(20, seed=3, scores=True)):
        assert prediction.label is None
        assert 0 <= prediction.score <= 4
        assert prediction.score == int(prediction.score)
    assert _grain([1, 2.5]) == 0.5
    assert _grain([0.1]) == 0


def test_each_question_keeps_its_own_grain():
    rows = [
        Submission(answer_id=f"{name}{i}", item_id=name, answer="x", score=score)
        for name, scores in (
            ("heat", (0, 1, 2, 4, 4)),
            ("salt", (0, 0.5, 1, 3, 4)),
            ("plant", (2,)),
        )
        for i, score in enumerate(scores)
    ]
    assert _grains(rows) == {"heat": 1.0, "salt": 0.5, "": 0.5}


def test_a_new_question_is_never_accepted_without_five_graded_questions():
    scorer = Scorer.fit(ITEMS, [s for s in answers(120) if s.item_id != "salt"])
    other = [s for s in answers(60, seed=2) if s.item_id == "salt"]
    assert other and not any(o.accepted or o.known for o in scorer.judge(other))


@pytest.mark.parametrize(("some", "code"), [(answers(5), "grade.few"), (
    [s.model_copy(update={"label": "correct"}) for s in answers(30)], "grade.alike")])  # fmt: skip
def test_what_cannot_be_learned_is_told(some, code):
    with pytest.raises(BadInput) as caught:
        Scorer.fit(ITEMS, some)
    assert caught.value.code == code


def test_nothing_to_judge():
    assert Scorer.fit(ITEMS, answers(30)).judge([]) == []


def test_without_grades_only_the_reference_itself_is_accepted():
    item = ITEMS[0]
    texts = (item.references[0], "Heat makes the particles move", "x")
    rows = [Submission(answer_id=str(i), item_id="heat", answer=t) for i, t in enumerate(texts)]
    matrix = Features(ITEMS, []).matrix(rows)
    found = prior({"heat": item}, rows, matrix, False)
    assert [o.accepted for o in found] == [True, False, False]
    assert found[0].score == item.top
    assert found[1].score > found[2].score
    assert [o.label for o in prior({"heat": item}, rows, matrix, True)][::2] == [
        "correct",
        "incorrect",
    ]


# ---------------------------------------------------------------- calibration


def test_the_bound_is_below_the_share_and_counts_whole_questions():
    agrees = np.array([1.0] * 95 + [0.0] * 5)
    alone = lower_bound(agrees, np.arange(100))
    assert 0.88 < alone < 0.95
    clustered = lower_bound(agrees, np.array([0] * 45 + [1] * 50 + [2] * 5))
    assert clustered < alone
    assert lower_bound(np.zeros(50), np.arange(50)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_keeps_the_promise_on_fresh_answers(seed):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.4, 1, 4000)
    agrees = (rng.uniform(size=4000) < confidence).astype(float)
    groups = [str(i % 100) for i in range(4000)]
    threshold = choose(ladder(confidence[:2000], agrees[:2000], groups[:2000]), 0.9)
    fresh = summary(confidence[2000:], agrees[2000:], target=0.9, threshold=threshold, known=True)
    assert fresh.agreement.value >= 0.89
    assert fresh.share > 0.15
    assert fresh.error < 0.05


def test_nothing_is_accepted_where_the_target_is_out_of_reach():
    rng = np.random.default_rng(0)
    agrees = (rng.uniform(size=500) < 0.6).astype(float)
    _, found = calibrate(rng.normal(size=(500, 3)), agrees, ["q"] * 500, target=0.95, known=True)
    assert found.threshold == NEVER
    assert found.share == 0


def test_too_few_grades_promise_nothing():
    assert choose(ladder(np.linspace(1, 0, 20), np.ones(20), ["q"] * 20), 0.9) == NEVER


# ---------------------------------------------------------------- real answers


def test_real_answers_beat_the_majority(shared_data):
    lines = (shared_data / "answers" / "scientsbank.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    train = [r for r in rows if r["split"] == "train"]
    keep = set(random.Random(0).sample(sorted({r["item_id"] for r in train}), 5))
    train = [r for r in train if r["item_id"] in keep]
    test = [r for r in rows if r["split"] == "unseen-answers" and r["item_id"] in keep]
    items = {
        r["item_id"]: Item(item_id=r["item_id"], question=r["question"], references=r["references"])
        for r in train
    }
    graded = [
        Submission(
            answer_id=r["answer_id"], item_id=r["item_id"], answer=r["answer"], label=r["label"]
        )
        for r in train
    ]
    asked = [
        Submission(answer_id=r["answer_id"], item_id=r["item_id"], answer=r["answer"]) for r in test
    ]
    predictions = Scorer.fit(list(items.values()), graded).judge(asked)
    right = [o.label == r["label"] for o, r in zip(predictions, test, strict=True)]
    majority = max(np.mean([r["label"] == name for r in test]) for name in ("correct", "incorrect"))
    assert np.mean(right) > majority + 0.08
