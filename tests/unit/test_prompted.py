"""The LLM teacher: evenly asked, honestly counted, checked with the source, and fooled by no planted fault."""

import pytest

from engine.course import SplitPlan, make_passages
from engine.distil.formats import render
from engine.distil.plan import DistilPlan
from engine.distil.prompted.arithmetic import holds_number, value_of
from engine.distil.prompted.coursegpt import GENERATED, SEEDS, CourseGPT
from engine.distil.prompted.judge import ENOUGH, audit
from engine.distil.prompted.points import PromptedPoint, taught_pairs
from engine.distil.prompted.seeds import POOL, seed_pool
from engine.distil.prompted.view import BookView, evenly
from engine.documents import read_document
from engine.language import languages
from engine.sample import FOLDER
from engine.schema import Course, Evidence, Exchange, Pair
from engine.settings import Settings
from engine.train.rows import TrainingRow, _messages
from tests.bench.teacher.measure import figures, run
from tests.unit.teaching import tagged

TALK = (Exchange(question="What is a root?", answer="A root is an organ."),)


@pytest.fixture(scope="module", params=["en", "zh"])
def shelf(request):
    document = read_document(FOLDER / f"textbook_{request.param}.md", Settings(home=FOLDER))
    course = Course(id="c", title=document.title, language=request.param)
    return course, [document], make_passages([document])


@pytest.mark.parametrize("recipe", ["grid", "coursegpt"])
def test_planted_faults_are_caught_and_every_question_is_accounted_for(shelf, recipe):
    course, documents, passages = shelf
    plan = DistilPlan(pairs=150, teacher="endpoint", recipe=recipe)
    found = run(course, documents, passages, plan, share=0.35)
    told = figures(found, course.language)
    assert told["account"]["closes"] and told["account"]["made"] == len(found.points) > 15
    planted = [end for end in found.notebook.ends if end.note.fault]
    assert len(planted) > 5
    assert sum(bool(end.gate) for end in planted) >= 0.95 * len(planted)
    assert told["false alarms"]["ours"]["value"] <= 0.2  # small samples; see the bench


def test_every_section_is_asked_before_any_is_asked_twice(shelf):
    course, documents, passages = shelf
    plan = DistilPlan(pairs=2000, teacher="endpoint", judge=False)
    asked = []

    class Watching(BookView):
        def outline(self, section):
            asked.append(section)
            return super().outline(section)

    from engine.distil.plan import chosen_passages
    from engine.distil.prompted.grid import Grid

    view = Watching(course, documents, passages, chosen_passages(documents, passages, plan))
    grid, n = Grid(view, plan, 1), len(view.chosen)
    while len(asked) < n + 1:
        for slot in grid.wave(8, 8):
            grid.learn(slot, [])
    assert len(set(asked[:n])) == n
    order = list(view.chosen)
    for third in range(3):  # any first part is spread over the book
        assert any(3 * order.index(section) // n == third for section in asked[:8])


def test_any_first_part_of_an_even_order_is_spread():
    assert sorted(evenly(13)) == list(range(13))
    assert sorted(i // 4 for i in list(evenly(16))[:4]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 * (3 + 4)", 14), ("2^10", 1024), ("7 // 2", 3), ("1 / 0", None), ("9 ** 9 ** 9", None),
     ("__import__('os')", None), ("a + 1", None), ("", None), ("3 × 4 ÷ 2", 6)],
)  # fmt: skip
def test_numbers_are_computed_and_nothing_is_run(expression, value):
    assert value_of(expression) == value


def test_a_number_is_found_in_an_answer_by_its_value():
    assert holds_number("一共得6个", 6) and holds_number("that is 1,024 bytes.", 1024)
    assert holds_number("about 3.33", 10 / 3) and not holds_number("about 3.4", 10 / 3)
    assert not holds_number("it is 7", 6) and not holds_number("x6", 6)


def test_the_seed_pool_holds_fifty_in_each_language_and_takes_uploads_first():
    for language in languages():
        assert len(set(seed_pool([], (), language))) == POOL
    assert seed_pool([], ("Why?",), "en")[0] == "Why?"
    many = tuple(f"Why {i}?" for i in range(60))
    assert seed_pool([], many, "en") == many


def test_coursegpt_shows_six_seeds_and_two_made_questions_and_two_teachers_get_the_same(shelf):
    from engine.distil.plan import chosen_passages
    from engine.distil.prompted.values import Proposal

    course, documents, passages = shelf
    plan = DistilPlan(pairs=400, teacher="endpoint", recipe="coursegpt")
    view = BookView(course, documents, passages, chosen_passages(documents, passages, plan))
    seeds = [f"Seed {i}?" for i in range(POOL)]
    recipe = CourseGPT(view, plan, seeds, teachers=2)
    one, other = recipe.wave(10, 1)
    assert one.request == other.request and (one.teacher, other.teacher) == (0, 1)
    assert one.request.messages[-1].content.count("Seed ") == SEEDS
    made = [
        Proposal(kind="fact", questions=(f"Made {i}?", "b"), source=one.passages, section="s")
        for i in range(3)
    ]
    recipe.learn(one, made)
    text = recipe.wave(10, 1)[0].request.messages[-1].content
    assert (text.count("Seed "), text.count("Made ")) == (SEEDS, GENERATED)
    assert tagged(text, "passage")


def point(**changes):
    values = {"kind": "dialogue", "answer": "It holds.", "questions": ("And why?",)}
    values |= {"evidence": (Evidence(quote="q", section="s"),), "held_out": ("Why then?",)}
    return PromptedPoint.model_validate(values | {"turns": TALK, "teacher": "m"} | changes)


def test_a_dialogue_is_trained_with_its_talk_and_never_examined():
    split = SplitPlan(transfer=0, reworded=1.0)
    pairs = taught_pairs(point(), "en", split)
    assert [pair.split for pair in pairs] == ["train"] and pairs[0].turns == TALK
    assert len(taught_pairs(point(kind="fact", turns=()), "en", split)) == 2
    row = TrainingRow(question="And why?", answer="It holds.", turns=TALK)
    said = [message["content"] for message in _messages(row)]
    assert said == ["What is a root?", "A root is an organ.", "And why?"]
    assert '"A root is an organ."' in render(pairs, "messages")


def rated(i, *, good, overall):
    status = "accepted" if good else "rejected"
    return Pair(
        id=str(i), point=str(i), question="q", answer="a", kind="fact", language="en",
        status=status, reviewed=True, rejected_by="" if good else "person",
        scores={"overall": overall},
    )  # fmt: skip


def test_a_judge_may_filter_only_after_enough_ratings_that_agree():
    agreeing = [rated(i, good=i % 2 == 0, overall=9 if i % 2 == 0 else 2) for i in range(ENOUGH)]
    assert audit(agreeing).may_filter
    assert not audit(agreeing[:-1]).may_filter
    blind = [p.model_copy(update={"scores": {"overall": 9.0}}) for p in agreeing]
    assert not audit(blind).may_filter and audit(blind).agreement.value == 0.5
    untouched = [
        p.model_copy(update={"status": "proposed", "reviewed": False, "rejected_by": ""})
        for p in agreeing
    ]
    assert audit(untouched).n == 0
