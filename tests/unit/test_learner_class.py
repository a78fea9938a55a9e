"""Events, privacy, reviews, path and the class view."""

import json
import stat

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.classroom import at_risk, heat_map, items, ladder, table_of, tiles
from engine.cli import main
from engine.concepts import Concept, Prerequisite
from engine.errors import BadInput, Missing
from engine.learner import (
    Event,
    erase_learner,
    events_of,
    export_learner,
    find_learner,
    fit_or_default,
    import_roster,
    path,
    pseudonym,
    record,
    reviews,
    states,
)
from engine.learner.bkt import Bkt
from engine.learner.path import next_steps
from engine.schema import Block, Course, Document, Section
from engine.store import Store

DAY = 86400.0
NOW = 1_790_000_000.0


def event(learner="s-1", concept="Stack", correct=True, at=NOW, item="i", score=None):
    return Event(learner=learner, item=item, concept=concept, correct=correct, at=at, score=score)


@pytest.fixture
def store(settings):
    settings.home.mkdir(parents=True)
    found = Store(settings.database)
    found.add_course(Course(id="c", title="C", language="en"))
    yield found
    found.close()


# --- privacy ------------------------------------------------------------------------------------


def roster(tmp_path, text):
    file = tmp_path / "roster.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_names_stand_in_one_table_only(settings, store, tmp_path):
    people = import_roster(
        settings, store, "c", roster(tmp_path, "name,id,group\nAda Lovelace,7,g1\n王小明,8,g2\n")
    )
    assert [p.group for p in people] == ["g1", "g2"]
    record(store, "c", [event(people[0].pseudonym)])
    assert "Ada" not in json.dumps(store.events("c")) and people[0].pseudonym.startswith("s-")
    assert find_learner(store, "c", "王小明").pseudonym == people[1].pseudonym
    assert import_roster(settings, store, "c", tmp_path / "roster.csv") == people  # again: no-op
    assert len(store.learners("c")) == 2


def test_pseudonyms_need_the_secret_and_differ_by_course(settings, tmp_path):
    from engine.settings import Settings

    one = pseudonym(settings, "c", "Ada")
    assert one == pseudonym(settings, "c", "Ada") != pseudonym(settings, "d", "Ada")
    assert one != pseudonym(Settings(home=tmp_path / "other"), "c", "Ada")
    assert stat.S_IMODE((settings.home / "learner.key").stat().st_mode) == 0o600
    assert [f.name for f in settings.home.iterdir()] == ["learner.key"]


def test_erase_leaves_nothing(settings, store, tmp_path):
    import_roster(settings, store, "c", roster(tmp_path, "name\nAda\nBob\n"))
    ada, bob = (find_learner(store, "c", name).pseudonym for name in ("Ada", "Bob"))
    record(store, "c", [event(ada), event(ada, at=NOW + 1), event(bob)])
    exported = export_learner(store, "c", "Ada")
    assert exported["learner"]["name"] == "Ada" and len(exported["events"]) == 2
    assert erase_learner(store, "c", "Ada") == 3
    store.close()
    raw = b"".join(f.read_bytes() for f in settings.home.glob("*.db"))
    with pytest.raises(Missing):
        find_learner(store, "c", ada)
    assert len(events_of(store, "c")) == 1 and events_of(store, "c", bob)
    assert ada.encode() not in raw and b"Ada" not in raw, (
        "erased rows still stand in the database file"
    )


def test_a_column_learner_beside_a_name_is_the_id(settings, store, tmp_path):
    file = roster(tmp_path, "learner,name,group\nL01,Ada,g1\n")
    [ada] = import_roster(settings, store, "c", file)
    assert ada.pseudonym == pseudonym(settings, "c", "L01"), "the key under which logs name her"
    [bob] = import_roster(settings, store, "c", roster(tmp_path, "learner\nBob\n"))
    assert bob.pseudonym == pseudonym(settings, "c", "Bob")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("who\nAda\n", "roster.columns"),
        ("name\n\n", "roster.empty"),
        ("name\nAda\nAda\n", "roster.duplicate"),
    ],
)
def test_bad_rosters(settings, store, tmp_path, text, code):
    with pytest.raises(BadInput) as error:
        import_roster(settings, store, "c", roster(tmp_path, text))
    assert error.value.code == code and not store.learners("c")


def test_events_are_recorded_once_and_checked(store):
    record(store, "c", [event(), event()])
    record(store, "c", [event()])
    assert len(events_of(store, "c")) == 1 and events_of(store, "c")[0] == event()
    with pytest.raises(BadInput, match="between 0 and 1"):
        record(store, "c", [event(score=7)])


# --- reviews and path ---------------------------------------------------------------------------


def test_mastery_fades_until_a_review():
    graph = [Concept(name="Stack", sections=("s",))]
    tracer = fit_or_default([])
    answered = [event(concept="Stack", item=f"i{n}", at=NOW + n) for n in range(3)]
    fresh, later = (states(graph, answered, tracer, NOW + d * DAY)["Stack"] for d in (0, 60))
    assert later.learnt == pytest.approx(fresh.learnt)
    assert later.recall < 0.9 < fresh.recall
    assert later.mastery == pytest.approx(later.learnt * later.recall)
    assert later.mastery < fresh.mastery and later.due < NOW + 60 * DAY


def test_reviews_move_away_with_success_and_come_back_with_failure():
    once = reviews([event()], NOW)[0]
    twice = reviews([event(), event(at=NOW + 3 * DAY)], NOW + 3 * DAY)[0]
    failed = reviews([event(), event(at=NOW + 3 * DAY, correct=False)], NOW + 3 * DAY)[0]
    assert NOW + 0.9 * DAY < once.due < failed.due + 3 * DAY < twice.due + 3 * DAY
    assert twice.stability > once.stability > failed.stability
    assert reviews([], NOW) == []


GRAPH = [
    Concept(name="Array", sections=("s1",)),
    Concept(
        name="Stack", sections=("s2",), prerequisites=(Prerequisite(concept="Array", score=0.9),)
    ),
    Concept(
        name="Queue", sections=("s3",), prerequisites=(Prerequisite(concept="Stack", score=0.9),)
    ),
]


def plan(events, now=NOW):
    return [(c.name, why) for c, why in next_steps(GRAPH, states(GRAPH, events, Bkt(), now), now)]


def right(concept, n=4, at=NOW):
    return [event(concept=concept, item=f"{concept}{i}", at=at + i) for i in range(n)]


def test_the_path_adapts_after_each_event():
    assert plan([]) == [("Array", "start")]
    assert plan([event(concept="Array", correct=False)]) == [("Array", "weak")]
    assert plan(right("Array")) == [("Stack", "next")]
    later = NOW + 90 * DAY
    assert plan(right("Array"), later) == [("Array", "review"), ("Stack", "next")]
    done = right("Array") + right("Stack") + right("Queue")
    assert plan(done) == []
    assert [why for _, why in plan(done, later)] == ["review"] * 3


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Array", "Stack", "Queue"]), st.booleans(), st.integers(0, 60))
    )
)
def test_no_step_before_its_prerequisite(history):
    events = [
        event(concept=c, correct=ok, at=NOW + d * DAY, item=str(i))
        for i, (c, ok, d) in enumerate(history)
    ]
    now = NOW + 61 * DAY
    known = states(GRAPH, events, Bkt(), now)
    steps = next_steps(GRAPH, known, now)
    assert steps or all(s.learnt >= 0.75 for s in known.values())
    for concept, why in steps:
        assert why == "review" or all(
            known[e.concept].learnt >= 0.75 for e in concept.prerequisites
        )


def book():
    def section(number, title, text):
        return Section(id=f"s{number}", title=title, blocks=(Block(text=text),))

    filler = " It keeps its elements in one place, and programs use it in very many ways every day."
    sections = (
        section(1, "1 Array", "An array is a data structure with numbered cells." + filler * 2),
        section(
            2, "2 Stack", "A stack is a data structure that can be built on an array." + filler * 2
        ),
    )
    return Document(id="d", title="B", filename="b.md", language="en", sections=sections)


def test_path_of_a_stored_course(store):
    store.add_document("c", book())
    steps = path(store, "c", "s-1", now=NOW)
    assert (steps[0].concept, steps[0].why, steps[0].section) == ("Array", "start", "s1")
    assert 0 <= steps[0].low <= steps[0].mastery <= steps[0].high <= 1 and steps[0].minutes > 0
    record(store, "c", right("Array"))
    assert [(s.concept, s.why) for s in path(store, "c", "s-1", now=NOW + 9)][0] == (
        "Stack",
        "next",
    )
    with pytest.raises(Missing):
        path(store, "none", "s-1", now=NOW)


def test_commands(settings, store, tmp_path, capsys):
    store.add_document("c", book())
    file = roster(tmp_path, "name\nAda\n")

    def run(*words):
        status = main(["--home", str(settings.home), "--json", *words])
        return status, json.loads(capsys.readouterr().out)

    assert run("learners", "import", "c", str(file))[0] == 0
    status, steps = run("path", "c", "Ada")
    assert status == 0 and {"step", "concept", "section", "why", "mastery", "due"} <= set(steps[0])
    status, found = run("concepts", "c")
    assert status == 0 and {"concept", "sections", "prerequisites"} == set(found[0])
    assert run("learners", "export", "c", "Ada")[1]["learner"]["name"] == "Ada"
    assert run("learners", "erase", "c", "Ada") == (0, {"erased": 1})
    assert run("path", "c", "Ada")[1]["error"]["code"] == "learner.missing"
    assert run("path", "none", "Ada")[1]["error"]["code"] == "course.missing"


# --- the class ----------------------------------------------------------------------------------


def scores():
    rows = []
    for day in range(12):
        rows += [
            ("good", f"i{day}", "c", 0.9, NOW - day * DAY),
            ("falls", f"i{day}", "c", 0.4 if day < 5 else 0.9, NOW - day * DAY),
        ]
    rows += [("gone", f"i{d}", "c", 0.3, NOW - (20 + d) * DAY) for d in range(3)]
    return pd.DataFrame(rows, columns=["learner", "item", "concept", "score", "at"])


def test_at_risk_has_reasons():
    found = {
        person.learner: person.reasons for person in at_risk(scores(), NOW, ["silent", "good"])
    }
    assert found == {"gone": ("absent", "wrong", "few"), "falls": ("falling",), "silent": ("few",)}
    top = tiles(scores(), NOW, ["silent"])
    assert (top.learners, top.active, top.answers, top.at_risk) == (4, 2, 27, 3)


def test_an_empty_class():
    empty = table_of([])
    assert tiles(empty, NOW).mean is None and not at_risk(empty, NOW, ["a"])
    assert len(items(empty)) == 0 and heat_map([], Bkt(), ["a"]).empty


def test_missing_is_not_zero():
    table = scores()
    table.loc[0, "score"] = None
    assert tiles(table, NOW).answers == 26
    with pytest.raises(BadInput, match="between 0 and 1"):
        tiles(table.assign(score=50), NOW)
    with pytest.raises(BadInput, match="no column"):
        tiles(table.drop(columns="at"), NOW)


def test_heat_map_and_ladder():
    events = [*right("Array"), event("s-2", "Array", correct=False)]
    cells = heat_map(events, Bkt(), ["Array", "Stack"], ["s-3"])
    assert list(cells.index)[0] == "s-2" and cells["Stack"].isna().all()
    assert cells.attrs["answers"].loc["s-1", "Array"] == 4
    assert ladder(cells)["Array"] == {"mastered": 1, "near": 0, "far": 1, "not_begun": 1}


def test_oulad_equals_plain_pandas(shared_data):
    """Difficulty by numpy sums, discrimination by scipy learner by learner, on three presentations."""
    from scipy.stats import pearsonr

    raw = pd.read_csv(shared_data / "classes" / "studentAssessment.csv")
    tests = pd.read_csv(shared_data / "classes" / "assessments.csv")
    merged = raw.merge(tests, on="id_assessment")
    merged = merged[merged.code_module.isin(["AAA", "GGG"])]
    table = pd.DataFrame(
        {
            "learner": merged.id_student.astype(str),
            "item": merged.id_assessment.astype(str),
            "concept": merged.code_module,
            "score": merged.score / 100,
            "at": merged.date_submitted * DAY,
        }
    )
    found = items(table)
    wide = table.pivot_table(index="learner", columns="item", values="score", aggfunc="mean")
    for item in wide.columns:
        rest = wide.drop(columns=item).mean(axis=1)
        both = wide[item].notna() & rest.notna()
        assert abs(found.difficulty[item] - wide[item].mean()) < 1e-9
        if both.sum() >= 3 and wide[item][both].std() > 1e-9:
            truth = pearsonr(wide[item][both], rest[both])[0]
            assert abs(found.discrimination[item] - truth) < 1e-9
    assert tiles(table, 0).answers == int(merged.score.notna().sum())
