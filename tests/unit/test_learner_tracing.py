"""Knowledge tracing: reading logs, predicting from the past only, mastery with an interval."""

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadDocument, BadInput
from engine.learner import Interaction, fit, fit_or_default, mastery, over_time, read_log, trace
from engine.learner.bkt import DEFAULT, Bkt, Parameters, fit_bkt
from engine.learner.log import UNKNOWN, parse_log


def simulated(learners=30, seed=0, skills=("a", "b"), steps=12) -> list[Interaction]:
    """Learners who learn: Bayesian Knowledge Tracing run forward with known parameters."""
    draw = random.Random(seed)
    found = []
    for learner in range(learners):
        for skill in skills:
            knows = draw.random() < 0.3
            for step in range(steps):
                right = draw.random() < (0.9 if knows else 0.2)
                item = f"{skill}{draw.randrange(8)}"
                found.append(Interaction(f"l{learner}", item, (skill,), int(right), float(step)))
                knows = knows or draw.random() < 0.2
    return found


@pytest.fixture(scope="module", params=["lr", "pfa", "bkt"])
def tracer(request):
    return fit(simulated(), request.param)


LOG = "learner,item,skill,correct,timestamp\n"
ROWS = st.lists(
    st.builds(
        Interaction,
        learner=st.sampled_from(["l0", "new", "other"]),
        item=st.sampled_from(["a0", "a1", "b2", "unseen"]),
        skills=st.sampled_from([("a",), ("b",), ("a", "b"), ("never",), ()]),
        correct=st.sampled_from([0, 1, UNKNOWN]),
        at=st.sampled_from([0.0, 1.0, 2.0]),
    ),
    min_size=1,
    max_size=15,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_predictions_are_probabilities(tracer, rows):
    assert all(0 < p < 1 for p in tracer.predict(rows))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, data=st.data())
def test_the_future_and_other_learners_never_leak(tracer, rows, data):
    """Whatever a row is changed to, no earlier row, no other learner's row changes; nor its own."""
    place = data.draw(st.integers(0, len(rows) - 1))
    row = rows[place]
    changed = list(rows)
    changed[place] = Interaction(row.learner, row.item, row.skills, 1 - max(row.correct, 0), row.at)
    before, after = tracer.predict(rows), tracer.predict(changed)
    for i, other in enumerate(rows):
        earlier = (other.at, i) <= (row.at, place)
        if other.learner != row.learner or earlier:
            assert before[i] == after[i]


def test_history_counts_and_only_of_the_same_learner(tracer):
    row = [Interaction("l0", "x", ("a",), 1, 9.0)]
    good = [Interaction("l0", "a1", ("a",), 1, float(i)) for i in range(6)]
    others = [Interaction("l1", "a1", ("a",), 1, float(i)) for i in range(6)]
    assert tracer.predict(row, good)[0] > tracer.predict(row)[0] + 0.05
    assert tracer.predict(row, others)[0] == tracer.predict(row)[0]


def test_later_history_is_no_past(tracer):
    row = [Interaction("l0", "x", ("a",), 1, 5.0)]
    later = [Interaction("l0", "a1", ("a",), 1, 6.0)]
    assert tracer.predict(row, later)[0] == tracer.predict(row)[0]


def test_mastery_rises_with_right_answers_and_its_interval_narrows(tracer):
    past = [Interaction("l", f"q{i}", ("a",), 1, float(i)) for i in range(8)]
    levels = [mastery(tracer, past[:n], "a") for n in (0, 2, 8)]
    assert levels[0].value < levels[1].value < levels[2].value
    assert all(0 <= m.low <= m.value <= m.high <= 1 for m in levels)
    assert levels[2].high - levels[2].low < levels[0].high - levels[0].low
    wrong = [Interaction("l", f"q{i}", ("a",), 0, float(i)) for i in range(8)]
    assert mastery(tracer, wrong, "a").value < levels[2].value - 0.2


def test_bkt_recovers_the_parameters_that_made_the_log():
    fitted = fit_bkt(simulated(400, steps=15)).skills["a"]
    for mine, truth in zip(fitted, Parameters(0.3, 0.2, 0.2, 0.1), strict=True):
        assert abs(mine - truth) < 0.05


def test_bkt_by_hand():
    p = DEFAULT
    right = p.known * (1 - p.slip) + (1 - p.known) * p.guess
    known = p.known * (1 - p.slip) / right
    known += (1 - known) * p.learn
    rows = [Interaction("l", "i", ("s",), 1, 0.0), Interaction("l", "j", ("s",), 0, 1.0)]
    first, second = Bkt().predict(rows)
    assert math.isclose(first, right)
    assert math.isclose(second, known * (1 - p.slip) + (1 - known) * p.guess)


def test_lr_ranks_items_by_difficulty():
    rows = [
        Interaction(f"l{i}", item, ("s",), int(i % 10 < easy), 0.0)
        for i in range(100)
        for item, easy in (("easy", 9), ("hard", 2))
    ]
    tracer = fit(rows, "lr")
    easy, hard = tracer.predict(
        [Interaction("n", "easy", ("s",), 1), Interaction("m", "hard", ("s",), 1)]
    )
    assert easy > 0.75 and hard < 0.45


def test_few_answers_give_the_default_model():
    assert fit_or_default(simulated(2)).model == "bkt"
    assert fit_or_default([]).model == "bkt"
    assert fit_or_default(simulated()).model == "lr"


@pytest.mark.parametrize(
    "head",
    ["user_id\titem_id\ttimestamp\tcorrect\tskill_id", "learner\tquestion\ttime\toutcome\tkc"],
)
def test_aliases_and_tabs(head):
    log = parse_log(head + "\nu\ti\t7\t1\ts;t\n")
    assert log.answers == (Interaction("u", "i", ("s", "t"), 1, 7.0),)


def test_iso_times_order_the_rows():
    log = parse_log(LOG + "u,i,s,1,2026-01-02\nu,j,s,0,2026-01-01T10:00:00+00:00\n")
    assert log.answers[1].at < log.answers[0].at


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("learner,item,correct\nu,i,1\n", "log.columns"),
        (LOG, "log.empty"),
        (LOG + "u,i,s,maybe,0\n", "log.row"),
        (LOG + "u,i\n", "log.row"),
        (LOG + "u,i,s,1,nan\n", "log.row"),
        (LOG + "u,i,s,1,yesterday\n", "log.row"),
    ],
)
def test_bad_logs_are_named(text, code):
    with pytest.raises(BadInput) as error:
        parse_log(text)
    assert error.value.code == code and error.value.next


def test_bad_files(tmp_path):
    with pytest.raises(BadInput) as error:
        read_log(tmp_path / "none.csv")
    assert error.value.code == "table.missing"
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(BadInput) as error:
        read_log(tmp_path / "sheet.xlsx")
    assert error.value.code == "table.binary"
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(BadDocument):
        read_log(tmp_path / "empty.csv")


def test_bad_models():
    with pytest.raises(BadInput, match="no model"):
        fit(simulated(2), "dkt")
    with pytest.raises(BadInput, match="only right"):
        fit([Interaction("l", "i", ("s",), 1)] * 5)


def test_trace_keeps_the_order_and_the_columns(tmp_path):
    train, test, out = (tmp_path / name for name in ("train.csv", "test.csv", "out.csv"))
    rows = [f"{a.learner},{a.item},{a.skills[0]},{a.correct}" for a in simulated(10)]
    train.write_text("learner,item,skill,correct\n" + "\n".join(rows) + "\n")
    test.write_text("item,learner,correct,skill,note\nz,q,1,a,later\na1,q,,a;b,\nz,p,0,never,x\n")
    trace(train, test, out, "bkt")
    lines = out.read_text().splitlines()
    assert lines[0] == "item,learner,correct,skill,note,p_correct"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == test.read_text().splitlines()[1:]
    assert all(0 < float(line.rsplit(",", 1)[1]) < 1 for line in lines[1:])


def test_spanish_bkt_beats_the_constant(shared_data):
    """Twelve learners only, to stay quick; tests/bench/learner.py measures all of them."""
    from sklearn.metrics import roc_auc_score

    log = read_log(shared_data / "traces" / "spanish.tsv")
    learners = log.learners
    train = [a for a in log.answers if a.learner in learners[:9]]
    test = [a for a in log.answers if a.learner in learners[9:12]]
    p = fit(train, "bkt").predict(test)
    assert roc_auc_score([a.correct for a in test], p) > 0.78


def test_mastery_over_time_rises_with_right_answers_and_uses_the_past_only(tracer):
    history = [Interaction("me", f"a{n}", ("a",), int(n > 3), float(n)) for n in range(10)]
    other = [Interaction("me", "b1", ("b",), 1, 20.0)]
    points = over_time(tracer, [*history[::-1], *other], "a")
    assert [at for at, _ in points] == [float(n) for n in range(10)]
    assert points[-1][1].value > points[3][1].value
    assert points[4][1] == mastery(tracer, history[:5], "a")
    assert len(over_time(tracer, history, "a", most=3)) == 3
    assert over_time(tracer, history, "nothing") == []
