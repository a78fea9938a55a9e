"""Scores, intervals, the exam's bookkeeping, and what the tutor does and refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadAnswer, Missing
from engine.exam import examine
from engine.exam.baselines import by_lookup
from engine.judge import interval, judge_by_reference, paired, rouge_l, token_f1
from engine.llm.scripted import Scripted
from engine.quotes import asked
from engine.schema import Block, Evidence, Pair, Passage
from engine.search import Index
from engine.tutor import Conversation, Material, refusal, turn
from engine.units import units_of

PASSAGES = [
    ("Lists", "A list is a sequence of values. The values in a list are called elements.", 10),
    ("Dictionaries", "A dictionary maps keys to values. Each key maps to one value.", 20),
    ("Files", "To open a file you call open. A file has to be closed after use.", 30),
    ("栈", "栈是一种遵循先入后出逻辑的线性数据结构。", 40),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    passages = [
        Passage(id=t, document="d", section=f"s-{t}", title=t, text=x, page_start=p, page_end=p)
        for t, x, p in PASSAGES
    ]
    return Index.build(passages, tmp_path_factory.mktemp("index"))


def test_known_scores():
    assert token_f1("A list is a sequence.", "a list is a sequence") == 1.0
    assert token_f1("cats", "dogs") == 0.0
    assert token_f1("栈是结构", "栈是数据结构") == pytest.approx(0.8)
    assert rouge_l("a b c", "a x c") == pytest.approx(2 / 3)
    assert token_f1("O1时间", "o1 时间") == 1.0
    assert token_f1("", "x") == 0.0


@pytest.mark.parametrize("n", [100, 400])
def test_the_interval_is_one_of_95_percent(n):
    """Its width is that of the normal interval; a 50 % one would have a third of it, 99 % more."""
    values = np.random.default_rng(1).normal(3.0, 2.0, n)
    figure = interval(values.tolist())
    half = 1.96 * values.std() / n**0.5
    assert figure.high - figure.value == pytest.approx(half, rel=0.08)
    assert figure.value - figure.low == pytest.approx(half, rel=0.08)


def test_the_interval_holds_the_truth_95_times_of_100():
    dice = np.random.default_rng(7)
    samples = dice.exponential(1.0, (400, 60))
    held = sum(f.low <= 1.0 <= f.high for f in (interval(row.tolist()) for row in samples))
    assert 0.90 <= held / 400 <= 0.98


def test_a_difference_keeps_its_pairs():
    """Questions differ by much more than models do: unpaired, the gain would drown."""
    easy = np.random.default_rng(3).normal(0, 10, 80)
    figure = paired((easy + 0.5).tolist(), easy.tolist())
    assert figure.low == pytest.approx(0.5) == figure.high


WORDS = st.lists(st.sampled_from(["list", "数", "the", "x"]), min_size=1, max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_scores_stay_in_range_and_are_symmetric(one, other):
    for score in (token_f1, rouge_l):
        assert 0.0 <= score(one, other) <= 1.0
        assert math.isclose(score(one, other), score(other, one))
        assert math.isclose(score(one, one), 1.0)


def test_an_interval_holds_its_mean_and_pairs_cancel_what_is_common():
    figure = interval([0.0, 1.0] * 50)
    assert figure.low < figure.value == 0.5 < figure.high
    assert figure.n == 100
    gain = paired([i + 0.1 for i in range(50)], list(range(50)))
    assert gain.low == pytest.approx(0.1) == gain.high
    assert math.isnan(interval([]).value)


def test_reference_judge_prefers_the_right_answer():
    right, wrong = judge_by_reference(
        ["A list is a sequence of values.", "Bananas grow in warm countries."],
        ["A list is a sequence of values."] * 2,
    )
    assert right.f1 == 1.0 > wrong.f1
    assert right.cosine > wrong.cosine


def exam_pair(i: int, part: str) -> Pair:
    return Pair(
        id=f"{part}{i}",
        question=f"Question {i} of {part}?",
        answer=f"answer number {i}",
        kind="fact",
        language="en",
        point=f"p{i}",
        evidence=(Evidence(quote="q", section=f"s{i % 2}"),),
        split="exam",
        part=part,
    )


def test_the_exam_compares_on_the_same_questions_and_keeps_parts_apart(index):
    pairs = [exam_pair(i, part) for part in ("reworded", "transfer") for i in range(12)]
    by_question = {p.question: p.answer for p in pairs if p.part == "reworded"}
    base = Scripted(lambda _: "no idea", model="base")
    student = Scripted(
        lambda r: by_question.get(r.messages[-1].content, "no idea"), model="student"
    )
    report = examine(
        {"base": base, "student": student}, pairs, index=None, chapters={"s0": "One", "s1": "Two"}
    )
    gains = {(g.part, g.metric): g.difference for g in report.gains}
    assert gains["reworded", "f1"].value == pytest.approx(1.0)
    assert gains["transfer", "f1"].value == 0.0
    assert report.verdicts == {"reworded": "better", "transfer": "noise"}
    assert set(report.chapters) == {"One", "Two"}
    assert report.questions == {"reworded": 12, "transfer": 12}


def taught(question, answer):
    return exam_pair(0, "reworded").model_copy(
        update={"question": question, "answer": answer, "split": "train", "part": ""}
    )


def test_a_student_that_a_lookup_would_replace_gets_no_praise_for_beating_its_base():
    pairs = [exam_pair(i, "reworded") for i in range(12)]
    trained = [taught(f"Please: question {i} of reworded?", p.answer) for i, p in enumerate(pairs)]
    by_heart = {pair.question: pair.answer for pair in pairs[:6]}
    student = Scripted(lambda r: by_heart.get(r.messages[-1].content, "no idea"), model="student")
    models = {"base": Scripted(lambda _: "no idea", model="base"), "student": student}

    alone = examine(models, pairs, index=None)
    beside = examine(models, pairs, index=None, trained=trained)

    assert alone.verdicts == {"reworded": "better"} and alone.baselines["reworded"].model == "base"
    assert (
        beside.verdicts == {"reworded": "worse"} and beside.baselines["reworded"].model == "lookup"
    )
    rows = {row.model: row.figures["f1"].value for row in beside.rows}
    assert rows["lookup"] == pytest.approx(1.0)
    assert beside.baselines["reworded"].difference.value == pytest.approx(
        rows["student"] - rows["lookup"]
    )


def test_what_was_not_taught_is_compared_with_the_book_at_hand_and_the_rest_by_heart(index):
    def reader(request):
        asked = request.messages[-1].content
        held = [text for _, text, _ in PASSAGES if text in asked]
        return held[0] if held else "no idea"

    title, text, _ = PASSAGES[0]
    asked = [
        exam_pair(i, part).model_copy(update={"question": f"{title} {i}?", "answer": text})
        for i, part in enumerate(["transfer"] * 8 + ["natural"] * 8 + ["reworded"] * 8)
    ]
    base = Scripted(lambda _: "no idea", model="base")
    report = examine({"base": base, "student": Scripted(reader, model="s")}, asked, index=index)
    reads = {part: baseline.reads for part, baseline in report.baselines.items()}
    assert reads == {"transfer": True, "natural": True, "reworded": False}
    assert report.verdicts["natural"] != "worse" and report.verdicts["reworded"] != "better"
    twins = examine({"base": Scripted(reader), "student": Scripted(reader)}, asked, index=index)
    best = twins.baselines["natural"]
    assert (best.model, best.book, best.verdict) == ("base", True, "noise"), "the base reads, too"


def test_only_the_natural_part_lets_the_student_speak(index):
    mute = {name: Scripted(lambda _: "no idea", model=name) for name in ("base", "student")}
    report = examine(mute, [exam_pair(i, "transfer") for i in range(6)], index=index)
    for part, trusted in (("natural", True), ("transfer", False), ("reworded", False)):
        found = report.model_copy(update={"verdicts": {part: "better"}})
        assert found.worth_asking is trusted


def test_the_lookup_says_nothing_where_no_word_agrees():
    assert by_lookup([exam_pair(0, "reworded")], [taught("Zygomorph lids?", "shut")]) == [""]


def test_the_book_answers_word_for_word_and_beats_a_student_that_says_nothing(index):
    text = PASSAGES[0][1]
    pairs = [
        exam_pair(i, "transfer").model_copy(
            update={"question": f"{PASSAGES[0][0]}?", "answer": text}
        )
        for i in range(8)
    ]
    mute = {name: Scripted(lambda _: "no idea", model=name) for name in ("base", "student")}
    report = examine(mute, pairs, index=index)
    [row] = [row for row in report.rows if row.model == "book"]
    quoted = {a.answer for a in report.answers if a.model == "book"}
    assert row.book and row.figures["f1"].value > 0.5
    assert quoted and all(any(quote in text for _, text, _ in PASSAGES) for quote in quoted)
    assert report.baselines["transfer"].model == "book"
    assert report.verdicts == {"transfer": "worse"}


def test_failed_answers_count_as_wrong_and_are_told(index):
    pairs = [exam_pair(i, "reworded") for i in range(4)]
    broken = Scripted(lambda _: BadAnswer("no"), model="broken")
    report = examine({"base": broken}, pairs, index=index)
    assert report.failed == 8
    assert report.rows[0].figures["f1"].value == 0.0


def test_the_book_lies_open_in_the_rows_that_say_so_and_in_no_other(index):
    pairs = [
        exam_pair(i, "reworded").model_copy(update={"question": f"{t}?"})
        for i, (t, _, _) in enumerate(PASSAGES)
    ]
    seen = {}

    def answer(request):
        text = "\n".join(m.content for m in request.messages)
        seen.setdefault("maps keys to values" in text, []).append(text)
        return "held" if any(passage in text for _, passage, _ in PASSAGES) else "bare"

    report = examine({"student": Scripted(answer)}, pairs, index=index)
    said = {(a.book, a.answer) for a in report.answers if a.model == "student"}
    assert said == {(False, "bare"), (True, "held")}
    assert {row.book for row in report.rows} == {False, True}


def test_an_exam_without_questions_says_so():
    with pytest.raises(Missing):
        examine({}, [], index=None)


def test_search_finds_by_words_and_by_meaning_in_both_languages(index):
    assert index.search("What is a dictionary?")[0].passage.title == "Dictionaries"
    assert index.search("sequence elements")[0].passage.title == "Lists"
    assert index.search("什么是栈？")[0].passage.title == "栈"
    assert index.search("") == []


def test_a_rare_word_finds_its_passage_where_meaning_is_no_help(monkeypatch):
    texts = ["the pump moves water", "the zygomorph lid stays shut", "the hose carries water"]
    passages = [
        Passage(id=str(i), document="d", section=f"s{i}", title="T", text=t)
        for i, t in enumerate(texts)
    ]
    units = [units_of(passage) for passage in passages]
    meaning = np.array([[1.0, 0.0]] * 3)
    monkeypatch.setattr("engine.search.embed", lambda *_, **__: np.array([[1.0, 0.0]]))
    found = Index(passages, units, meaning)
    assert found.search("zygomorph lid", 1)[0].passage.id == "1"
    assert found.search("hose", 1)[0].passage.id == "2"
    assert found.search("nothing known", 1)[0].passage.id == "0", "words that no unit holds decide"


def test_a_passage_is_as_near_as_its_nearest_unit(monkeypatch):
    """One embedding of all its text would drown the paragraph that answers."""
    blocks = (Block(text="Water moves."), Block(text="The lid stays shut."))
    long = Passage(
        id="long", document="d", section="s", title="T", blocks=blocks, text="Water moves.\n\nLid."
    )
    short = Passage(id="short", document="d", section="t", title="U", text="Hoses.")
    monkeypatch.setattr("engine.search.embed", lambda *_, **__: np.array([[1.0, 0.0]]))
    near = np.array([[0.0, 1.0], [1.0, 0.0], [0.8, 0.6]])
    hits = Index([long, short], [units_of(long), units_of(short)], near).search("what", 2)
    assert [(hit.passage.id, round(hit.score, 2)) for hit in hits] == [("long", 1), ("short", 0.8)]


def ask(question, index, chat=None, on_text=lambda _: None):
    return turn(Conversation(), question, Material(index, "en", chat=chat), on_text)[1]


def test_the_book_answers_word_for_word_with_sources(index):
    said = ask("What is a dictionary?", index)
    assert not said.refused
    assert "A dictionary maps keys to values." in said.answer
    assert said.sources[0].title == "Dictionaries"
    assert said.sources[0].page == 20


def test_a_question_outside_the_course_is_refused_without_asking_the_model(index):
    chat = Scripted(lambda _: pytest.fail("the model was asked"))
    said = ask("Who was Napoleon?", index, chat)
    assert said.refused
    assert said.answer == refusal("en")
    assert said.sources == ()


def test_what_the_student_says_is_told_and_what_a_learner_types_is_no_instruction(index):
    seen = []
    known = "The values in a list are called elements."
    chat = Scripted(lambda r: seen.append(r) or known)
    pieces: list[str] = []
    question = "What are the elements of a list?"
    pairs = [taught(question, known).model_copy(update={"question": question})]
    said = turn(
        Conversation(), question, Material(index, "en", pairs=pairs, chat=chat), pieces.append
    )[1]
    assert said.model == chat.model
    assert "".join(pieces).strip() == said.answer == known
    assert all(question not in m.content for m in seen[0].messages if m.role == "system")


def test_what_the_student_says_unproved_never_reaches_the_screen(index):
    chat = Scripted(lambda _: "The values in a list are called keys.")
    pieces: list[str] = []
    said = ask("What are the elements of a list?", index, chat, pieces.append)
    assert said.withheld and "keys" not in "".join(pieces)
    assert "".join(pieces) == said.answer


def test_the_words_that_ask_are_not_looked_for_in_the_book():
    """«Why is a list ... ?» is about as much as «list»: books hold no «why»."""
    assert asked("Why and how is a list?", "en").terms == asked("list", "en").terms
    assert asked("什么是栈？", "zh").terms == asked("栈", "zh").terms
