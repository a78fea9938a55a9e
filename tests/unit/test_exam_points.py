"""Key points in code: what an answer says counts, not how long it is, nor what the question said."""

import pytest

from engine.exam.points import points_met, points_of

ASKED = {
    "en": "Why can a hash table be slow?",
    "zh": "哈希表为什么会变慢？",
}
REFERENCE = {
    "en": "Keys that collide share one bucket. Searching a bucket of 8 entries takes linear time.",
    "zh": "发生冲突的键共用同一个桶。在含有 8 个条目的桶中查找需要线性时间。",
}


def share(language: str, answer: str) -> float:
    return points_met(answer, REFERENCE[language], ASKED[language], language)


@pytest.mark.parametrize(
    ("language", "answer", "expected"),
    [
        ("en", REFERENCE["en"], 1.0),
        ("en", "Colliding keys all share a bucket.", 0.5),
        ("en", "A hash table can be slow, a slow hash table.", 0.0),
        ("en", "Keys that collide never share one bucket.", 0.0),
        ("en", "Searching a bucket of 9 entries takes linear time.", 0.0),
        ("en", "", 0.0),
        ("zh", REFERENCE["zh"], 1.0),
        ("zh", "冲突的键会共用一个桶。", 0.5),
        ("zh", "哈希表为什么会变慢？哈希表变慢。", 0.0),
        ("zh", "发生冲突的键不共用同一个桶。", 0.0),
        ("zh", "在含有 9 个条目的桶中查找需要线性时间。", 0.0),
        ("zh", "", 0.0),
    ],
)
def test_a_point_counts_where_its_words_numbers_and_negation_are_there(language, answer, expected):
    assert share(language, answer) == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_list_is_a_point_an_entry(language):
    rows = {
        "en": "1. push adds an element\n2. pop removes the top",
        "zh": "1. 入栈添加元素\n2. 出栈删除栈顶",
    }
    assert len(points_of(rows[language], "?", language)) == 2


def test_an_answer_of_one_word_is_its_own_point():
    assert points_met("It is 42.", "42", "What is 6 times 7?", "en") == 1.0
    assert points_met("It is 43.", "42", "What is 6 times 7?", "en") == 0.0
