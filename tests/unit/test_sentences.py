"""Sentences of a paragraph: where they end, and that nothing of the text is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import sentences

QUOTED = "Print, “Holy smokes, Fermat was wrong!” Otherwise print nothing."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (QUOTED, ["Print, “Holy smokes, Fermat was wrong!”", "Otherwise print nothing."]),
        (
            "Leaves are green (most of them.) Roots are not.",
            ["Leaves are green (most of them.)", "Roots are not."],
        ),
        ("It is 10 times longer than B. But not for n = 100.", 2),
        ("The loop goes on while n != 1, see http://a.org/w?v=k4 or e.g. Fig. 3 of it.", 1),
        ("Scripts have names that end with .py.", 1),
    ],
)
def test_english(text, found):
    split = sentences(text, "en")
    assert split == found if isinstance(found, list) else len(split) == found


def test_chinese_formulas_stay_whole():
    text = "剪枝将搜索空间从 $O(n^n)$ 减小至 $O(n!)$。步骤 3. 就失效了。"
    assert sentences(text, "zh") == [
        "剪枝将搜索空间从 $O(n^n)$ 减小至 $O(n!)$。",
        "步骤 3. 就失效了。",
    ]


@given(st.text(alphabet='aA1 .!?"”’)“(。；中', max_size=60), st.sampled_from(["en", "zh"]))
def test_no_character_is_lost(text, language):
    assert "".join("".join(sentences(text, language)).split()) == "".join(text.split())
