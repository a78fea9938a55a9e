"""The panels are well-formed, their halves stay as they are, and marks are what a person expects."""

import json

import pytest

from engine.sample import FOLDER
from engine.schema import Course
from engine.tutor import refusal
from tests.bench.panels import __main__ as panels
from tests.bench.panels import panel as panel_file
from tests.bench.panels.marking import declines, kappa, mark, plain, points_met, says
from tests.bench.panels.panel import Question, faults, half_of, names, read_panel, root

LEAF = """# Leaf

## Pores

A stoma is a tiny pore in the surface of a leaf. Stomata are many because a leaf needs much air.

## Colour

Chlorophyll is a green substance that absorbs light. Leaves look green because chlorophyll reflects
green light.

## Shade

Shade is the lack of direct light. Unlike sun plants, shade plants grow in a dark wood.
"""
STOMA = Question(
    id="q",
    question="whats a stoma",
    kind="definition",
    answerable=True,
    points=(("tiny pore", "small opening"), ("surface of a leaf", "leaf surface")),
    need=2,
    wrong=("part of a root",),
)
LOOK = [1, 2, 3, 4, 6, 8, 9, 12, 13, 16, 17, 19, 20, 25, 28, 29, 32, 33, 36, 40]
OUTSIDE = Question(id="o", question="who won", kind="offcourse", answerable=False)
ZH = Question(
    id="z",
    question="6CO2+6H2O?",
    kind="symbolic",
    answerable=True,
    points=(("葡萄糖", "c6h12o6"), ("氧气", "6o2")),
    need=2,
    wrong=("吸收氧气",),
)


@pytest.mark.parametrize("name", names())
def test_every_panel_is_well_formed(name):
    panel = read_panel(name)
    assert faults(panel) == []
    for q in panel:
        for wording in (w for words in (*q.points, q.wrong) for w in words):
            assert not says("", wording), (
                q.id,
                wording,
            )  # a regex compiles, nothing is levelled away


@pytest.mark.parametrize(("name", "n"), [("sample_en", 40), ("sample_zh", 40)])
def test_the_sample_panels_ask_what_their_books_say(name, n):
    panel = read_panel(name)
    book = (FOLDER / f"textbook_{name[-2:]}.md").read_text(encoding="utf-8")
    text, titles = plain(book), {line.strip("# ") for line in book.splitlines() if line[:1] == "#"}
    assert len(panel) == n and sum(not q.answerable for q in panel) == 10
    for q in panel:
        assert set(q.sections) <= titles, q.id
        assert bool(q.sections) == q.answerable, q.id
        for point in q.points:
            assert any(says(text, wording) for wording in point), (q.id, point)


def test_faults_are_found():
    twice = [STOMA, STOMA.model_copy(update={"need": 3, "follows": "later"})]
    told = " ".join(faults(twice))
    for words in ("stands twice", "does not stand before", "need is not", "only 0", "eight kinds"):
        assert words in told
    wrong = STOMA.model_copy(update={"kind": "offcourse", "points": ((" ",), ())})
    told = " ".join(faults([wrong]))
    for words in ("disagree", "an empty wording", "an empty point"):
        assert words in told


@pytest.mark.parametrize("name", names())
def test_the_halves_are_about_even_and_follow_ups_stay_with_their_question(name):
    panel = read_panel(name)
    look, sealed = half_of(panel, "look"), half_of(panel, "sealed")
    assert sorted(q.id for q in (*look, *sealed)) == sorted(q.id for q in panel)
    assert 0.4 <= len(look) / len(panel) <= 0.6
    for half in (look, sealed):
        ids = {q.id for q in half}
        assert {root(q, panel) for q in half} <= ids
        assert all(q.follows in ids for q in half if q.follows)


def test_the_split_never_changes():
    look = {q.id for q in half_of(read_panel("sample_en"), "look")}
    assert sorted(look) == [
        f"se-{n:03d}" for n in LOOK
    ]  # never edit this list: a half that was sealed would be seen
    fewer = read_panel("sample_en")[:20]
    assert {q.id for q in half_of(fewer, "look")} == look & {q.id for q in fewer}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A stoma is a tiny pore in the surface of a leaf.", "right"),
        ("It's a *small opening* on the leaf surface", "right"),
        ("A stoma is a tiny pore.", "partly"),
        ("A stoma is a tiny pore in the surface of a leaf and part of a root.", "wrong"),
        ("Guard cells are curved.", "wrong"),
        ("", "wrong"),
        ("The book does not say what a stoma is.", "refused"),
        (refusal("en"), "refused"),
        ("The book does not say it so, but a stoma is a tiny pore in the leaf surface.", "right"),
    ],
)
def test_marks_in_english(answer, expected):
    assert mark(STOMA, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("变成葡萄糖和氧气。", "right"),
        ("$C_6H_{12}O_6 + 6O_2$", "right"),
        ("C₆H₁₂O₆ 和 6O₂", "right"),
        ("变成 葡 萄 糖。", "partly"),
        ("变成葡萄糖，并吸收氧气。", "wrong"),
        ("植物有根。", "wrong"),
        ("教材中没有提到这个反应。", "refused"),
        (refusal("zh"), "refused"),
    ],
)
def test_marks_in_chinese(answer, expected):
    assert mark(ZH, answer) == expected


def test_what_a_system_declined_is_refused_whatever_it_says():
    assert mark(STOMA, "a tiny pore in the surface of a leaf", refused=True) == "refused"
    assert mark(OUTSIDE, "no idea", refused=True) == "right"
    assert mark(OUTSIDE, refusal("en")) == mark(OUTSIDE, "This is not in the book.") == "right"
    assert mark(OUTSIDE, "France won.") == "wrong"
    assert not declines("A leaf does not cover its roots. The book is on plants.")


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (1, "A stoma is a medical term: a small opening in the digestive system."),
        (6, "The process of photosynthesis makes glucose. The process of respiration is another."),
        (8, "They are green because of chlorophyll, which is a green pigment."),
        (13, "Amylose is a rigid molecule that is insoluble in water and healthy."),
        (22, "Yes, plants only respire at night."),
    ],
)
def test_what_an_untrained_model_said_is_not_right(number, answer):
    """All but the last were said by the built-in student before any training."""
    assert mark(read_panel("sample_en")[number - 1], answer) in ("partly", "wrong")


def test_wordings_begin_at_words_and_numbers_end_where_they_end():
    text = plain("It is immutable, costs O(n^2), was boiled “once” and gives 4.85 or 60.")
    assert says(text, "boil") and says(text, "o(n²)") and says(text, '"once"')
    assert not any(says(text, wording) for wording in ("mutable", "4.8", "6"))
    assert says(plain("用int表示"), "int") and says(text, r"re:\bgives\b")
    assert points_met(STOMA, "on the leaf surface") == [1]


def test_kappa():
    assert kappa(["right", "wrong"], ["right", "wrong"]) == 1.0
    assert kappa(["right"] * 4, ["right"] * 4) == 1.0
    assert kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"]) == 0.0


def test_the_sealed_half_is_not_run_by_accident(tmp_path, capsys):
    given = ["--home", str(tmp_path), "--course", "c", "--panel", "sample_en", "--half", "sealed"]
    with pytest.raises(SystemExit):
        panels.main(given)
    assert "--yes-sealed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        panels.main([*given[:-1], "look", "--systems", "oracle"])


def test_a_run_marks_writes_and_compares(tmp_path, monkeypatch, capsys):
    from engine.distil import DistilPlan
    from engine.settings import load
    from engine.steps import DISTIL, READ, Workspace
    from engine.steps.books import ReadPlan
    from engine.store import Store

    monkeypatch.setattr(panel_file, "FOLDER", tmp_path)
    rows = [
        {**STOMA.model_dump(), "question": "What is a stoma?"},
        {**OUTSIDE.model_dump(), "question": "Who won the world cup in 2018?"},
        {**STOMA.model_dump(), "id": "f", "follows": "q", "kind": "followup"},
    ]
    (tmp_path / "garden.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    settings = load(tmp_path / "home")
    store = Store(settings.database)
    store.add_course(Course(id="c", title="C", language="en"))
    workspace = Workspace(settings, store, store.course("c"))
    book = tmp_path / "leaf.md"
    book.write_text(LEAF, encoding="utf-8")
    READ(workspace, ReadPlan(files=(str(book),)))
    DISTIL(workspace, DistilPlan(pairs=20))
    store.close()
    monkeypatch.setattr(panels, "half_of", lambda panel, half: panel)
    out, marks = tmp_path / "out.jsonl", tmp_path / "marks.jsonl"
    hand = [
        {"id": "q", "system": "tutor", "mark": "partly"},
        {"id": "o", "system": "tutor", "mark": "right", "of": "another"},
    ]
    marks.write_text("\n".join(map(json.dumps, hand)), encoding="utf-8")
    given = ["--home", str(tmp_path / "home"), "--course", "c", "--panel", "garden"]
    panels.main([*given, "--out", str(out), "--marks", str(marks)])
    told = capsys.readouterr()
    assert "student: left out, the course has no student model" in told.err
    found = {(r["system"], r["id"]): r for r in map(json.loads, out.read_text().splitlines())}
    assert len(found) == 12
    assert found["tutor", "q"]["mark"] == found["book", "q"]["mark"] == "right"
    assert found["tutor", "o"]["refused"] and found["tutor", "o"]["mark"] == "right"
    assert found["lookup", "o"]["mark"] == "wrong"
    assert "1 hand mark(s) are of other answers" in told.out
    assert "q: code right, hand partly" in told.out and "right (n = 3)" in told.out
