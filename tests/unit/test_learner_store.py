"""Every public method of the store, tried by one learner on another's rows.

``TRIES`` must name each method, so that a new one cannot be forgotten. Ann tries all; nothing of
Bob's may come back, and no row but her own may change.
"""

import inspect
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from engine.classroom import class_view
from engine.classroom.view import CLASS_VIEW
from engine.errors import Forbidden
from engine.learner import Event, pseudonym, record
from engine.report import report
from engine.schema import Block, Course, Document, Evidence, Pair, Passage, Section, Warn
from engine.settings import Settings
from engine.steps import Workspace
from engine.store import Store, tables
from engine.store.own import LearnerStore

SECRET = "zebra"
"""Stands in all that is Bob's: his answers, his items, his grades, his name."""
NOW = 1_790_000_000.0


def pair(name="p"):
    evidence = (Evidence(quote="q", section="s1"),)
    return Pair(id=name, question="q", answer="a", kind="fact", language="en", point="k", evidence=evidence)  # fmt: skip


def document():
    block = Block(text="A stack is a pile of things which grows and shrinks at its top only. " * 4)
    section = Section(id="s1", title="Stack", blocks=(block,))
    return Document(id="d", title="B", filename="b", language="en", sections=(section,))


def submission(who, answer):
    data = {"answer_id": answer, "item_id": "i", "learner": who, "answer": f"{SECRET} {answer}"}
    return {"id": answer, "item": "i", "learner": who, "at": 1.0, "data": data}


def grade(who, answer):
    data = {"answer_id": answer, "label": "incorrect", "confidence": 0.5, "feedback": SECRET}
    return {"id": answer, "item": "i", "learner": who, "inputs": "x", "data": data}


def line(who):
    return {"learner": who, "old": "incorrect", "new": SECRET, "reason": SECRET}


def event(who, number):
    item = f"{SECRET}-{number}"
    return Event(learner=who, item=item, concept="Stack", correct=False, at=NOW - number)


@pytest.fixture
def home(tmp_path, database_url):
    with filled(Settings(home=tmp_path, database_url=database_url)) as found:
        yield found


@contextmanager
def filled(settings):
    store = Store(settings.database)
    store.add_course(Course(id="c", title="C", language="en"))
    store.add_document("c", document())
    store.put_pairs("c", [pair()])
    ann, bob = (pseudonym(settings, "c", f"{who}@school.org") for who in ("ann", "bob"))
    people = [(ann, "Ann"), (bob, f"Bob {SECRET}")]
    store.put_learners("c", [{"pseudonym": p, "name": n, "group": ""} for p, n in people])
    record(store, "c", [event(bob, i) for i in range(9)])
    store.put_events("c", [{**event(bob, 99).model_dump(), "id": "known-id", "correct": 0}])
    store.put_submissions("c", [submission(bob, "b1")])
    store.put_grades("c", [grade(bob, "b1")])
    store.decide_grade("c", "b1", grade(bob, "b1")["data"], line(bob))
    store.put_role("c", f"{SECRET}@school.org", "instructor")
    store.put_api_key("c", SECRET, salt=SECRET, hash=SECRET)
    store.choose("c", "distil_plan", SECRET)  # of no use to a learner, so not to be read
    store.save_answer(
        "k1", {"text": SECRET}, model="m", purpose="grade", prompt_tokens=1, completion_tokens=1
    )
    class_view(store, "c", NOW)  # the kept view names Bob
    hers = LearnerStore(settings.database, [ann])
    yield settings, store, hers, ann, bob
    hers.close()
    store.close()


TRIES = {
    "api_keys": lambda s, ann, bob: s.api_keys("c"),
    "put_api_key": lambda s, ann, bob: s.put_api_key("c", "mine", salt="s", hash="h"),
    "put_role": lambda s, ann, bob: s.put_role("c", "ann@school.org", "designer"),
    "remove_api_key": lambda s, ann, bob: s.remove_api_key("c", SECRET),
    "remove_role": lambda s, ann, bob: s.remove_role("c", f"{SECRET}@school.org"),
    "roles": lambda s, ann, bob: s.roles("c"),
    "active_learners": lambda s, ann, bob: s.active_learners("c"),
    "add_course": lambda s, ann, bob: s.add_course(Course(id="x", title="X", language="en")),
    "add_document": lambda s, ann, bob: s.add_document("c", document()),
    "cached_answer": lambda s, ann, bob: s.cached_answer("k1"),
    "choice": lambda s, ann, bob: s.choice("c", "distil_plan"),
    "choose": lambda s, ann, bob: s.choose("c", "show_average", True),
    "class_version": lambda s, ann, bob: s.class_version("c"),
    "clear_grading": lambda s, ann, bob: s.clear_grading("c"),
    "close": lambda s, ann, bob: s.close(),
    "corpus_version": lambda s, ann, bob: s.corpus_version("c"),
    "count_draft": lambda s, ann, bob: s.count_draft("c"),
    "count_events": lambda s, ann, bob: s.count_events("c"),
    "count_pairs": lambda s, ann, bob: s.count_pairs("c"),
    "course": lambda s, ann, bob: s.course("c"),
    "courses": lambda s, ann, bob: s.courses(),
    "decide_grade": lambda s, ann, bob: s.decide_grade("c", "b1", {}, line(ann)),
    "document_ids": lambda s, ann, bob: s.document_ids("c"),
    "readings": lambda s, ann, bob: s.readings("c"),
    "documents": lambda s, ann, bob: s.documents("c"),
    "drop_draft": lambda s, ann, bob: s.drop_draft("c", "plan"),
    "drop_grades": lambda s, ann, bob: s.drop_grades("c", {"b1": line(ann)}),
    "erase_learner": lambda s, ann, bob: s.erase_learner("c", bob),
    "events": lambda s, ann, bob: [s.events("c"), s.events("c", bob)],
    "events_version": lambda s, ann, bob: s.events_version("c"),
    "extend_draft": lambda s, ann, bob: s.extend_draft("c", "plan", [pair()], first=0),
    "grade_log": lambda s, ann, bob: [s.grade_log("c"), s.grade_log("c", bob)],
    "grades": lambda s, ann, bob: [s.grades("c"), s.grades("c", bob)],
    "has_events": lambda s, ann, bob: s.has_events("c"),
    "items": lambda s, ann, bob: s.items("c"),
    "learners": lambda s, ann, bob: s.learners("c"),
    "learners_version": lambda s, ann, bob: s.learners_version("c"),
    "open_draft": lambda s, ann, bob: s.open_draft("c", "plan"),
    "pairs": lambda s, ann, bob: s.pairs("c"),
    "passages": lambda s, ann, bob: s.passages("c"),
    "put_events": lambda s, ann, bob: s.put_events(
        "c", [{**event(ann, 1).model_dump(), "id": "known-id", "correct": 1}]
    ),
    "put_grades": lambda s, ann, bob: s.put_grades("c", [grade(ann, "a1"), grade(ann, "b1")]),
    "put_items": lambda s, ann, bob: s.put_items("c", [{"id": "i", "position": 0, "data": {}}]),
    "put_learners": lambda s, ann, bob: s.put_learners(
        "c", [{"pseudonym": ann, "name": "Teacher", "group": ""}]
    ),
    "put_pairs": lambda s, ann, bob: s.put_pairs("c", [pair()]),
    "put_submissions": lambda s, ann, bob: s.put_submissions("c", [submission(ann, "b1")]),
    "rename_course": lambda s, ann, bob: s.rename_course("c", "X"),
    "remove_course": lambda s, ann, bob: s.remove_course("c"),
    "remove_document": lambda s, ann, bob: s.remove_document("c", "d"),
    "remove_events": lambda s, ann, bob: s.remove_events("c", ["known-id"]),
    "replace_corpus": lambda s, ann, bob: s.replace_corpus(
        "c", "plan", CLASS_VIEW, lambda old, same: ([], Warn(code="a", message="b"))
    ),
    "extend_corpus": lambda s, ann, bob: s.extend_corpus(
        "c", "plan", CLASS_VIEW, lambda old: ([], Warn(code="a", message="b")), batch="b"
    ),
    "remove_saved": lambda s, ann, bob: s.remove_saved("c", CLASS_VIEW),
    "replace_passages": lambda s, ann, bob: s.replace_passages(
        "c", [Passage(id="x", document="d", section="s1", title="t", text="t")]
    ),
    "saved": lambda s, ann, bob: s.saved("c", CLASS_VIEW),
    "all_saved": lambda s, ann, bob: s.all_saved("c", CLASS_VIEW),
    "newest_inputs": lambda s, ann, bob: s.newest_inputs("c"),
    "revise_pairs": lambda s, ann, bob: s.revise_pairs("c", [pair()]),
    "save_answer": lambda s, ann, bob: s.save_answer(
        "k1", {"text": "mine"}, model="m", purpose="ask", prompt_tokens=1, completion_tokens=1
    ),
    "save": lambda s, ann, bob: s.save("c", CLASS_VIEW, Warn(code="a", message="b")),
    "share_right": lambda s, ann, bob: s.share_right("c"),
    "spent": lambda s, ann, bob: s.spent(),
    "submissions": lambda s, ann, bob: [s.submissions("c"), s.submissions("c", bob)],
    "undo": lambda s, ann, bob: s.undo("c"),
}
OWN_FIGURES = {
    "active_learners": [],
    "class_version": "(0, None, None) (None,)",
    "count_events": 0,
    "has_events": False,
    "learners_version": "(0, None) (1, ",
}
"""What Ann, who has answered nothing, must see of figures: nothing of Bob's is counted."""


def everything(store):
    with store.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in tables.metadata.sorted_tables
        }


def test_every_public_method_is_tried():
    methods = inspect.getmembers(Store, inspect.isfunction)
    assert {name for name, _ in methods if not name.startswith("_")} == set(TRIES)


def test_another_learners_rows_are_neither_seen_nor_changed(home):
    _, whole, hers, ann, bob = home
    before = everything(whole)
    for name, attempt in TRIES.items():
        try:
            found = attempt(hers, ann, bob)
        except Forbidden:
            found = None
        else:
            if name in OWN_FIGURES:
                assert str(found).startswith(str(OWN_FIGURES[name])), name
        assert SECRET not in repr(found) and bob not in repr(found), name
        assert everything(whole) == before, name


@pytest.mark.parametrize("name", sorted(TRIES))
def test_the_tries_would_work_on_the_whole_store(settings, name):
    """Else a misspelt try would prove nothing."""
    settings.home.mkdir()
    with filled(settings) as (_, whole, _, ann, bob):
        TRIES[name](whole, ann, bob)


def test_a_new_method_is_closed_until_it_is_opened(home, monkeypatch):
    _, whole, hers, _, _ = home
    monkeypatch.setattr(Store, "all_pairs", lambda self: self._rows(sa.select(tables.pairs)), raising=False)  # fmt: skip
    assert whole.all_pairs()
    with pytest.raises(Forbidden):
        hers.all_pairs()
    with pytest.raises(Forbidden):
        hers.engine.connect()


def test_a_new_table_is_closed_until_it_has_a_rule(home):
    _, whole, hers, _, _ = home
    for table in (tables.versions, tables.roles, tables.api_keys):
        whole._rows(sa.select(table))
        with pytest.raises(Forbidden):
            hers._rows(sa.select(table))
    joined = sa.select(tables.courses.c.id).join(tables.roles, tables.roles.c.course == "c")
    with pytest.raises(Forbidden):
        hers._rows(joined)


def test_she_still_keeps_and_reads_her_own(home):
    _, whole, hers, ann, bob = home
    whole.put_submissions("c", [submission(ann, "a1")])
    whole.put_grades("c", [grade(ann, "a1")])
    record(hers, "c", [event(ann, 3)])
    record(hers, "c", [event(ann, 3)])
    assert [row["id"] for row in hers.submissions("c")] == ["a1"]
    assert [row["id"] for row in hers.grades("c")] == ["a1"]
    assert len(hers.events("c")) == 1 and whole.count_events("c") == 11
    hers.choose("c", "verdict-1", {"right": 1})
    assert hers.choice("c", "verdict-1") == {"right": 1}


def test_her_report_is_hers_and_bobs_is_refused(home):
    from engine.errors import Missing

    settings, _, hers, ann, bob = home
    workspace = Workspace(settings, hers, hers.course("c"))
    assert SECRET not in report(workspace, ann, now=NOW) and bob not in report(workspace, now=NOW)
    with pytest.raises(Missing):
        report(workspace, bob, now=NOW)


def test_erasing_leaves_no_trace_in_the_kept_view(home):
    settings, whole, hers, _, bob = home
    record(whole, "c", [event("s-other", 1)])
    class_view(whole, "c", NOW)  # a second view in the place of the first
    whole.erase_learner("c", bob)
    hers.close()
    whole.close()
    if settings.database_url.startswith("postgresql"):
        assert bob not in repr(everything(whole))
        return  # what its files hold until VACUUM is the server's
    raw = b"".join(file.read_bytes() for file in settings.home.glob("*.db*"))
    assert bob.encode() not in raw
