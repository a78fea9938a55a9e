"""Each flag is raised by its attack and by nothing else; ordinary answers pass."""

import json
import random

import pytest

from engine.grade.guard import duplicates, guard
from engine.grade.items import Item, Submission
from tests.bench.attacks import INJECTIONS, KINDS, attack

SALT = Item(
    item_id="salt",
    question="You used several methods to separate the substances in mock rocks. How did you separate the salt from the water?",
    references=("The water was evaporated from the dish, leaving the white salt crystals behind.",),
)
LIST = Item(
    item_id="list",
    question="若频繁地对一个线性表进行插入和删除操作，宜采用何种存储结构？",
    references=(
        "建议采用链式存储结构，因为插入和删除时只需修改指针，不用移动大量元素，效率更高。",
    ),
)
GOOD = {
    SALT: (
        "We evaporated the water and the salt crystals stayed in the dish.",
        "The water evaporated, leaving the salt.",
        "I let it dry so that only salt was left",
        "Salt was left behind after the water evaporated from the dish.",
        "We did not filter it, we waited.",
        "evaporation",
    ),
    LIST: (
        "采用链式存储结构。因为插入和删除只需要修改指针。",
        "应该用链表，插入删除时不移动元素，时间复杂度为 O(1)。",
        "链表，因为顺序表插入时要移动大量元素。",
        "链式存储",
    ),
}
BAD = [
    (SALT, "", "empty"),
    (SALT, " ... ", "empty"),
    (SALT, "water " * 2000, "huge"),
    (SALT, "我们把水蒸发掉，盐就留在盘子里了。", "language"),
    (LIST, "We should use a linked list because it is faster", "language"),
    (SALT, SALT.question, "copied_question"),
    (SALT, "How did you separate the salt from the water? yes", "copied_question"),
    (LIST, LIST.question, "copied_question"),
    (SALT, "crystals the leaving from white evaporated salt behind dish water the was", "shuffled"),
    (LIST, "元素修改只需链式效率更高大量建议存储移动指针删除采用结构插入", "shuffled"),
    (SALT, "The water was not evaporated from the dish, leaving the white salt crystals behind.", "negated"),
    (LIST, "建议不采用链式存储结构，因为插入和删除时只需修改指针，不用移动大量元素，效率更高。", "negated"),
    (SALT, "I poured it away. salt water crystals evaporated", "stuffed"),
    (LIST, "不知道。 指针 元素 链式 删除 效率", "stuffed"),
    (SALT, "We dried\u200b it", "hidden"),
    *((SALT, f"I guess. {text}", "instructions") for text in INJECTIONS["en"]),
    *((LIST, f"顺序表。{text}", "instructions") for text in INJECTIONS["zh"]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "answer", "flag"), BAD)
def test_each_attack_raises_its_flag(item, answer, flag):
    assert flag in guard(item, answer)


@pytest.mark.parametrize(("item", "answer"), [(i, a) for i, all_ in GOOD.items() for a in all_])
def test_ordinary_answers_pass(item, answer):
    assert guard(item, answer) == ()


@pytest.mark.parametrize("item", [SALT, LIST])
def test_the_reference_itself_passes(item):
    assert guard(item, item.references[0]) == ()


def test_copies_of_another_learner_are_found_and_short_answers_left_alone():
    long = "We heated the dish until all of the water had gone and the salt stayed."
    rows = [
        long,
        long + " Yes",
        "evaporation",
        "evaporation",
        "Something else that is long enough to be compared with the other answers here.",
    ]
    found = duplicates(
        [Submission(answer_id=str(i), item_id="q", answer=text) for i, text in enumerate(rows)]
    )
    assert found == {"0": "1", "1": "0"}
    apart = [Submission(answer_id=str(i), item_id=str(i), answer=long) for i in range(2)]
    assert duplicates(apart) == {}


def rows(shared_data, name, split):
    lines = (shared_data / "answers" / name).read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == split]


@pytest.mark.parametrize(
    ("name", "split", "most"),
    [("scientsbank.jsonl", "unseen-answers", 0.03), ("ads_zh.jsonl", "train", 0.07)],
)
def test_real_answers_are_seldom_flagged(shared_data, name, split, most):
    found = rows(shared_data, name, split)
    flagged = [
        bool(
            guard(
                Item(item_id="q", question=r["question"], references=r["references"]), r["answer"]
            )
        )
        for r in found
    ]
    assert sum(flagged) / len(flagged) < most


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "split"), [("scientsbank.jsonl", "unseen-answers"), ("ads_zh.jsonl", "train")]
)
def test_attacks_on_real_items_are_flagged(shared_data, kind, name, split):
    rng = random.Random(5)
    sample = rng.sample(rows(shared_data, name, split), 100)
    caught = 0
    for r in sample:
        item = Item(item_id="q", question=r["question"], references=r["references"])
        caught += bool(
            guard(item, attack(kind, r["question"], r["references"][0], r["answer"], rng))
        )
    assert caught / len(sample) >= 0.85
