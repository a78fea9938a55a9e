"""Alignment: pools never mix, choices follow the preferences, arms are equal, nothing runs twice."""

import json
from pathlib import Path

import pytest

from engine.align import ARMS, AlignPlan, align, estimate
from engine.align.dpo import Preferred, train_teacher
from engine.align.items import by_overlap, make_pools
from engine.align.likelihood import Pick
from engine.align.questions import usable
from engine.align.rationales import cleaned, styles_of, variants_of
from engine.align.run import verdict
from engine.errors import BadInput, Missing, WorkFailed
from engine.llm.scripted import Scripted
from engine.progress import silent
from engine.schema import Evidence, Pair
from engine.settings import Settings
from tests.unit.tiny_student import WORDS, make_base

PLAN = AlignPlan(drafts=6, preference=4, test=6, trial_items=2)
GOOD = "eliminate"
BEARS_OUT = " ".join(f"Because of style {name}." for name in (*styles_of("en"), "words"))


def pair(number, split):
    word = f"{WORDS[number % 12]}{number}"
    answer = (
        f"A {word} is the {WORDS[(number * 5) % 12]} of a {WORDS[(number * 7 + 3) % 12]} {number}."
    )
    return Pair(
        id=f"{split}{number}",
        question=f"What is a {word}?",
        answer=answer,
        kind="definition",
        language="en",
        point=f"p{number}",
        evidence=(Evidence(quote=f"{answer} {BEARS_OUT}", section="s"),),
        split=split,
        part="reworded" if split == "exam" else None,
    )


PAIRS = [pair(n, "train") for n in range(40)] + [pair(n, "exam") for n in range(30, 40)]


def scores(case, knows):
    """Likelihoods of the options: the right one stands out for whoever knows."""
    return Pick(scores=tuple(float(bool(knows) and i == case.item.right) for i in range(4)))


class FakeReader:
    """Reads by a rule; counts the cases that it was asked."""

    def __init__(self, knows, model):
        self.knows, self.model, self.read_cases = knows, model, 0

    def read(self, cases, tell):
        self.read_cases += len(cases)
        tell(len(cases))
        return [scores(case, self.knows(case)) for case in cases]


class FakeBackend:
    """The student is right after an example in the style GOOD, or that asks about «called»;
    pupils know what most of their lessons were."""

    def __init__(self, trainable=True, teacher=None):
        self.trainable = trainable
        self.teacher = teacher or Scripted(self.explain, "teacher")
        self.student = FakeReader(lambda case: case.example and good(case.example), "student")
        self.lessons, self.preferences = [], []

    @staticmethod
    def explain(request):
        text = request.messages[-1].content
        if "Write 1 other questions" in text:
            return (
                "1. "
                + text.split("A learner asks: “What is a ")[1].split("?")[0]
                + " is called what?"
            )
        every = styles_of("en") | variants_of("en")
        style = next((n for n, how in every.items() if text.endswith(how)), "?")
        return f"Because of style {style}. Half a sentence"

    def taught(self, rows, plan, folder, report):
        self.lessons.append(rows)
        (folder / "run").mkdir()
        most = sum(good((row.question, row.answer)) for row in rows) > len(rows) / 2
        return FakeReader(lambda case: most, f"pupil{len(self.lessons)}")

    def aligned(self, pairs, plan, folder, base, report):
        self.preferences.append((pairs, base))
        return Scripted(lambda r: f"Because of style {GOOD}.", "aligned"), folder / "merged"


def good(example):
    question, answer = example
    return f"style {GOOD}." in answer or "style words." in answer or "is called" in question


def test_pools_share_no_point_and_the_exam_is_no_option_before():
    pools = make_pools(PAIRS, (12, 8, 10), 0)
    points = [
        {item.point for item in pool} for pool in (pools.drafts, pools.preference, pools.test)
    ]
    assert not points[0] & points[1] and not points[0] & points[2] and not points[1] & points[2]
    exam = {p.answer for p in PAIRS if p.split == "exam"}
    assert all(not exam & set(item.options) for item in pools.drafts + pools.preference)
    assert all(item.answer in exam and len(set(item.options)) == 4 for item in pools.test)
    assert make_pools(PAIRS, (12, 8, 10), 0) == pools != make_pools(PAIRS, (12, 8, 10), 1)


def test_a_small_corpus_is_refused():
    with pytest.raises(Missing) as caught:
        make_pools(PAIRS[:6], (6, 4, 6), 0)
    assert caught.value.code == "align.too_small"


def test_a_point_is_asked_by_its_wordings_with_the_same_options():
    also = [p.model_copy(update={"id": f"w{p.id}", "question": f"Name: {p.answer}"}) for p in PAIRS]
    other = [
        p.model_copy(update={"id": f"o{p.id}", "question": "Odd?", "answer": "No."}) for p in PAIRS
    ]
    pools = make_pools([*PAIRS, *also, *other], (6, 4, 6), 0, 3)
    assert len(pools.drafts) == len(pools.others) == 6 and len(pools.forms) == 6
    for one, two in pools.forms.values():
        assert one.options == two.options and one.right == two.right and one.id != two.id
        assert two.question == f"Name: {two.answer}"
    assert not make_pools([*PAIRS, *also], (6, 4, 6), 0).others


def test_the_words_of_an_option_alone_are_a_baseline():
    items = make_pools(PAIRS, (4, 4, 10), 0).test
    likely = [item.model_copy(update={"question": item.answer}) for item in items]
    assert by_overlap(likely) == [1] * 10
    other = [i.model_copy(update={"question": i.options[(i.right + 1) % 4]}) for i in items]
    assert by_overlap(other) == [0] * 10


def stack(language):
    item = make_pools(PAIRS, (4, 4, 4), 0).drafts[0]
    texts = {
        "en": ("What is a stack?", "A list that is open at one end."),
        "zh": ("什么是栈？", "栈是只在一端开放的线性表。"),
    }[language]
    options = (texts[1], *item.options[1:])
    changes = {"question": texts[0], "options": options, "right": 0, "quote": texts[1]}
    return item.model_copy(update=changes)


@pytest.mark.parametrize(
    ("language", "said", "kept"),
    [
        ("en", "Plates in a pile do so. The last one\nleaves first. Half a",
         "Plates in a pile do so. The last one leaves first."),
        ("en", "Half a sentence about plates", ""),
        ("en", "The right answer is: A list that is open at one end.", ""),
        ("en", 'The book says: "A list that is open at one end." Plates in a pile do so.',
         "Plates in a pile do so."),
        ("en", "The correct answer is right because plates leave a pile from above.",
         "The correct answer is right because plates leave a pile from above."),
        ("zh", "盘子叠起来就是这样。最后放的先拿走。然后", "盘子叠起来就是这样。最后放的先拿走。"),
        ("zh", "正确答案是：栈是只在一端开放的线性表。", ""),
    ],
)  # fmt: skip
def test_a_reason_is_whole_sentences_that_add_something(language, said, kept):
    assert cleaned(said, stack(language), language) == kept


def test_a_reason_stays_short():
    said = "Plates in a pile do so too. " * 40
    assert 40 < len(cleaned(said, stack("en"), "en").split()) <= 60


def test_a_weak_teachers_reason_must_be_borne_out():
    said = "It is one of the fundamental principles of modern software engineering."
    assert cleaned(said, stack("en"), "en") == said
    assert cleaned(said, stack("en"), "en", strict=True) == ""


def test_a_weak_teachers_reason_names_no_wrong_option():
    item = stack("zh").model_copy(
        update={"options": ("栈是只在一端开放的线性表。", "位于顶层的节点。", "b", "c")}
    )
    said = "- 栈是只在一端开放的线性表，只能从一端取出 - 位于顶层的节点。"
    assert cleaned(said, item, "zh", strict=True) == ""
    assert cleaned(said, item, "zh").startswith("栈是")


def test_all_arms_follow_the_preferences_with_equal_rows(tmp_path):
    backend = FakeBackend()
    result = align(PAIRS, PLAN, tmp_path, backend, silent)
    arms = {arm.arm: arm for arm in result.arms}
    assert tuple(arms) == ARMS
    assert arms["one-style"].note == GOOD
    assert arms["prompt"].note == variants_of("en")["words"]
    assert {len(rows) for rows in backend.lessons} == {6}
    assert {arms[name].rows for name in arms if name != "untouched"} == {6}
    assert arms["untouched"].accuracy.value == 0
    for name in ("one-style", "select", "both", "prompt", "dpo"):
        assert arms[name].accuracy.value == 1 and arms[name].helps, name
    assert not arms["plain"].helps and not arms["random"].helps
    assert arms["one-style"].calls == 6 * 4 * (1 + 4) and arms["random"].calls == 6
    assert "teach this student better" in result.verdict and result.weak_teacher
    assert not any("Half a" in row.answer for rows in backend.lessons for row in rows)


def test_lessons_answer_first_and_explain_when_asked(tmp_path):
    backend = FakeBackend()
    result = align(PAIRS, PLAN, tmp_path, backend, silent, ["select", "plain"])
    [random, plain, select] = backend.lessons
    answers = {p.question: p.answer for p in PAIRS}
    for row in select:
        question = row.question.removesuffix(" Explain.")
        assert question != row.question
        assert row.answer == f"{answers[question]}\nBecause of style {GOOD}."
    assert all(row.answer == answers[row.question] for row in plain)
    kept = {arm.arm: arm.lessons for arm in result.arms}
    assert {le.question + " Explain." for le in kept["select"]} == {r.question for r in select}
    assert {le.pair for le in kept["random"]} <= {p.id for p in PAIRS if p.split == "train"}


def test_a_question_that_helps_is_chosen_over_another(tmp_path):
    """A connected teacher offers «... is called what?», after which the student is right."""
    backend = FakeBackend(trainable=False)
    backend.student = FakeReader(lambda case: case.example and "called" in case.example[0], "s")
    plan = PLAN.model_copy(update={"questions": 2})
    result = align(PAIRS, plan, tmp_path, backend, silent, ["question", "both", "select"])
    arms = {arm.arm: arm for arm in result.arms}
    assert result.questions == 12 and result.drafts == 6
    for name in ("question", "both"):
        assert all("called" in lesson.question for lesson in arms[name].lessons), name
    drawn = {lesson.question for lesson in arms["random"].lessons}
    assert {lesson.question for lesson in arms["select"].lessons} == drawn
    assert any("called" not in question for question in drawn)
    styles = [le.reason for le in arms["random"].lessons]
    by_point = {le.pair: le.reason for le in arms["question"].lessons}
    assert [by_point[le.pair] for le in arms["random"].lessons] == styles  # the style stays chance


def test_a_drafted_question_repeats_neither_the_exam_nor_gives_the_answer():
    item = make_pools(PAIRS, (4, 4, 4), 0).drafts[0]
    said = "\n".join(
        [
            "1. Which thing in the book is called so?",
            "2) Which thing in the book is called so?",  # twice
            "- " + item.question,  # known
            "What is a zeta zeta thing of the exam?",
            f"Is it true that {item.answer} holds?",
            "no question",
            "This does what exactly, and why?",  # leans back
        ]
    )
    exam = ["What is a zeta zeta thing of the exam?"]
    assert usable(said, item, exam, "en") == ["Which thing in the book is called so?"]
    assert usable("1. 哪种结构先入后出，常用于撤销操作？\n不是问题", item, exam, "zh") == [
        "哪种结构先入后出，常用于撤销操作？"
    ]


def test_every_preference_is_logged_and_read_once(tmp_path):
    backend = FakeBackend()
    align(PAIRS, PLAN, tmp_path, backend, silent, ["select"])
    rows = [json.loads(line) for line in (tmp_path / "preference.jsonl").read_text().splitlines()]
    assert len(rows) == 6 * 4 * 4
    assert all(row["right"] == (row["style"] == GOOD) for row in rows)
    before = backend.student.read_cases
    log = tmp_path / "preference.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:-6]) + lines[-6][:20])  # killed in the middle of a line
    align(PAIRS, PLAN, tmp_path, backend, silent, ["select"])
    assert backend.student.read_cases == before + 2 * 4  # the two that were not read to the end


def test_lessons_that_say_the_same_are_read_once(tmp_path):
    backend = FakeBackend(teacher=Scripted(lambda r: "No whole sentence", "mute"))
    align(PAIRS, PLAN, tmp_path, backend, silent, ["select"])
    assert backend.student.read_cases == 6 + 6 * 4  # the test, and one lesson a draft


def test_dpo_learns_best_against_worst_without_the_style(tmp_path):
    backend = FakeBackend()
    plan = PLAN.model_copy(update={"rounds": 2})
    align(PAIRS, plan, tmp_path, backend, silent, ["dpo"])  # the second round finds all alike
    [(pairs, base)] = backend.preferences
    assert len(pairs) == 6 and base is None
    for one in pairs:
        assert one.chosen == f"Because of style {GOOD}." != one.rejected
        assert not any(how in one.prompt for how in styles_of("en").values())


def test_equal_scores_leave_nothing_to_align_with(tmp_path):
    backend = FakeBackend()
    backend.student = FakeReader(lambda case: False, "student")
    with pytest.raises(Missing) as caught:
        align(PAIRS, PLAN, tmp_path, backend, silent, ["dpo"])
    assert caught.value.code == "align.no_preference"
    result = align(PAIRS, PLAN, tmp_path, backend, silent)
    assert list(result.skipped) == ["dpo"] and "beyond doubt" in result.verdict


def test_a_second_run_teaches_nobody_again(tmp_path):
    first, second = FakeBackend(), FakeBackend()
    result = align(PAIRS, PLAN, tmp_path, first, silent)
    assert align(PAIRS, PLAN, tmp_path, second, silent) == result
    assert first.lessons and not second.lessons
    kept = [path for own in (tmp_path / "students").iterdir() for path in own.iterdir()]
    assert {path.name for path in kept} == {"test.json"}


def test_a_connected_teacher_skips_dpo(tmp_path):
    result = align(PAIRS, PLAN, tmp_path, FakeBackend(trainable=False), silent)
    assert "dpo" in result.skipped and "dpo" not in {arm.arm for arm in result.arms}
    with pytest.raises(BadInput):
        align(PAIRS, PLAN, tmp_path, FakeBackend(trainable=False), silent, ["dpo"])


def test_a_teacher_without_words_is_told(tmp_path):
    from engine.errors import BadAnswer

    backend = FakeBackend(teacher=Scripted(lambda r: BadAnswer("empty", code="x"), "mute"))
    with pytest.raises(WorkFailed) as caught:
        align(PAIRS, PLAN, tmp_path, backend, silent, ["select"])
    assert caught.value.code == "align.teacher"


def test_the_verdict_names_who_may_be_guessing(tmp_path):
    arms = align(PAIRS, PLAN, tmp_path, FakeBackend(), silent, ["select"]).arms
    said = verdict(arms)
    assert "guessing: untouched, random." in said and "select" in said


@pytest.mark.slow
def test_dpo_trains_a_real_model_and_resumes_after_a_stop(tmp_path, capsys):
    import torch
    from safetensors.torch import load_file

    from engine.errors import Cancelled

    base = make_base(tmp_path / "base")
    pairs = [
        Preferred(prompt=f"What is {w}?", chosen=f"It is {w}.", rejected="It is mu mu.")
        for w in WORDS
    ] * 2
    plan = PLAN.model_copy(update={"dpo_rate": 1e-2})
    told = []

    def stop(progress):
        told.append(progress.done)
        if progress.done == 4:
            raise Cancelled("stop", code="cancelled")

    settings = Settings(home=tmp_path)
    with pytest.raises(Cancelled):
        train_teacher(base, pairs, plan, tmp_path / "own", settings, stop)
    merged = train_teacher(
        base, pairs, plan, tmp_path / "own", settings, lambda p: told.append(p.done)
    )
    assert told == [1, 2, 3, 4, 3, 4, 5, 6]
    assert not capsys.readouterr().out
    before, after = (load_file(Path(folder) / "model.safetensors") for folder in (base, merged))
    name = "model.layers.0.mlp.up_proj.weight"
    assert not torch.allclose(before[name].float(), after[name].float(), atol=1e-3)
    assert train_teacher(base, pairs, plan, tmp_path / "own", settings, silent) == merged


def test_the_estimate_counts_what_the_arms_ask():
    plan = AlignPlan(drafts=10, preference=5, test=20)
    alone = estimate(plan, ("random",))
    assert alone.calls == 40 + 2 * 20  # four styles of each draft, and two tests
    assert estimate(plan, ("select",)).calls == 40 + 40 * 5 + 3 * 20
    assert estimate(plan, ("both",)).calls == 120 + 120 * 5 + 3 * 20  # three questions a point
    every = estimate(plan)
    assert every.calls > alone.calls + 120 * 5
    assert every.minutes[0] < every.minutes[1] < every.minutes[2]
    assert every.money == (0.0, 0.0, 0.0)
    paid = estimate(plan, connected=True, prices=(10.0, 20.0))
    assert 0 < paid.money[0] < paid.money[1] < paid.money[2]
    assert paid.calls < every.calls  # a connected teacher is not trained
    assert estimate(plan, parameters=270_000_000).minutes[1] > 1.8 * every.minutes[1]
