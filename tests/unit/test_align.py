"""Alignment: pools never mix, choices follow the preferences, arms are equal, nothing runs twice."""

import json
from pathlib import Path

import pytest

from engine.align import AlignPlan, align, estimate
from engine.align.dpo import Preferred, train_teacher
from engine.align.items import chosen, make_pools, shown
from engine.align.rationales import STYLES, VARIANTS
from engine.align.run import verdict
from engine.errors import BadInput, Missing, WorkFailed
from engine.llm.scripted import Scripted
from engine.progress import silent
from engine.schema import Evidence, Pair
from engine.settings import Settings
from tests.unit.tiny_student import WORDS, make_base

PLAN = AlignPlan(drafts=6, preference=4, test=6, trial_items=2)
GOOD = "eliminate"


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
        evidence=(Evidence(quote=answer, section="s"),),
        split=split,
        part="reworded" if split == "exam" else None,
    )


PAIRS = [pair(n, "train") for n in range(40)] + [pair(n, "exam") for n in range(30, 40)]


def right_option(text):
    """The option of a shown item that the scripted book holds for its question."""
    word = text.split("What is a ")[-1].split("?")[0]
    return next(p.answer for p in PAIRS if p.question == f"What is a {word}?")


class FakeBackend:
    """The student is right after an example in the style GOOD; pupils know what they were taught."""

    def __init__(self, trainable=True, teacher=None):
        self.trainable = trainable
        self.teacher = teacher or Scripted(self.explain, "teacher")
        self.student = Scripted(self.answer, "student")
        self.lessons, self.preferences = [], []

    @staticmethod
    def explain(request):
        text = request.messages[-1].content
        style = next((n for n, how in (STYLES | VARIANTS).items() if text.endswith(how)), "?")
        return f"Because of style {style}. Answer: nonsense"

    @staticmethod
    def answer(request):
        example = request.messages[1].content if len(request.messages) > 1 else ""
        helped = f"style {GOOD}." in example or "style words." in example
        return f"Answer: {right_option(request.messages[-1].content)}" if helped else "No idea"

    def taught(self, rows, plan, folder, report):
        self.lessons.append(rows)
        good = sum(f"style {GOOD}." in row.answer for row in rows)
        (folder / "run").mkdir()

        def answer(request):
            text = request.messages[-1].content
            return f"Answer: {right_option(text)}" if good > len(rows) / 2 else "No idea"

        return Scripted(answer, f"pupil{len(self.lessons)}")

    def aligned(self, pairs, plan, folder, base, report):
        self.preferences.append((pairs, base))
        return Scripted(lambda r: f"Because of style {GOOD}.", "aligned"), folder / "merged"


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


def test_the_chosen_option_is_the_one_after_the_last_mark():
    item = make_pools(PAIRS, (4, 4, 4), 0).test[0]
    assert chosen(f"{item.options[0]}\nAnswer: {item.options[2]}\nAnything", item) == 2
    assert chosen(item.options[1], item) == 1
    assert chosen("xyz", item) is None
    assert chosen("", item) is None
    assert all(f"- {option}" in shown(item) for option in item.options)


def test_all_arms_follow_the_preferences_with_equal_rows(tmp_path):
    backend = FakeBackend()
    result = align(PAIRS, PLAN, tmp_path, backend, silent)
    arms = {arm.arm: arm for arm in result.arms}
    assert list(arms) == ["untouched", "random", "one-style", "select", "prompt", "dpo"]
    assert arms["one-style"].note == GOOD and arms["prompt"].note == VARIANTS["words"]
    assert {len(rows) for rows in backend.lessons} == {6}
    assert {arms[name].rows for name in arms if name != "untouched"} == {6}
    assert arms["untouched"].accuracy.value == 0 and arms["untouched"].unread == 1
    for name in ("one-style", "select", "dpo"):
        assert arms[name].accuracy.value == 1 and arms[name].gain.low > 0, name
    assert arms["one-style"].calls == 6 * 4 * (1 + 4) and arms["random"].calls == 6
    assert "teach this student better" in result.verdict and result.weak_teacher
    assert not any("nonsense" in row.answer for rows in backend.lessons for row in rows)


def test_every_preference_is_logged(tmp_path):
    align(PAIRS, PLAN, tmp_path, FakeBackend(), silent, ["select"])
    rows = [json.loads(line) for line in (tmp_path / "preference.jsonl").read_text().splitlines()]
    assert len(rows) == 6 * 4 * 4
    assert all(row["right"] == (row["style"] == GOOD) for row in rows)


def test_dpo_learns_best_against_worst_without_the_style(tmp_path):
    backend = FakeBackend()
    plan = PLAN.model_copy(update={"rounds": 2})
    align(PAIRS, plan, tmp_path, backend, silent, ["dpo"])  # the second round finds all alike
    [(pairs, base)] = backend.preferences
    assert len(pairs) == 6 and base is None
    for one in pairs:
        assert one.chosen == f"Because of style {GOOD}." != one.rejected
        assert not any(how in one.prompt for how in STYLES.values())


def test_equal_scores_leave_nothing_to_align_with(tmp_path):
    backend = FakeBackend()
    backend.student = Scripted(lambda request: "No idea", "student")
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
    every = estimate(plan)
    assert every.calls > alone.calls + 40 * 5
    assert every.minutes[0] < every.minutes[1] < every.minutes[2]
    assert every.money == (0.0, 0.0, 0.0)
    paid = estimate(plan, connected=True, prices=(10.0, 20.0))
    assert 0 < paid.money[0] < paid.money[1] < paid.money[2]
    assert paid.calls < every.calls  # a connected teacher is not trained
