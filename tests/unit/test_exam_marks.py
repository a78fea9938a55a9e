"""A connected teacher's marks, with a scripted teacher: blind, once an answer, never lost."""

import json

import pytest

from engine.errors import BadAnswer
from engine.exam import examine
from engine.llm.scripted import Scripted
from engine.report.course import _exam_row
from engine.report.page import Interval
from engine.schema import Pair


def pair(language: str, i: int) -> Pair:
    asked = {"en": f"What is item {i}?", "zh": f"第 {i} 项是什么？"}[language]
    return Pair(
        id=f"q{i}",
        question=asked,
        answer=f"reference {i}",
        kind="exercise",
        language=language,
        point=f"p{i}",
        split="exam",
        part="natural",
    )


def teacher(seen: list[str]):
    """Right where the answer is the reference, partly where it begins so, else wrong."""

    def answer(request):
        text = request.messages[-1].content
        seen.append(text)
        given = [row.split("\n")[1] for row in text.split("<answer-")[1:]]
        found = {"reference": "partly"}
        marks = ["right" if "reference 0" in g else found.get(g, "wrong") for g in given]
        return json.dumps({"marks": marks})

    return Scripted(answer, model="teacher")


def models():
    return {
        "base": Scripted(lambda _: "something else", model="base"),
        "student": Scripted(lambda _: "reference 0", model="student"),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_answer_gets_its_own_mark(language):
    seen: list[str] = []
    found = examine(models(), [pair(language, 0)], index=None, judge=teacher(seen))
    marks = {answer.model: answer.mark for answer in found.answers}
    assert marks == {"base": "wrong", "student": "right"}
    rows = {row.model: row.figures["right"].value for row in found.rows}
    assert rows == {"base": 0.0, "student": 1.0}
    assert found.unmarked == 0


def test_the_teacher_sees_no_names_and_equal_answers_once():
    seen: list[str] = []
    same = {name: Scripted(lambda _: "reference 0", model=name) for name in ("base", "student")}
    found = examine(same, [pair("en", 0)], index=None, judge=teacher(seen))
    assert len(seen) == 1 and seen[0].count("<answer-") == 1
    assert not any(name in seen[0] for name in same)
    assert {answer.mark for answer in found.answers} == {"right"}


def test_an_empty_answer_is_wrong_without_a_call():
    seen: list[str] = []
    mute = {"base": Scripted(lambda _: "", model="base")}
    found = examine(mute, [pair("en", 0)], index=None, judge=teacher(seen))
    assert found.answers[0].mark == "wrong" and not seen


def test_answers_whose_call_failed_are_counted_and_left_out():
    broken = Scripted(lambda _: BadAnswer("no"), model="teacher")
    found = examine(models(), [pair("en", 0)], index=None, judge=broken)
    assert found.unmarked == 2
    assert "right" not in found.rows[0].figures


def test_without_a_judge_nothing_is_marked_but_points_are_counted():
    found = examine(models(), [pair("en", 0)], index=None)
    assert found.unmarked == 0 and found.answers[0].mark is None
    points = {row.model: row.figures["points"].value for row in found.rows}
    assert points == {"base": 0.0, "student": 1.0}


def test_the_written_report_shows_marks_and_no_interval_around_one_answer():
    found = examine(models(), [pair("en", 0)], index=None, judge=teacher([]))
    [student] = [row for row in found.rows if row.model == "student"]
    shown = _exam_row(student, lambda key: key)
    assert shown[3:7] == (1, "1.00 (n = 1)", "1.00 (n = 1)", "1.00 (n = 1)")
    assert not isinstance(shown[-1], Interval)
