"""The check of forgetting: code sees whether an answer has the form that was asked for."""

import pytest

from engine.exam.instructions import followed, follows, instructions
from engine.language import table
from engine.llm.scripted import Scripted

RIGHT = {
    "lines": ("a\nb\nc", "a, b, c"),
    "upper": ("THE SEA.", "The sea."),
    "lower": ("the sea.", "The sea."),
    "most_words": ("Big.", "It is big and it is far and blue."),
    "least_words": ("word " * 80, "short"),
    "one_of": (None, "Well, perhaps."),
    "bullets": ("- a\n- b", "a\nb"),
    "numbered": ("1. a\n2. b\n3. c", "- a\n- b\n- c"),
    "json_key": ('{"topic": "x"}', '{"a": 1}'),
    "lacks": ("xyz", "a, b，的"),
    "quoted": ('"A sea."', "A sea."),
    "items": ("a、b、c、d", "a"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_hundred_requests_none_twice(language):
    asked = instructions(language)
    assert len({one.ask for one in asked}) == len(asked) == 100
    assert not {one.ask for one in asked} & set(table(language, "replay")["questions"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_form_is_told_from_another(language):
    for one in instructions(language):
        [(name, value)] = one.must
        right, wrong = RIGHT.get(name, (None, "nothing of the kind"))
        if name == "one_of":
            right = f"{value[0]}."
        elif name in ("starts", "ends"):
            right = f"{value} x" if name == "starts" else f"x {value}"
        elif name == "has":
            right = " x ".join(value)
        assert follows(right, one), (one, right)
        assert not follows(wrong, one), (one, wrong)
        assert not follows("  ", one)


def test_a_fence_around_json_is_no_fault():
    asked = next(i for i in instructions("en") if i.must[0][0] == "json_key")
    assert follows('```json\n{"topic": "sea"}\n```', asked)
    assert not follows("[1]", asked) and not follows("{", asked)


def test_the_figure_counts_what_was_followed():
    marks = followed(Scripted(lambda _: "THE SEA"), "en")
    assert len(marks) == 100 and 5 <= sum(marks) < 30
