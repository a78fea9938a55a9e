"""The natural part: the book's own exercises are asked, guarded, and counted where they are not."""

import pytest

from engine.corpus import count_exercises, held_back, natural_pairs
from engine.course import SplitPlan, make_passages
from engine.distil import DistilPlan, distil
from engine.exam import verdict_of
from engine.schema import Block, Course, Document, Figure, Section
from engine.steps.exam import add_exercises
from engine.store import Store

TEXT = {
    "en": (
        "A stack is a linear data structure that follows the rule of last in, first out. "
        "A queue is a linear data structure that follows the rule of first in, first out. "
        "An array is a row of equal cells that stand beside each other in memory.",
        "Why can a browser go back with a stack?",
        "The page that was visited last lies on top, so it is taken off first.",
        "What does the figure above show?",
    ),
    "zh": (
        "栈是一种遵循先入后出逻辑的线性数据结构。队列是一种遵循先入先出规则的线性数据结构。"
        "数组是一种将相同类型的元素存储在连续内存空间中的线性数据结构。",
        "浏览器的后退功能为什么可以用栈实现？",
        "最近访问的页面位于栈顶，因此点击后退时最先被取出。",
        "图“栈的操作”中箭头表示什么？",
    ),
}


def a_book(language: str, answered: bool = True) -> Document:
    matter, question, answer, pointing = TEXT[language]

    def task(group: str, asked: str) -> list[Block]:
        blocks = [Block(text=asked, role="exercise", group=group)]
        solution = Block(text=answer, role="solution", group=group)
        return [*blocks, solution] if answered else blocks

    taught = Section(id="s1", title="Stacks", blocks=(Block(text=matter),))
    tasks = Section(id="s2", title="Exercises", blocks=(*task("1", question), *task("2", pointing)))
    return Document(
        id="d", title="Book", filename="b.md", language=language, sections=(taught, tasks)
    )


@pytest.fixture(params=["en", "zh"])
def language(request):
    return request.param


@pytest.fixture
def course(language):
    return Course(id="c", title="C", language=language)


@pytest.fixture
def store(course, language, tmp_path):
    found = Store(f"sqlite:///{tmp_path / 'x.db'}")
    found.add_course(course)
    book = a_book(language)
    found.add_document("c", book)
    found.replace_passages("c", make_passages([book]))
    yield found
    found.close()


def test_what_the_book_asks_and_answers_is_asked_in_its_own_words(course, language):
    [pair] = natural_pairs(course, [a_book(language)])
    assert (pair.question, pair.answer) == TEXT[language][1:3]
    assert (pair.split, pair.part, pair.section) == ("exam", "natural", "s2")
    count = count_exercises(course, [a_book(language)])
    assert (count.found, count.answered, count.asked) == (2, 2, 1), "one points at a figure"


def test_a_book_without_answers_is_counted_and_not_asked(course, language):
    book = a_book(language, answered=False)
    count = count_exercises(course, [book])
    assert natural_pairs(course, [book]) == []
    assert (count.found, count.answered, count.asked) == (2, 0, 0)


def test_a_new_corpus_holds_the_exercises_and_counts_them_apart(store, course):
    result = distil(
        course, DistilPlan(pairs=20, split=SplitPlan(transfer=0)), chat=None, store=store
    )
    natural = [pair for pair in store.pairs("c") if pair.part == "natural"]
    assert len(natural) == 1 and natural[0].status == "proposed"
    assert result.pairs == len(store.pairs("c")) - 1


def test_training_loses_where_it_repeats_an_exercise(course, language):
    [natural] = natural_pairs(course, [a_book(language)])
    trained = natural.model_copy(update={"id": "t", "split": "train", "part": None})
    assert held_back([natural, trained]) == {"t": "exam_question"}


def test_an_old_corpus_gets_the_exercises_but_none_that_was_trained(store, course, language):
    [natural] = natural_pairs(course, [a_book(language)])
    other = natural.model_copy(
        update={"id": "t", "question": "Zygomorph?", "point": "p", "split": "train", "part": None}
    )
    store.put_pairs("c", [other])
    add_exercises(store, course)
    add_exercises(store, course)
    assert [pair.id for pair in store.pairs("c")] == ["t", natural.id]

    store.revise_pairs("c", [natural.model_copy(update={"status": "rejected"})])
    add_exercises(store, course)
    assert store.pairs("c", split="exam")[0].status == "rejected", "what a person rejected stays so"


def test_what_was_trained_on_is_not_asked_of_an_old_corpus(store, course, language):
    [natural] = natural_pairs(course, [a_book(language)])
    same = natural.model_copy(update={"id": "t", "point": "p", "split": "train", "part": None})
    store.put_pairs("c", [same])
    add_exercises(store, course)
    assert [pair.id for pair in store.pairs("c")] == ["t"]


@pytest.mark.parametrize(("n", "said"), [(4, "few"), (5, "better")])
def test_fewer_than_five_questions_give_no_verdict(n, said):
    assert verdict_of(Figure(value=0.9, low=0.8, high=1.0, n=n)) == said
