"""The extractive teacher takes what the book says; the corpus keeps exam and training apart."""

import json

import pytest

from engine.course import SplitPlan, make_passages
from engine.distil import CORPUS, DistilPlan, distil, estimate, preview, render
from engine.distil.offline import taught
from engine.distil.pairs import Distinct, pairs_of, same_wording
from engine.distil.points import Point
from engine.duplicates import near_duplicates
from engine.errors import BadAnswer, Missing, TeacherError, WorkFailed
from engine.gates import grounded, holds_quote, leans_back, readable, tidy
from engine.llm import Request
from engine.llm.scripted import Scripted
from engine.schema import Block, Course, Document, Section
from engine.store import Store
from tests.unit.teaching import Agreeable, step_of
from tests.unit.teaching import point as offered

EN = """A tuple is a sequence of values that cannot be changed.
Strings are useful in patterns because they cannot be changed by accident.
To open a file, you call the function open with its name.
If you divide a number by zero, the interpreter raises an exception.
The difference between a list and a tuple is that a list can be changed.
It is also very fast. As shown in Figure 3, this works."""


def section(text: str, name: str = "s1", kind: str = "prose", title: str = "Title") -> Section:
    return Section(id=name, title=title, blocks=(Block(text=text, page=7, kind=kind),))


def points_of(section: Section) -> list[Point]:
    """What the offline teacher finds in a book of this one section."""
    book = Document(id="d" * 16, title="T", filename="t", language="en", sections=(section,))
    [(_, found)] = taught([book], [section], least=0)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "This is a list.",
        "As shown in Figure 3, it works.",
        "the previous section says so",
        "I like it.",
        "它是一种结构。",
        "如下图所示。",
    ],
)
def test_sentences_that_lean_on_something_else_are_known(text):
    assert leans_back(text, "zh" if "。" in text else "en")


def test_gates():
    assert tidy("However, lists can change.", "en") == "Lists can change."
    assert not readable("What is it?", "en")
    assert not readable("Too short.", "en")
    assert holds_quote("a  “quoted” text", 'It is a "quoted"\ntext, here.')
    assert not holds_quote("something else", "It is a text.")
    assert grounded("alpha beta", "alpha gamma") == 0.5
    assert near_duplicates(["What is a list"], ["what is a list?", "other"]) == {0}
    assert near_duplicates(["How would you describe a list?"], ["What is a list?"]) == set()


def test_pairs_of_one_point_share_no_question_between_exam_and_training():
    point = points_of(section(EN))[0]
    for seed in range(40):
        pairs = pairs_of(point, "en", SplitPlan(seed=seed), "extractive")
        trained = {p.question for p in pairs if p.split == "train"}
        held = {p.question for p in pairs if p.split != "train"}
        assert not trained & held
        if SplitPlan(seed=seed).is_transfer(point.section):
            assert not trained
        assert same_wording(pairs) == {}


def test_a_held_out_question_in_the_words_of_training_is_no_exam_question():
    point = points_of(section(EN))[0]
    pairs = pairs_of(point, "en", SplitPlan(reworded=1, transfer=0, validation=0), "x")
    exam = next(p for p in pairs if p.split == "exam")
    copy = pairs[0].model_copy(update={"question": exam.question.upper()})
    assert same_wording([*pairs, copy]) == {exam.id: "same_wording"}
    assert same_wording([*pairs, copy.model_copy(update={"point": "another"})]) == {}


def test_a_point_is_admitted_once():
    distinct = Distinct()
    point = points_of(section(EN))[0]
    assert distinct.admit(point)
    assert not distinct.admit(point)


def test_a_question_is_admitted_with_one_answer_only():
    distinct = Distinct()
    point = points_of(section(EN))[0]
    other = point.model_copy(update={"answer": "Something else altogether stands here."})
    assert [distinct.admit(p) for p in (point, other, point)] == [True, False, False]
    asked = point.held_out[-1]
    rival = other.model_copy(update={"questions": (asked,), "held_out": ("And who?",)})
    assert not distinct.admit(rival), "an exam question of one point is no question of another"


@pytest.mark.parametrize(
    "text",
    [
        "A list (which is a sequence of values has its elements in order.",
        "See https://example.org for a list of all the values there.",
        "A list holds values in order, as the listing >>> x shows here.",
        "Values and lists and dictionaries and strings are what now?",
    ],
)
def test_broken_text_is_not_readable(text):
    assert not readable(text, "en")
    assert readable("A list (which is a sequence) has its elements in order.", "en")


# ------------------------------------------------------------------ the verb


@pytest.fixture
def shelf(tmp_path):
    """A store with a course of 30 small sections."""
    store = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    sections = tuple(
        section(
            f"A widget{i} is a small device that has the number {i} on its back. "
            f"The purpose of a widget{i} is to carry the number {i} from place to place. "
            "There is more to say about such machines, and much of it was said elsewhere before.",
            f"s{i}",
            title=f"Widget {i}",
        )
        for i in range(30)
    )
    document = Document(id="d" * 16, title="T", filename="t.md", language="en", sections=sections)
    store.add_document("c", document)
    store.replace_passages("c", make_passages([document]))
    yield store, course
    store.close()


def test_distil_makes_train_validation_and_exam_and_is_idempotent(shelf):
    store, course = shelf
    plan = DistilPlan(pairs=150)
    result = distil(course, plan, chat=None, store=store)
    first = store.pairs("c")
    assert result.pairs == len([p for p in first if p.status != "rejected"])
    assert result.train > 60
    assert result.reworded > 3
    again = distil(course, plan, chat=None, store=store)
    assert [p.id for p in store.pairs("c")] == [p.id for p in first]
    assert again.pairs == result.pairs


def test_another_plan_replaces_the_corpus_but_keeps_what_people_judged(shelf):
    store, course = shelf
    distil(course, DistilPlan(pairs=100), chat=None, store=store)
    mine = store.pairs("c")[0].model_copy(
        update={"status": "accepted", "answer": "Mine.", "edited": True}
    )
    store.revise_pairs("c", [mine], batch="1")
    distil(course, DistilPlan(pairs=40, kinds=("fact",)), chat=None, store=store)
    kept = {p.id: p for p in store.pairs("c")}
    assert kept[mine.id].answer == "Mine."
    assert {p.kind for p in kept.values()} - {mine.kind} == {"fact"}


def one_point(passage: str) -> list[dict]:
    number = passage.split("widget")[1].split(" ")[0]
    first = passage.split(". ")[0] + "."
    asked = [f"Q{j} about widget{number}, please?" for j in range(4)]
    return [offered(first, asked), offered("This stands nowhere.", [f"And {q}" for q in asked])]


def test_an_llm_teacher_is_asked_per_section_and_a_failed_call_loses_nothing_else(shelf):
    store, course = shelf
    teach = Agreeable(one_point)

    def answer(request: Request) -> str | TeacherError:
        if "A widget7 " in request.messages[-1].content and step_of(request.answer_schema) == "ask":
            return BadAnswer("cut off")
        return teach(request)

    result = distil(
        course, DistilPlan(pairs=1000, teacher="endpoint"), chat=Scripted(answer), store=store
    )
    assert result.failed_calls == 2, "a section is asked again before it is given up"
    answers = {p.answer for p in store.pairs("c")}
    assert len(answers) == 29
    assert "This stands nowhere." not in answers
    assert result.ended == "exhausted"


def test_when_every_call_fails_the_run_fails_loudly(shelf):
    store, course = shelf
    chat = Scripted(lambda _: BadAnswer("no"))
    with pytest.raises(WorkFailed, match="No usable pair"):
        distil(course, DistilPlan(teacher="endpoint"), chat=chat, store=store)
    assert store.saved("c", CORPUS) is None


def test_preview_shows_five_sections_and_stores_nothing(shelf):
    store, course = shelf
    pairs = preview(course, DistilPlan(), chat=None, store=store)
    assert len({p.section for p in pairs}) == 5
    assert store.pairs("c") == []


def test_nothing_to_distil_says_what_to_do(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    with pytest.raises(Missing) as caught:
        distil(course, DistilPlan(), chat=None, store=store)
    assert "Add a book" in caught.value.next
    store.close()


def test_estimate_counts_calls_and_money(shelf):
    store, _ = shelf
    documents, passages = store.documents("c"), store.passages("c")
    costs = estimate(
        documents, passages, DistilPlan(pairs=160, teacher="endpoint"), prices=(1.0, 2.0)
    )
    points = 54 / 0.85
    assert points * 5 < costs.calls < points * 7, "asking, two checks, two answers, the judge"
    unjudged = DistilPlan(pairs=160, teacher="endpoint", judge=False)
    assert costs.calls - estimate(documents, passages, unjudged).calls == round(points)
    assert costs.money[0] < costs.money[1] < costs.money[2]
    assert estimate(documents, passages, DistilPlan(pairs=160)).calls == 0


def test_formats_hold_every_pair_and_defuse_formulas(shelf):
    store, course = shelf
    distil(course, DistilPlan(pairs=60), chat=None, store=store)
    pairs = store.pairs("c")
    for form in ("native", "messages", "alpaca", "sharegpt"):
        rows = [json.loads(line) for line in render(pairs, form).splitlines()]
        assert len(rows) == len(pairs)
        assert pairs[0].answer in json.dumps(rows[0], ensure_ascii=False)
    evil = pairs[0].model_copy(update={"question": "=HYPERLINK(1)"})
    assert "'=HYPERLINK" in render([evil], "csv")


def test_another_offline_teacher_makes_the_corpus_anew(tmp_path, monkeypatch):
    from engine.distil import run as module

    store = Store(f"sqlite:///{tmp_path / 'v.db'}")
    offline, connected = DistilPlan(), DistilPlan(teacher="endpoint")
    before = [module.fingerprint(store, "c", plan) for plan in (offline, connected)]
    monkeypatch.setattr(module, "VERSION", 10**6)
    after = [module.fingerprint(store, "c", plan) for plan in (offline, connected)]
    assert after[0] != before[0] and after[1] == before[1]
    store.close()
