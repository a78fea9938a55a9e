"""Choice and numeric answers; files of items and answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.grade.closed import grade_choice, grade_number, looks_numeric, parse_quantity
from engine.grade.files import read_grades, read_items, read_submissions
from engine.grade.items import Item, Submission, check


@pytest.mark.parametrize(
    ("typed", "wanted", "outcome"),
    [
        ("12 cm", "0.12 m", "correct"),
        ("12cm", "12 cm", "correct"),
        ("０．１２ｍ", "12 cm", "correct"),
        ("0,12 m", "12 cm", "correct"),
        ("12 厘米", "0.12 m", "correct"),
        ("90 km/h", "25 m/s", "correct"),
        ("2 小时", "120 min", "correct"),
        ("3.0 x 10^8 m/s", "3e8 m/s", "correct"),
        ("3×10⁸ m/s", "3e8 m/s", "correct"),
        ("6.02e23", "6.022 × 10^23", "correct"),
        ("1/4", "0.25", "correct"),
        ("1 1/2", "1.5", "correct"),
        ("½", "0.5", "correct"),
        ("25 %", "0.25", "correct"),
        ("1,234.5", "1234.5", "correct"),
        ("x = 7", "7", "correct"),
        ("-3", "-3", "correct"),
        ("−3", "-3", "correct"),
        ("2 KiB", "2048 bytes", "correct"),
        ("42 apples", "42", "correct"),
        ("12", "12 cm", "unit"),
        ("12 kg", "12 cm", "unit"),
        ("120 cm", "12 cm", "magnitude"),
        ("1.2", "12", "magnitude"),
        ("13 cm", "12 cm", "wrong"),
        ("3", "-3", "wrong"),
        ("twelve", "12", "unparsed"),
        ("", "12", "unparsed"),
        ("12 or 13", "12", "unparsed"),
        ("1/0", "1", "unparsed"),
        ("9e999", "1", "unparsed"),
    ],
)
def test_numbers_are_read_as_people_type_them(typed, wanted, outcome):
    assert grade_number(typed, (wanted,)) == outcome


def test_tolerance_is_relative_and_any_reference_will_do():
    assert grade_number("9.8", ("9.81",), 0.01) == "correct"
    assert grade_number("9.8", ("9.81",), 0.0) == "wrong"
    assert grade_number("2", ("-2", "2")) == "correct"
    assert grade_number("0.001", ("0",), 0.01) == "correct"


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_every_number_is_its_own_right_answer(value):
    assert grade_number(repr(value), (repr(value),), 1e-9) == "correct"


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    parse_quantity(text)
    grade_choice(text, ("B",), ("x", "y"))


@pytest.mark.parametrize(
    ("typed", "wanted", "outcome"),
    [
        ("B", "b", "correct"),
        ("(b)", "B", "correct"),
        ("Ｂ", "B", "correct"),
        ("选B", "B", "correct"),
        ("a stack", "A", "correct"),
        ("A. a stack", "A", "correct"),
        ("A. a queue", "A", "unparsed"),
        ("C, A", "AC", "correct"),
        ("A和C", "AC", "correct"),
        ("A", "AC", "wrong"),
        ("C", "B", "wrong"),
        ("no idea", "B", "unparsed"),
        ("", "B", "unparsed"),
    ],
)
def test_choices(typed, wanted, outcome):
    assert grade_choice(typed, (wanted,), ("a stack", "a queue", "a heap")) == outcome


def test_types_are_recognised():
    def kind(**given):
        return Item(item_id="1", question="?", **given).kind

    assert kind(references=("12 cm",)) == "numeric"
    assert kind(references=("12 monkeys ran away",)) == "short"
    assert kind(references=("a",), choices=("x", "y")) == "choice"
    assert kind(rubric=({"criterion": "c"},)) == "rubric"
    assert kind(references=("12",), type="short") == "short"
    assert not looks_numeric("42 apples")


def write(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


ITEM = {"item_id": "q", "question": "Why?", "references": ["because"], "labels": ["right", "wrong"]}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "grade.empty"),
        ([{"answer_id": "1", "item_id": "no", "answer": "x", "label": "right"}], "grade.item"),
        ([{"answer_id": "1", "item_id": "q", "answer": "x", "label": "good"}], "grade.label"),
        ([{"answer_id": "1", "item_id": "q", "answer": "x"}], "grade.ungraded"),
        ([{"answer_id": "1", "item_id": "q", "answer": "x", "score": 2}], "grade.score"),
        ([{"answer_id": "1", "item_id": "q", "answer": "x", "score": "high"}], "grade.line"),
        ([{"answer_id": "1", "item_id": "q", "answer": ["x"], "score": 1}], "grade.line"),
        ([["a"]], "grade.line"),
        ([{"answer_id": "1", "item_id": "q", "answer": "x", "score": 1}] * 2, "grade.duplicate"),
    ],
)
def test_wrong_files_are_told(tmp_path, rows, code):
    items = read_items(write(tmp_path / "items.jsonl", ITEM))
    path = write(tmp_path / "graded.jsonl", *rows)
    with pytest.raises(BadInput) as caught:
        read_submissions(path, items, graded=True)
    assert caught.value.code == code
    assert caught.value.next


def test_a_missing_file_and_bad_json_are_told(tmp_path):
    with pytest.raises(BadInput) as caught:
        read_items(tmp_path / "none.jsonl")
    assert caught.value.code == "grade.file"
    (tmp_path / "bad.jsonl").write_text('{"item_id": "a",', encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_items(tmp_path / "bad.jsonl")
    assert caught.value.code == "grade.line"
    assert "1" in str(caught.value.values["line"])


def test_csv_with_lists_and_a_rubric(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "item_id,question,references,labels,rubric,mine\n"
        "1,Why?,one|two,a|b,,x\n2,How?,,,names heat=2|names cold=1,y\n",
        encoding="utf-8-sig",
    )
    one, two = read_items(path)
    assert one.references == ("one", "two")
    assert one.labels == ("a", "b")
    assert two.top == 3
    assert [c.points for c in two.rubric] == [2, 1]
    answers = tmp_path / "answers.csv"
    answers.write_text("answer_id,item_id,answer\n1,1,\n2,2,x\n", encoding="utf-8")
    assert [s.answer for s in read_submissions(answers, [one, two])] == ["", "x"]


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError):
        Submission(answer_id="1", item_id="q", answer="", score=float("nan"))
    check([Submission(answer_id="1", item_id="q", score=1)], [Item(**ITEM)], graded=True)


def test_a_torn_last_line_is_no_grade(tmp_path):
    path = tmp_path / "grades.jsonl"
    path.write_text('{"answer_id":"1","score":1.0,"confidence":0.9}\n{"answer_id":"2","sc')
    assert [g.answer_id for g in read_grades(path)] == ["1"]
    assert read_grades(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("answer", "references", "outcome"),
    [
        ("48 / 0.12 = 400", ("400",), "correct"),
        ("48 x 0.12 = 5.76", ("400",), "wrong"),
        ("x400", ("400",), "correct"),
        ("x + 1 = 400", ("400",), "unparsed"),
        ("4.5 ml per hour", ("4.5 mL/h",), "correct"),
        ("0.075 mL/min", ("4.5 mL/h",), "correct"),
        ("4.5 mL", ("4.5 mL/h",), "unit"),
        ("400 = no, 500 = yes", ("400",), "unparsed"),
    ],
)
def test_a_calculation_ends_in_its_answer_and_rates_are_units(answer, references, outcome):
    assert grade_number(answer, references) == outcome
