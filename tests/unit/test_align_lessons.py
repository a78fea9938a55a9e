"""What reaches the course's own student: only what was chosen, and nothing of the exam."""

import pytest

from engine.align import (
    AlignPlan,
    AlignResult,
    ArmResult,
    LessonRow,
    best_arm,
    choose_lessons,
    chosen_arm,
    leave_lessons,
    lessons,
    lessons_version,
)
from engine.cli import main
from engine.errors import BadInput
from engine.schema import Course, Evidence, Figure, Pair
from engine.settings import Settings
from engine.steps import align as steps
from engine.steps.align import ALIGNED, align_teacher, base_to_align
from engine.store import Store
from engine.workspace import Workspace


def pair(name, question, answer, split="train", **more):
    given = {"part": "reworded"} if split == "exam" else {}
    return Pair(
        id=name,
        question=question,
        answer=answer,
        kind="fact",
        language=more.pop("language", "en"),
        point=name,
        evidence=(Evidence(quote=answer, section=more.pop("section", "s")),),
        split=split,
        **(given | more),
    )


PAIRS = [
    pair("a", "What is a stack?", "A list open at one end."),
    pair("b", "What is a queue?", "A list open at both ends."),
    pair("x", "What does a heap keep on top?", "Its smallest.", split="exam"),
]


def figure(low):
    return Figure(value=low + 0.1, low=low, high=low + 0.2, n=40)


def arm(name, accuracy, gain=None, over=None, own=()):
    return ArmResult(
        arm=name,
        accuracy=Figure(value=accuracy, low=0.3, high=0.7, n=40),
        gain=None if gain is None else figure(gain),
        over_untouched=None if over is None else figure(over),
        right=(),
        rows=len(own),
        calls=0,
        minutes=0.1,
        lessons=own,
    )


def row(source, question, answer="A list.", reason="Because so."):
    return LessonRow(pair=source, question=question, answer=answer, reason=reason)


OWN = (row("a", "What is a stack?"), row("b", "How is a queue used?", reason=""))


def result(*arms):
    return AlignResult(
        arms=arms,
        styles={},
        base="smollm2-135m",
        drafts=2,
        questions=2,
        preference=2,
        test=2,
        overlap=figure(0.1),
        teacher="m",
        weak_teacher=True,
        skipped={},
        verdict="",
        plan=AlignPlan(),
    )


WEAK = result(arm("untouched", 0.4), arm("random", 0.4), arm("select", 0.6, 0.1, 0.1, OWN))

FOUND = WEAK.model_copy(update={"weak_teacher": False})


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    store.add_course(Course(id="c", title="Lists", language="en"))
    store.put_pairs("c", PAIRS)
    yield store
    store.close()


def test_no_choice_no_lessons(store):
    assert lessons(store, "c") == [] and chosen_arm(store, "c") is None
    assert lessons_version(store, "c") == ""


def test_the_chosen_arms_lessons_are_training_rows(store):
    choose_lessons(store, "c", FOUND, "select")
    first, second = lessons(store, "c")
    assert first.question == "What is a stack? Explain."
    assert first.answer == "A list.\nBecause so."
    assert (second.question, second.answer) == ("How is a queue used?", "A list.")
    version = lessons_version(store, "c")
    store.save("c", ALIGNED, result(arm("select", 0.1, 0.1, 0.1, OWN[:1])))  # another comparison
    assert lessons_version(store, "c") == version and chosen_arm(store, "c") == "select"
    leave_lessons(store, "c")
    assert lessons(store, "c") == [] and chosen_arm(store, "c") == ""
    with pytest.raises(BadInput):
        choose_lessons(store, "c", FOUND, "untouched")


def test_a_chinese_course_is_asked_to_explain_in_chinese(store):
    store.put_pairs("c", [pair("z", "什么是栈？", "一端开口的表。", language="zh")])
    own = (row("z", "什么是栈？", "一端开口的表。", "因为只有一端。"),)
    choose_lessons(store, "c", result(arm("select", 0.6, 0.1, 0.1, own)), "select")
    assert lessons(store, "c")[0].question == "什么是栈？ 请解释。"


@pytest.mark.parametrize(
    "own",
    [
        row("a", "What does a heap keep on the top?"),  # nearly an exam question
        row("gone", "What is a set?"),  # its pair is no more
        row("r", "What is a rejected thing?"),  # a person rejected its pair
        row("h", "Which thing sorts?"),  # its pair's section is held out now
        row("n", "An entirely other question?"),  # its pair nearly repeats the exam
    ],
)
def test_the_guard_keeps_what_is_of_the_exam_out(store, own):
    store.put_pairs(
        "c",
        [
            pair("r", "What is a rejected thing?", "It.", status="rejected"),
            pair("h", "What sorts?", "A sorter.", section="closed"),
            pair("n", "What does a heap keep on top ?", "The least of all."),
            pair("t", "Why does it sort?", "To find.", split="exam", section="closed")
            .model_copy(update={"part": "transfer"}),
        ],
    )  # fmt: skip
    choose_lessons(store, "c", result(arm("select", 0.6, 0.1, 0.1, (own, OWN[0]))), "select")
    assert [r.question for r in lessons(store, "c")] == ["What is a stack? Explain."]


def test_only_what_beats_both_beyond_chance_helps():
    assert arm("select", 0.6, 0.1, 0.1).helps
    assert not arm("select", 0.6, -0.05, 0.1).helps  # not beyond random
    assert not arm("select", 0.6, 0.1, -0.05).helps  # not beyond no lessons
    assert not arm("random", 0.6, None, 0.1).helps
    both = result(arm("select", 0.6, 0.1, 0.1), arm("both", 0.7, 0.1, 0.1), arm("plain", 0.9))
    assert best_arm(both).arm == "both"
    assert best_arm(result(arm("plain", 0.9, -0.1, 0.1))) is None


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="Lists", language="en")
    store.add_course(course)
    store.put_pairs("c", PAIRS)

    class Reader:
        model = "reader"

    class Backend:
        student = Reader()

        def __init__(self, *given):
            seen.append(given)

    seen = []
    monkeypatch.setattr(steps, "LocalBackend", Backend)
    monkeypatch.setattr(steps, "base_folder", lambda *a: tmp_path)
    monkeypatch.setattr(steps, "base_chat", lambda workspace, base: Reader())
    yield Workspace(settings, store, course), seen
    store.close()


def test_an_arm_that_helps_is_chosen_where_nobody_decided(workspace, monkeypatch):
    own, _ = workspace
    monkeypatch.setattr(steps, "align", lambda *a: FOUND)
    align_teacher(own, AlignPlan())
    assert chosen_arm(own.store, "c") == "select"
    leave_lessons(own.store, "c")
    align_teacher(own, AlignPlan())
    assert chosen_arm(own.store, "c") == ""  # decided


def test_what_a_weak_teacher_explained_is_chosen_by_a_person_only(workspace, monkeypatch):
    own, _ = workspace
    monkeypatch.setattr(steps, "align", lambda *a: WEAK)
    align_teacher(own, AlignPlan())
    assert best_arm(WEAK) is not None and chosen_arm(own.store, "c") is None


def test_an_arm_within_chance_is_not_chosen(workspace, monkeypatch):
    own, _ = workspace
    weak = result(arm("random", 0.4), arm("select", 0.6, -0.01, 0.1, OWN))
    weak = weak.model_copy(update={"weak_teacher": False})
    monkeypatch.setattr(steps, "align", lambda *a: weak)
    align_teacher(own, AlignPlan())
    assert chosen_arm(own.store, "c") is None


def test_the_base_is_the_courses_own(workspace, monkeypatch):
    own, seen = workspace
    monkeypatch.setattr(steps, "align", lambda *a: FOUND)
    assert base_to_align(own) == "smollm2-135m"
    align_teacher(own, AlignPlan())
    chinese = own.course.model_copy(update={"language": "zh"})
    zh = Workspace(own.settings, own.store, chinese)
    assert base_to_align(zh) == "gemma3-270m"
    align_teacher(zh, AlignPlan())
    assert [given[1:3] for given in seen] == [("smollm2-135m", "en"), ("gemma3-270m", "zh")]
    with pytest.raises(BadInput) as caught:
        align_teacher(zh, AlignPlan(base="smollm2-135m"))
    assert caught.value.code == "align.language"


def test_a_base_with_terms_is_refused_before_anything_begins(tmp_path):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    zh = Course(id="c", title="表", language="zh")
    store.add_course(zh)
    with pytest.raises(BadInput) as caught:
        align_teacher(Workspace(settings, store, zh), AlignPlan())
    assert caught.value.code == "model.terms"
    store.close()


def test_the_command_line_chooses_and_leaves(tmp_path, capsys):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    store.add_course(Course(id="c", title="Lists", language="en"))
    store.put_pairs("c", PAIRS)

    def use(what):
        return main(["--home", str(tmp_path), "align", "c", "--use", what])

    assert use("best") == 1
    store.save("c", ALIGNED, result(arm("select", 0.6, -0.01, 0.1, OWN)))
    assert use("best") == 1 and chosen_arm(store, "c") is None
    assert use("select") == 0 and chosen_arm(store, "c") == "select"
    assert "2 lessons of “select”" in capsys.readouterr().out
    assert use("none") == 0 and chosen_arm(store, "c") == ""
    assert use("untouched") == 1
    store.close()


def test_alignment_is_no_part_of_building():
    from engine.steps import build

    assert "ALIGN" not in vars(build)
