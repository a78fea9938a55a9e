"""A signed-in learner sees and changes her own rows only: tried through the store."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.classroom import give_role, role_of
from engine.errors import BadInput, Forbidden, Missing
from engine.learner import Event, events_of, pseudonym, record
from engine.schema import Course, Warn
from engine.serve.keys import key_names, new_key, owner_of, remove_key
from engine.settings import Settings
from engine.store import ResultKind, Store
from engine.store.own import LearnerStore


@pytest.fixture
def home(tmp_path, database_url):
    designers = "boss@school.org, Head@School.org"
    settings = Settings(home=tmp_path, designers=designers, database_url=database_url)
    store = Store(settings.database)
    store.add_course(Course(id="c", title="C", language="en"))
    names = {who: pseudonym(settings, "c", f"{who}@school.org") for who in ("ann", "bob")}
    store.put_learners(
        "c", [{"pseudonym": p, "name": who.title(), "group": ""} for who, p in names.items()]
    )
    record(store, "c", [event(names[who], i) for who in names for i in range(3)])
    yield settings, store, names
    store.close()


def event(learner, number):
    return Event(learner=learner, item=f"i{number}", concept="k", correct=True, at=float(number))


@pytest.fixture
def anns(home):
    settings, _, names = home
    store = LearnerStore(settings.database, [names["ann"]])
    yield store, names
    store.close()


def test_a_learner_reads_her_own_rows_only(anns):
    store, names = anns
    assert {e.learner for e in events_of(store, "c")} == {names["ann"]}
    assert events_of(store, "c", names["bob"]) == []
    assert [row["name"] for row in store.learners("c")] == ["Ann"]
    assert store.count_events("c") == 3


def test_a_learner_writes_her_own_events_only(anns):
    store, names = anns
    record(store, "c", [event(names["ann"], 9)])
    assert store.count_events("c") == 4
    with pytest.raises(Forbidden):
        record(store, "c", [event(names["ann"], 10), event(names["bob"], 10)])
    assert store.count_events("c") == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.add_course(Course(id="d", title="D", language="en")),
        lambda s: s.remove_course("c"),
        lambda s: s.put_learners("c", [{"pseudonym": "s-x", "name": "X", "group": ""}]),
        lambda s: s.erase_learner("c", s.learners("c")[0]["pseudonym"]),
        lambda s: s.put_pairs("c", [_pair()]),
        lambda s: s.drop_draft("c", "plan"),
        lambda s: s.replace_corpus(
            "c", "plan", ResultKind("x", Warn), lambda old, same: ([], Warn(code="a", message="b"))
        ),
        lambda s: s.undo("c"),
        lambda s: s.save("c", ResultKind("exam", Warn), Warn(code="a", message="b")),
        lambda s: s.put_role("c", "ann@school.org", "designer"),
        lambda s: s.choose("c", "teacher", {"base_url": "http://elsewhere"}),
        lambda s: s.replace_passages("c", []),
        lambda s: s.remove_document("c", "x"),
    ],
)
def test_a_learner_changes_nothing_else(anns, home, change):
    store, _ = anns
    with pytest.raises(Forbidden):
        change(store)
    assert home[1].course("c")
    assert len(home[1].learners("c")) == 2


def _pair():
    from engine.schema import Pair

    return Pair(id="p", question="q", answer="a", kind="fact", language="en", point="k")


def test_was_this_right_may_be_told(anns):
    store, _ = anns
    store.choose("c", "verdict-1", {"right": 1})
    assert store.choice("c", "verdict-1") == {"right": 1}


def test_roles(home):
    settings, store, _ = home
    assert role_of(settings, store, "c", "head@school.org") == "designer"
    assert role_of(settings, store, "c", "Ann@School.org ") == "learner"
    assert role_of(settings, store, "c", "eve@school.org") is None
    give_role(store, "c", "Eve@school.org", "instructor")
    assert role_of(settings, store, "c", "eve@school.org") == "instructor"
    assert role_of(settings, store, "other", "eve@school.org") is None
    give_role(store, "c", "eve@school.org", None)
    assert role_of(settings, store, "c", "eve@school.org") is None
    with pytest.raises(BadInput):
        give_role(store, "c", "eve", "designer")


def test_two_people_who_give_roles_at_the_same_time_lose_none(home):
    """Eight at once, each ten: one row of JSON that is read, changed and written loses most."""
    settings, store, _ = home
    together = threading.Barrier(8)

    def give(giver):
        own = Store(settings.database)
        together.wait()
        for i in range(10):
            give_role(own, "c", f"p{giver}-{i}@school.org", "instructor")
        own.close()

    threads = [threading.Thread(target=give, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.roles("c")) == 80


def test_two_keys_made_at_the_same_time_are_both_kept(home):
    settings, store, _ = home
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda n: new_key(store, "c", f"k{n}"), range(16)))
    assert sorted(key_names(store, "c")) == sorted(f"k{n}" for n in range(16))
    assert [owner_of(store, "c", key) for key in keys] == [f"k{n}" for n in range(16)]
    assert owner_of(store, "other", keys[0]) is None


def test_a_key_that_is_not_there_cannot_be_removed(home):
    _, store, _ = home
    new_key(store, "c", "mine")
    with pytest.raises(Missing, match="nobody"):
        remove_key(store, "c", "nobody")
    assert key_names(store, "c") == ["mine"]
