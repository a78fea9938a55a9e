"""One cell of a corpus is filled: exactly that cell, nothing else made again, and one undo."""

import json

import pytest

from engine.cli import main
from engine.corpus import held_back, revise
from engine.course import make_passages
from engine.distil import (
    ALL_KINDS,
    CORPUS,
    FILLED,
    DistilPlan,
    Gap,
    cast_of,
    cells,
    distil,
    fill,
    section_called,
)
from engine.distil.prompted.grid import LEVELS
from engine.documents import read_document
from engine.errors import BadAnswer, BadInput, Missing, WorkFailed
from engine.llm.ledger import Ledger
from engine.llm.scripted import Scripted
from engine.sample import FOLDER
from engine.schema import Course, Pair
from engine.settings import Settings
from engine.steps import FILL, Workspace
from engine.store import Store
from tests.bench.teacher.scripted import ScriptedTeacher


@pytest.fixture(params=["en", "zh"])
def course(request):
    return Course(id="c", title="C", language=request.param)


@pytest.fixture
def store(tmp_path, course):
    found = Store(f"sqlite:///{tmp_path / 'coursewright.db'}")
    found.add_course(course)
    book = read_document(FOLDER / f"textbook_{course.language}.md", Settings(home=FOLDER))
    found.add_document("c", book)
    found.replace_passages("c", make_passages([book]))
    distil(course, DistilPlan(pairs=120), chat=None, store=found)
    yield found
    found.close()


def filled(store, course, gap, teacher=None):
    chat = Ledger(Scripted(teacher or ScriptedTeacher(course.language)), store)
    return fill(course, gap, cast=lambda plan: cast_of(course, store, chat), store=store)


def chapter(store):
    """A chapter with several sections in it."""
    rows = cells(store.documents("c"), store.pairs("c"), ALL_KINDS)
    return max({row.chapter for row in rows}, key=lambda top: sum(r.pairs for r in rows if r.chapter == top))  # fmt: skip


def count(store, top, kind, level):
    rows = cells(store.documents("c"), store.pairs("c"), ALL_KINDS)
    return next(r.pairs for r in rows if (r.chapter, r.kind, r.level) == (top, kind, level))


@pytest.mark.parametrize(("kind", "level"), [("comparison", "evaluate"), ("cause", "analyse")])
def test_exactly_the_cell_that_was_asked_for_is_filled_and_the_rest_stays(
    store, course, kind, level
):
    top, before = chapter(store), store.pairs("c")
    assert count(store, top, kind, level) == 0
    gap = Gap(section=top, kind=kind, level=level, points=2)
    found = filled(store, course, gap)
    after = store.pairs("c")
    assert after[: len(before)] == before, "nothing of the old corpus changed"
    new = after[len(before) :]
    assert {(pair.kind, pair.level) for pair in new} == {(kind, level)}
    assert found.points == len({pair.point for pair in new}) == 2 and found.pairs == len(new)
    assert count(store, top, kind, level) == sum(pair.status != "rejected" for pair in new) > 0
    assert found.asked == found.points + found.lost + sum(found.removed.values())
    assert held_back(after) == {}
    assert store.saved("c", CORPUS).value.result.pairs == sum(
        p.status != "rejected" and p.part != "natural" for p in after
    )
    assert store.saved("c", FILLED).value == found


def test_one_undo_takes_the_filling_back_and_leaves_what_people_did_before(store, course):
    first = next(p for p in store.pairs("c") if p.split == "train")
    revise(store, "c", [first.model_copy(update={"status": "accepted"})])
    before = store.pairs("c")
    filled(store, course, Gap(section=chapter(store), kind="cause", level="analyse", points=2))
    assert store.undo("c") == len(store.pairs("c")) - len(before) > 0
    assert [p for p in store.pairs("c") if p.status != "rejected"] == [
        p for p in before if p.status != "rejected"
    ]
    assert store.undo("c") == 1, "and then what was done before"


def test_filling_again_asks_for_something_else_and_makes_nothing_twice(store, course):
    gap = Gap(section=chapter(store), kind="cause", level="analyse", points=2)
    filled(store, course, gap)
    once = store.pairs("c")
    filled(store, course, gap)
    twice = store.pairs("c")
    assert twice[: len(once)] == once and len(twice) > len(once)
    assert not {p.answer for p in twice[len(once) :]} & {p.answer for p in once}


def test_what_is_filled_stands_under_the_exams_guard(store, course, monkeypatch):
    asked = next(p for p in store.pairs("c") if p.part == "reworded" and p.status != "rejected")
    spoilt = asked.model_copy(update={"id": "new", "point": "new", "split": "train", "part": None})
    monkeypatch.setattr("engine.distil.gaps.taught_pairs", lambda *_: [spoilt])
    found = filled(store, course, Gap(section=chapter(store), kind="cause", points=1))
    assert found.held_back == {"exam_question": 1}
    [new] = [p for p in store.pairs("c") if p.id == "new"]
    assert (new.status, new.rejected_by) == ("rejected", "exam_question")


def test_a_filling_that_fails_changes_nothing(store, course):
    before, record = store.pairs("c"), store.saved("c", CORPUS)
    with pytest.raises(WorkFailed) as caught:
        filled(store, course, Gap(kind="cause"), lambda _: BadAnswer("no connection"))
    assert caught.value.code == "fill.failed"
    assert (store.pairs("c"), store.saved("c", CORPUS)) == (before, record)


def test_a_corpus_made_anew_meanwhile_is_not_added_to(store, course):
    teacher = ScriptedTeacher(course.language)
    remade = []

    def slow(request):
        if not remade:
            remade.append(distil(course, DistilPlan(pairs=60), chat=None, store=store))
        return teacher(request)

    with pytest.raises(WorkFailed) as caught:
        filled(store, course, Gap(kind="cause", points=1), slow)
    assert caught.value.code == "fill.anew"
    assert store.saved("c", CORPUS).value.plan.pairs == 60
    assert not any(pair.level for pair in store.pairs("c"))


def test_what_no_exam_asks_is_not_asked_of_a_section_kept_for_the_exam(store, course):
    split = store.saved("c", CORPUS).value.plan.split
    kept = next(s.id for d in store.documents("c") for s in d.sections if split.is_transfer(s.id))
    with pytest.raises(Missing) as caught:
        filled(store, course, Gap(section=kept, kind="unanswerable"))
    assert caught.value.code == "fill.no_section"


def test_rows_from_before_levels_load_and_have_none():
    old = {
        "id": "a",
        "question": "q",
        "answer": "a",
        "kind": "fact",
        "language": "en",
        "point": "p",
    }
    assert Pair.model_validate(old).level == ""


def test_every_cell_that_a_kind_can_fill_is_counted_once(store):
    rows = cells(store.documents("c"), store.pairs("c"), ALL_KINDS)
    keys = [(row.chapter, row.kind, row.level) for row in rows]
    assert len(set(keys)) == len(keys)
    tops = {row.chapter for row in rows}
    for kind in ALL_KINDS:
        for level in LEVELS[kind]:
            assert {top for top, k, lv in keys if (k, lv) == (kind, level)} == tops
    live = [p for p in store.pairs("c") if p.status != "rejected" and p.section]
    assert sum(row.pairs for row in rows) == len(live)


def test_a_section_is_found_by_its_heading_or_its_beginning(store):
    sections = store.documents("c")[0].sections
    some = sections[2]
    assert section_called(store.documents("c"), some.id) == some.id
    assert section_called(store.documents("c"), some.title.upper()) == some.id
    for name in ("", "no such heading"):
        with pytest.raises(BadInput):
            section_called(store.documents("c"), name)


def test_the_command_line_fills_by_heading_kind_and_level(
    store, course, tmp_path, monkeypatch, capsys
):
    top = chapter(store)
    title = next(s.title for d in store.documents("c") for s in d.sections if s.id == top)
    teacher = ScriptedTeacher(course.language)
    from engine.steps import corpus

    monkeypatch.setattr(corpus, "teacher_chat", lambda *_: Scripted(teacher))
    options = ["--home", str(tmp_path), "--json", "distil", "c"]
    assert main([*options, "--fill", f"{title}:cause:analyse", "--points", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["points"] == 1 and told["gap"]["section"] == top
    assert {p.level for p in store.pairs("c")} == {"", "analyse"}
    assert main([*options, "--fill", f"{title}:dance"]) != 0


def test_without_a_teacher_the_step_says_so(store, course, tmp_path):
    with pytest.raises(Missing) as caught:
        FILL(Workspace(Settings(home=tmp_path), store, course))
    assert caught.value.code == "fill.offline"
