"""The offline teacher on code: what a session shows, examples, functions, errors, names."""

import pytest

from engine.schema import Block
from tests.unit.test_offline import asked, points, prose


def session(text: str) -> Block:
    return Block(text=text, kind="code")


def shown(*texts: str) -> dict[str, str]:
    """The last statement of each question about a session, with its answer."""
    found = points(*(session(text) for text in texts))
    return {p.questions[0].strip("`?").split("\n")[-1]: p.answer for p in found}


def test_a_name_is_asked_for_where_a_line_changed_what_it_refers_to():
    found = points(session(">>> t = ['a', 'b']\n>>> t.append('c')\n>>> t\n['a', 'b', 'c']"))
    assert [p.answer for p in found] == ["['a', 'b', 'c']"]
    assert "t.append('c')" in found[0].questions[0], "the change stands in the question"
    assert shown(">>> t = ['a', 'b']\n>>> t\n['a', 'b']") == {}, "what was typed is no question"


@pytest.mark.parametrize(
    "change", ["del t[0]", "t[0] = 'z'", "t[0:1] = []", "t.pop()", "t += ['z']", "spoil(t)"]
)
def test_a_change_in_place_is_never_left_out_of_the_question(change):
    text = f">>> t = ['a', 'b']\n>>> {change}\n>>> t[0] * 2\n'bb'"
    for found in points(session(text)):
        assert f">>> t = ['a', 'b']\n>>> {change}" in found.questions[0]


def test_what_another_name_may_have_changed_is_not_asked():
    aliased = ">>> a = [1, 2]\n>>> b = a\n>>> b[0] = 42\n>>> a[0] * 2\n84"
    assert shown(aliased) == {}
    apart = aliased.replace("b = a", "b = [1, 2]").replace("84", "2")
    assert shown(apart) == {">>> a[0] * 2": "2"}


def test_a_line_that_failed_changed_nothing():
    text = ">>> t = ('a', 'b')\n>>> t[0] = 'A'\nTypeError: no item assignment\n>>> t[0] * 2\n'aa'"
    [question] = [q for q in asked(points(session(text))) if "'a', 'b'" in q and "* 2" in q][:1]
    assert "= 'A'" not in question


def test_names_may_stand_in_a_session_before_it_and_modules_are_imported():
    found = shown(">>> fruit = 'banana'", ">>> fruit[0] * 2\n'bb'", ">>> math.sqrt(4) / 2\n1.0")
    assert found == {">>> fruit[0] * 2": "'bb'", ">>> math.sqrt(4) / 2": "1.0"}
    imported = points(session(">>> math.sqrt(4) / 2\n1.0"))[0].questions[0]
    assert ">>> import math\n" in imported
    assert shown(">>> y = x + 1\n>>> y * 2\n14") == {}, "x is nowhere"


@pytest.mark.parametrize(
    "text",
    [
        ">>> random.randint(5, 10)\n7",
        ">>> os.path.exists('memo.txt')\nTrue",
        ">>> t = [1]\n>>> r = t.append(2)\n>>> r\nNone",  # Python shows nothing
        ">>> d = dict(b=1, a=2)\n>>> d\n{'a': 2, 'b': 1}",  # once had no order
        ">>> 'a' + 'b'\nab",  # a print of an old book: no value looks so
        ">>> (3 + 4 / 3) / 2\n2.16666666667",  # as Python 2 wrote it
        ">>> math.sqrt(5)\n2.2360679774997898",  # and 2.6
    ],
)
def test_what_shows_something_else_on_another_day_is_not_asked(text):
    assert shown(text) == {}


def test_an_example_answers_for_what_it_calls():
    code = ">>> parts = 'a b'.split()\n>>> parts\n['a', 'b']"
    often = prose("Strings have split, and lists have no split; with split all is easy.")
    found = points(often, prose("Here’s an example that uses split:"), session(code))
    [example] = [p for p in found if p.answer == code]
    assert example.questions[0] == "Can you show me an example of the split method?"
    assert example.answer == code
    for poor in (">>> line.split()\n['a', 'b']", ">>> 'a'.split(1)\nTypeError: must be str"):
        found = points(often, prose("Here’s one that uses split:"), session(poor))
        assert not any("show me an example" in q for q in asked(found))


FUNCTION = "def add_all(t):\n    total = 0\n    for x in t:\n        total += x\n    return total"


def test_a_function_that_the_book_writes_is_a_task_with_its_answer():
    said = prose("For example, the following function takes a list and adds up its elements:")
    [point] = points(said, Block(text=FUNCTION, kind="code"))
    task = "a function that takes a list and adds up its elements"
    assert point.questions[0] == f"How would you write {task}?"
    assert (point.kind, point.answer) == ("procedure", FUNCTION)
    assert points(prose("add_all takes a list and adds it up:"), Block(text=FUNCTION, kind="code"))
    for poor in (FUNCTION.replace("total += x", "total += worth(x)"), "x = [1]", "def f(t): ..."):
        assert points(said, Block(text=poor, kind="code")) == [], "it needs what is not shown"


def test_the_name_of_an_error_is_explained_and_a_condition_asks_for_its_error():
    [point] = points(prose("KeyError: You use a key that the file does not hold. Why is that?"))
    assert point.questions == (
        "What does KeyError mean in Python?",
        "Why do I get KeyError?",
        "What causes KeyError?",
    )
    assert point.answer == "You use a key that the file does not hold."
    [point] = points(prose("If you read a file that is not there, you get an OSError at once."))
    assert "What causes OSError?" in point.questions
    [point] = points(prose("If you divide a number by zero, the interpreter stops at once."))
    assert not any("causes" in q for q in point.questions)


def test_a_way_of_doing_something_is_asked_for_by_its_tool_too():
    code = session(">>> 'a b'.split()\n['a', 'b']")
    text = "To break a string into words, you can use the split method."
    asked_for = asked(points(prose(text), code, prose("The word split is short: split.")))
    assert "How do you break a string into words?" in asked_for
    assert "What can the split method be used for?" in asked_for
    text = "To break a string into words, you can use great care with it all."
    assert not any("great care" in q for q in asked(points(prose(text))))


def test_names_that_the_sentence_itself_brings_up_need_be_no_terms():
    text = "Python provides a built-in function called frob that computes the size of a list."
    assert any("frob" in q for q in asked(points(prose(text))))
    text = "os.path.exists checks whether a file exists on the disk of the computer."
    [point] = points(prose(text))
    assert point.questions[0] == "What does os.path.exists do?"
    assert point.answer == text
    assert points(prose("Frob checks whether a file exists on the disk of a computer.")) == []
