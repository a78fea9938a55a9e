"""Rows come back as they went in; revisions can be undone; versions change when pairs do."""

import pytest
import sqlalchemy as sa

from engine.course import SplitPlan
from engine.distil.draft import Distilled
from engine.distil.plan import DistilPlan
from engine.errors import BadInput, Missing
from engine.exam import ExamReport
from engine.grade import Grade, Item, Submission
from engine.learner import Event, record
from engine.schema import Course, Document, Evidence, Figure, Pair, Passage, Warn
from engine.settings import Settings
from engine.steps import Workspace
from engine.steps.gradebook import add_items, add_submissions, decide, marked
from engine.store import ResultKind, Store, tables

NOTE = ResultKind("note", Warn)


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
    pairs = [pair("b"), pair("a", split="exam", part="reworded")]
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


def test_one_course_never_touches_another(store):
    """Every removal and change of course ``c``, with the same ids in course ``d``."""
    store.add_course(Course(id="d", title="D", language="en"))
    for course in ("c", "d"):
        store.put_pairs(course, [pair("a"), pair("b")])
        store.add_document(course, document("x"))
        store.replace_passages(course, [passage("p")])
        store.save(course, NOTE, Warn(code="of", message=course), name="n")
        store.put_items(course, [{"id": "i", "position": 0, "data": {"of": course}}])
        store.put_submissions(course, [submission("s1")])
        store.put_grades(course, [grade("s1")])
        store.put_events(course, [event("e1")])
        store.put_learners(course, [{"pseudonym": "l", "name": "L", "group": ""}])
        store.revise_pairs(course, [pair("a", answer=course)], batch="1")
    before = whole(store, "d")
    store.revise_pairs("c", [pair("b", status="rejected")], batch="2")
    store.undo("c")
    store.decide_grade("c", "s1", {"score": 9}, line())
    store.drop_grades("c", {"s1": line()})
    store.remove_events("c", ["e1"])
    store.remove_saved("c", NOTE, "n")
    store.remove_document("c", "x")
    store.replace_passages("c", [])
    store.clear_grading("c")
    store.erase_learner("c", "l")
    store.rename_course("c", "Neu")
    store.extend_draft("c", "plan", [pair("z")], first=0)
    store.drop_draft("c", "plan")
    store.remove_course("c")
    assert whole(store, "d") == before
    assert store.undo("d") == 1 and store.pairs("d")[0].answer == "答案。"
    assert not any(whole(store, "c")[1:])


def whole(store, course):
    """All that the store says of a course."""
    title = [c.title for c in store.courses() if c.id == course]
    return [
        title,
        store.pairs(course),
        store.documents(course),
        store.passages(course),
        store.newest_inputs(course),
        store.all_saved(course, NOTE),
        store.items(course),
        store.submissions(course),
        store.grades(course),
        store.grade_log(course),
        store.events(course),
        store.learners(course),
    ]


def document(name):
    return Document(id=name, title=name, filename=name, language="en")


def passage(name):
    return Passage(id=name, document="x", section="s", title="t", text="t")


def submission(name, learner="l", at=1.0):
    return {"id": name, "item": "i", "learner": learner, "at": at, "data": {"answer": "a"}}


def grade(name, score=1, learner="l"):
    return {"id": name, "item": "i", "learner": learner, "inputs": "x", "data": {"score": score}}


def line(learner="l"):
    return {"learner": learner, "old": 1, "new": 2, "reason": "r"}


def event(name, learner="l", **changes):
    row = {"item": "i", "concept": "k", "correct": 1, "score": 1.0, "at": 1.0, "source": "quiz"}
    return {"id": name, "learner": learner, **row, **changes}


# ------------------------------------------------------------------ grades: a person's word stands


def test_a_machines_grade_never_replaces_a_persons(store):
    store.put_grades("c", [grade("s1", 1), grade("s2", 1)])
    store.decide_grade("c", "s1", {"score": 5}, line())
    store.put_grades("c", [grade("s1", 2), grade("s2", 2)])
    found = {row["id"]: (row["data"]["score"], row["decided"]) for row in store.grades("c")}
    assert found == {"s1": (5, 1), "s2": (2, 0)}
    assert [(r["answer"], r["old"], r["new"], r["reason"]) for r in store.grade_log("c")] == [
        ("s1", 1, 2, "r")
    ]


def test_what_an_instructor_decided_outlives_another_grading(store, tmp_path):
    workspace = Workspace(Settings(home=tmp_path), store, store.course("c"))
    item = Item(item_id="i", question="q", max_score=5)
    add_items(workspace, [item])
    add_submissions(workspace, [Submission(answer_id="s1", item_id="i", learner="Ann", answer="a")])

    def machine(score):
        data = Grade(answer_id="s1", score=score, confidence=0.9, status="accepted")
        row = {"id": "s1", "item": "i", "learner": store.submissions("c")[0]["learner"]}
        store.put_grades("c", [{**row, "inputs": "v", "data": data.model_dump(mode="json")}])

    machine(1)
    decide(workspace, item, marked(workspace)[0], score=4, reason="a good argument")
    machine(2)
    [kept] = marked(workspace)
    assert (kept.grade.score, kept.decided) == (4, True)
    assert [e["score"] for e in store.events("c")] == [0.8]


def test_dropped_grades_leave_a_line_in_the_log_and_the_log_outlives_all(store):
    store.put_grades("c", [grade("s1"), grade("s2")])
    store.drop_grades("c", {"s1": line()})
    assert [row["id"] for row in store.grades("c")] == ["s2"]
    store.put_submissions("c", [submission("s2")])
    store.clear_grading("c")
    assert store.grades("c") == [] and store.submissions("c") == []
    assert [row["answer"] for row in store.grade_log("c")] == ["s1"]
    store.decide_grade("c", "s2", {"score": 1}, line())
    assert [row["answer"] for row in store.grade_log("c")] == ["s2", "s1"], "newest first"


# ------------------------------------------------------------------ pairs


def test_pairs_replaced_keep_their_place_and_revised_ones_too(store):
    store.put_pairs("c", [pair("z"), pair("m"), pair("a")])
    store.revise_pairs("c", [pair("m", answer="neu", status="accepted")])
    assert [(p.id, p.answer) for p in store.pairs("c")][1] == ("m", "neu")
    store.put_pairs("c", [pair("b")], first=1)
    assert [p.id for p in store.pairs("c")] == ["z", "b", "m", "a"]
    assert store.undo("c") == 0, "a revision without a batch is not to be undone"


def test_undo_restores_what_is_filtered_by_too(store):
    store.put_pairs("c", [pair("a", split="train")])
    store.revise_pairs("c", [pair("a", split="exam", status="rejected")], batch="1")
    store.undo("c")
    assert store.count_pairs("c") == {("train", "proposed"): 1}
    assert len(store.pairs("c", split="train", status="proposed")) == 1


def test_the_corpus_version_follows_what_it_names_and_nothing_else(store):
    store.put_pairs("c", [pair("a"), pair("x", split="exam")])
    train, exam = store.corpus_version("c", "train"), store.corpus_version("c", "exam")
    assert train != exam
    store.put_pairs("c", [pair("y", split="exam", status="rejected")])
    assert store.corpus_version("c", "exam") == exam, "a rejected pair is in nobody's corpus"
    store.put_pairs("c", [pair("y", split="exam")])
    assert store.corpus_version("c", "exam") != exam
    assert store.corpus_version("c", "train") == train


# ------------------------------------------------------------------ books, results, answers


def test_books_come_in_the_order_of_their_upload_passages_as_read(store):
    for name in ("z", "a"):
        store.add_document("c", document(name))
    assert [d.id for d in store.documents("c")] == store.document_ids("c") == ["z", "a"]
    store.replace_passages("c", [passage("q"), passage("b")])
    store.replace_passages("c", [passage("p"), passage("a")])
    assert [p.id for p in store.passages("c")] == ["p", "a"]


def test_results_of_one_stage_by_name_newest_last(store, monkeypatch):
    for at, name in ((3.0, "new"), (1.0, "old")):
        monkeypatch.setattr("time.time", lambda at=at: at)
        store.save("c", NOTE, Warn(code="n", message=name), inputs=name, name=name)
    other = ResultKind("other", Warn)
    store.save("c", other, Warn(code="n", message="x"), inputs="y")
    assert [row.name for row in store.all_saved("c", NOTE)] == ["old", "new"]
    assert store.saved("c", NOTE, "old").value.message == "old"
    assert store.saved("c", NOTE) is None
    assert store.newest_inputs("c") == {"note": "new", "other": "y"}
    store.remove_saved("c", NOTE, "old")
    assert [row.name for row in store.all_saved("c", NOTE)] == ["new"] and store.saved("c", other)


def test_an_answer_is_kept_under_its_key_and_its_cost_counted(store):
    for key, purpose in (("k1", "tutor"), ("k2", "tutor"), ("k3", "exam")):
        store.save_answer(key, {"text": key}, model="m", purpose=purpose, prompt_tokens=5, completion_tokens=2)  # fmt: skip
    assert store.cached_answer("k2") == {"text": "k2"}
    assert store.cached_answer("k9") is None
    spent = {row["purpose"]: row for row in store.spent()}
    assert spent["tutor"]["calls"] == 2 and spent["tutor"]["prompt_tokens"] == 10
    assert spent["exam"]["completion_tokens"] == 2


def test_choices_of_the_installation_and_of_a_course_are_apart(store):
    store.choose("", "x", 1)
    store.choose("c", "x", {"a": None})
    store.choose("c", "x", {"a": 2})
    assert (store.choice("", "x"), store.choice("c", "x"), store.choice("d", "x", 7)) == (1, {"a": 2}, 7)  # fmt: skip


# ------------------------------------------------------------------ people


def test_events_by_learner_oldest_first_and_their_versions(store):
    empty = store.events_version("c"), store.class_version("c")
    assert not store.has_events("c") and store.share_right("c") is None
    store.put_events("c", [event("b", at=2.0), event("a", "m", at=1.0, correct=0, score=0.0)])
    assert [e["id"] for e in store.events("c")] == ["a", "b"]
    assert [e["id"] for e in store.events("c", "m")] == ["a"]
    assert store.count_events("c") == 2 and store.has_events("c")
    assert store.share_right("c") == 0.5
    before = store.events_version("c"), store.class_version("c")
    assert before[0] != empty[0] and before[1] != empty[1]
    store.put_events("c", [event("a", "m", at=1.0, correct=1, score=0.0)])
    assert store.count_events("c") == 2, "the same event again replaces it"
    assert store.events_version("c") != before[0]
    store.put_learners("c", [{"pseudonym": "l", "name": "Li", "group": "g"}])
    assert store.class_version("c") != before[1]
    store.remove_events("c", ["a"])
    assert [e["id"] for e in store.events("c")] == ["b"]


def test_who_only_handed_in_is_active_too(store):
    record(store, "c", [Event(learner="e", item="i", concept="k", correct=True, at=1.0)])
    before = store.learners_version("c")
    store.put_submissions("c", [submission("s1", "h"), submission("s2", "")])
    assert store.active_learners("c") == ["e", "h"]
    assert store.learners_version("c") != before


def test_erasing_takes_one_learner_whole_and_nobody_else(store):
    store.put_learners("c", [{"pseudonym": n, "name": n, "group": ""} for n in ("l", "m")])
    for name, who in (("s1", "l"), ("s2", "m")):
        store.put_events("c", [event(name, who)])
        store.put_submissions("c", [submission(name, who)])
        store.put_grades("c", [grade(name, learner=who)])
        store.decide_grade("c", name, {"score": 3}, line(who))
        store.save_answer(name, {"text": who}, model="m", purpose="grade", prompt_tokens=1, completion_tokens=1)  # fmt: skip
    store.save_answer("t", {"text": "book"}, model="m", purpose="tutor", prompt_tokens=1, completion_tokens=1)  # fmt: skip
    assert store.erase_learner("c", "l") == 5
    assert [row["pseudonym"] for row in store.learners("c")] == ["m"]
    for rows in (
        store.events("c"),
        store.submissions("c"),
        store.grades("c"),
        store.grade_log("c"),
    ):
        assert [row["learner"] for row in rows] == ["m"]
    assert store.cached_answer("s1") is None, "a verdict quotes the answer"
    assert store.cached_answer("t") == {"text": "book"}
    assert sum(row["calls"] for row in store.spent()) == 3, "what was paid stays counted"
    assert store.erase_learner("c", "nobody") == 0


def test_rows_from_before_the_part_was_renamed_load(store):
    """What an older version stored: pairs, plans and results that say «recall»."""
    old = pair("a", split="exam").model_dump(mode="json") | {"part": "recall"}
    row = {"course": "c", "plan": "", "id": "a", "position": 0, "data": old}
    store._upsert(tables.drafts, [row])
    assert store.open_draft("c", "")[0].part == "reworded"
    assert SplitPlan.model_validate({"recall": 0.5}) == SplitPlan(reworded=0.5)
    figure = {"value": 1, "low": 1, "high": 1, "n": 9}
    report = ExamReport.model_validate(
        {
            "rows": [{"part": "recall", "model": "base", "book": False, "figures": {"f1": figure}}],
            "gains": [{"part": "recall", "book": False, "metric": "f1", "difference": figure}],
            "verdicts": {"recall": "better"},
            "answers": [],
            "questions": {"recall": 9},
        }
    )
    assert report.rows[0].part == report.gains[0].part == "reworded"
    assert set(report.verdicts) == set(report.questions) == {"reworded"}
    counts = dict.fromkeys(Distilled.model_fields, 0) | {"removed": {}, "teacher": "x"}
    del counts["reworded"], counts["ended"], counts["examples"], counts["rewordings"]
    assert Distilled.model_validate(counts | {"recall": 7}).reworded == 7


def test_a_corpus_keeps_the_name_that_it_got_before_the_part_was_renamed():
    split = {"seed": 0, "transfer": 0.08, "recall": 0.25, "validation": 0.08}
    assert DistilPlan().made_from["split"] == split
