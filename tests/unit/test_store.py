"""Rows come back as they went in; revisions can be undone; versions change when pairs do."""

import pytest

from engine.errors import BadInput, Missing
from engine.schema import Course, Evidence, Pair
from engine.store import Result, Store


@pytest.fixture
def store(database_url):
    found = Store(database_url)
    found.add_course(Course(id="c", title="C", language="zh"))
    yield found
    found.close()


def pair(name: str, **changes) -> Pair:
    values = {
        "id": name,
        "question": f"Q {name}?",
        "answer": "答案。",
        "kind": "fact",
        "language": "zh",
        "point": "p",
        "evidence": (Evidence(quote="q", section="s", page=3),),
    }
    return Pair(**(values | changes))


def test_pairs_round_trip_in_order(store):
    pairs = [pair("b"), pair("a", split="exam", part="recall")]
    store.put_pairs("c", pairs)
    assert store.pairs("c") == pairs
    assert store.pairs("c", split="exam") == pairs[1:]
    assert store.count_pairs("c") == {("train", "proposed"): 1, ("exam", "proposed"): 1}


def test_undo_takes_back_one_batch_at_a_time(store):
    store.put_pairs("c", [pair("a"), pair("b")])
    start = store.corpus_version("c")
    store.revise_pairs("c", [pair("a", status="accepted"), pair("b", status="rejected")], batch="1")
    middle = store.corpus_version("c")
    store.revise_pairs("c", [pair("a", answer="neu", status="accepted")], batch="2")
    assert len({start, middle, store.corpus_version("c")}) == 3
    assert store.undo("c") == 1
    assert store.pairs("c", status="accepted")[0].answer == "答案。"
    assert store.undo("c") == 2
    assert store.corpus_version("c") == start
    assert store.undo("c") == 0


def test_an_unknown_course_says_how_to_make_one(store):
    with pytest.raises(Missing, match="nowhere"):
        store.course("nowhere")
    with pytest.raises(BadInput):
        store.add_course(Course(id="c", title="Again", language="en"))


def test_results_are_replaced_by_name(store):
    store.save_result("c", Result(stage="exam", data={"a": 1}))
    store.save_result("c", Result(stage="exam", data={"a": 2}))
    found = store.result("c", "exam")
    assert found is not None
    assert found.data == {"a": 2}


def test_removing_a_course_leaves_no_row(store):
    store.put_pairs("c", [pair("a")])
    store.choose("c", "x", 1)
    store.put_role("c", "a@b.c", "instructor")
    store.put_api_key("c", "k", salt="s", hash="h")
    store.add_course(Course(id="other", title="O", language="en"))
    store.put_role("other", "a@b.c", "learner")
    store.remove_course("c")
    assert [c.id for c in store.courses()] == ["other"]
    assert store.roles("c") == {} and store.api_keys("c") == []
    assert store.roles("other") == {"a@b.c": "learner"}
    store.remove_course("other")
    assert store.courses() == []
    assert store.pairs("c") == []
    assert store.choice("c", "x") is None
