"""Rows come back as they went in; revisions can be undone; versions change when pairs do."""

import pytest
import sqlalchemy as sa

from engine.errors import BadInput, Missing
from engine.schema import Course, Evidence, Figure, Pair, Warn
from engine.store import ResultKind, Store


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
    kind = ResultKind("exam", Warn)
    store.save("c", kind, Warn(code="a", message="1"), inputs="x")
    store.save("c", kind, Warn(code="a", message="2"), inputs="y")
    store.save("c", kind, Warn(code="a", message="3"), name="other")
    found = store.saved("c", kind)
    assert found is not None
    assert (found.value.message, found.inputs) == ("2", "y")
    assert [row.value.message for row in store.all_saved("c", kind)] == ["2", "3"]


def test_a_result_in_the_form_of_another_version_counts_as_absent(store):
    store.save("c", ResultKind("exam", Warn), Warn(code="a", message="1"))
    assert store.saved("c", ResultKind("exam", Figure)) is None
    assert store.all_saved("c", ResultKind("exam", Figure)) == []


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


def test_a_store_from_before_drafts_can_hold_one(tmp_path):
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    first = Store(url)
    first.add_course(Course(id="c", title="C", language="zh"))
    first.put_pairs("c", [pair("a")])
    with first.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE pair_drafts"))
        connection.execute(sa.text("DELETE FROM migrations WHERE number >= 6"))
    first.close()
    again = Store(url)
    again.extend_draft("c", "plan", [pair("b"), pair("d")], first=0)
    assert again.open_draft("c", "plan") == [pair("b"), pair("d")]
    assert (again.count_draft("c"), again.pairs("c")) == (2, [pair("a")])
    again.remove_course("c")
    assert again.count_draft("c") == 0
    again.close()


def test_a_store_of_an_older_version_is_migrated_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    Store(url).close()
    again = Store(url)
    assert again.courses() == []
    again.close()
