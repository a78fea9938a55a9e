"""The offline teacher: what it takes from a book, how it asks for it, and what it leaves alone."""

import re

import pytest

from engine.course import SplitPlan
from engine.distil.offline import book_terms, finds_of, taught
from engine.distil.offline.worth import best, worth
from engine.distil.pairs import pairs_of
from engine.distil.points import Point
from engine.gates import grounded
from engine.language import languages, rules
from engine.schema import Block, Document, Section

EN = """A tuple is a sequence of values that cannot be changed.
Strings are useful in patterns because they cannot be changed by accident.
To open a file, you call the function open with its name.
If you divide a number by zero, the interpreter raises an exception.
The difference between a list and a tuple is that a list can be changed.
It is also very fast. As shown in Figure 3, this works."""
ZH = """栈是一种遵循先入后出逻辑的线性数据结构。由于数组的元素连续存放，因此数组的访问速度很快。
为了实现队列，我们可以使用链表。如果哈希表的负载过高，就需要扩容整个表。这很重要。"""
WORDS = "\n".join(f"{w}: A kind of thing." for w in ("tuple", "string", "file", "number", "list"))
ZH_WORDS = "\n".join(
    f"{w}：见上文的说明文字。" for w in ("栈", "数组", "队列", "哈希表", "桶排序", "下表面")
)


def book(*sections: Section, language: str = "en") -> Document:
    return Document(id="d" * 16, title="T", filename="t", language=language, sections=sections)


def points(*blocks: Block, title: str = "Title", words: str = WORDS, language: str = "en"):
    """What is found in a section of these blocks, in a book with this glossary."""
    read = Section(id="s1", title=title, blocks=blocks)
    last = "Glossary" if language == "en" else "术语"
    glossary = Section(id="g", title=last, blocks=(Block(text=words, kind="list"),))
    [(_, found)] = taught([book(read, glossary, language=language)], [read], least=0)
    return found


def asked(found: list[Point]) -> list[str]:
    return [question for point in found for question in point.questions]


def prose(text: str) -> Block:
    return Block(text=text, page=7)


# ---------------------------------------------------------------- sentences


def test_english_forms_are_found_with_verbatim_answers():
    found = points(prose(EN))
    assert {"definition", "cause", "procedure", "fact", "comparison"} == {p.kind for p in found}
    for point in found:
        assert all(e.quote in EN.replace("\n", " ") for e in point.evidence)
        assert grounded(point.answer, EN) == 1.0
        assert point.evidence[0].page == 7
        assert "Figure" not in point.answer
    questions = asked(found)
    assert "What is a tuple?" in questions
    assert "How do you open a file?" in questions


def test_chinese_forms_are_found_with_verbatim_answers():
    found = points(prose(ZH), title="栈与队列", words=ZH_WORDS, language="zh")
    assert {"definition", "cause", "procedure", "fact"} == {p.kind for p in found}
    assert "什么是栈？" in asked(found)
    assert all(e.quote in ZH.replace("\n", "") for p in found for e in p.evidence)


@pytest.mark.parametrize(
    ("sentence", "kind", "question"),
    [
        (
            "A tissue isolation chamber is a box that keeps one tissue apart from others.",
            "definition",
            "What is a tissue isolation chamber?",
        ),
        (
            "与数组不同，队列是先入先出的结构，就像排队一样。",
            "comparison",
            "数组与队列有什么区别？",
        ),
        ("下表面是指物体朝向地面的那一侧，与上表面相对应。", "definition", "什么是下表面？"),
        (
            "You can use a slice to copy a list.",
            "procedure",
            "How do you copy a list?",
        ),
        ("The goal of a file is to keep data after a program ends.", "fact", None),
        ("桶排序的关键在于对数据进行平均分配。", "fact", "桶排序的关键是什么？"),
        ("桶排序适用于处理体量很大的数据。", "fact", "桶排序适用于什么情况？"),
    ],
)
def test_a_subject_is_cut_out_whole(sentence, kind, question):
    chinese = "。" in sentence
    found = points(
        prose(sentence),
        title="标题" if chinese else "Title",
        words=ZH_WORDS if chinese else f"{WORDS}\ntissue isolation chamber: A kind of box.",
        language="zh" if chinese else "en",
    )
    assert found[0].kind == kind
    assert question is None or found[0].questions[0] == question


@pytest.mark.parametrize(
    "text",
    [
        "Gribbles are the best of all the animals that swim here.",  # no term of the course
        "Wheels turn quickly because heavy oil covers all of them.",
        "The list is a very good idea, and it is also very fast.",  # nothing is asked by «is»
        "Lists are useful because we have seen them so far in this chapter.",
        "A file is read by the program above, which opens it first.",
        "The list is sorted because my_list was given to it first.",  # a made-up name
    ],
)
def test_what_is_no_term_or_cannot_stand_alone_is_left_out(text):
    assert points(prose(text)) == []


@pytest.mark.parametrize(
    "text", ["该栈很快，因为它只有一个入口。", "由于上述原因，因此数组的访问速度很快。"]
)
def test_the_same_in_chinese(text):
    assert points(prose(text), title="栈", words=ZH_WORDS, language="zh") == []


def test_a_sentence_that_only_names_takes_the_one_before_it_along():
    text = (
        "A program may walk through a tuple element by element. This process is called traversal."
    )
    [point] = points(prose(text), words=f"{WORDS}\ntraversal: A kind of walk.")
    assert point.answer == text
    assert len(point.evidence) == 2
    assert "traversal" in point.questions[0]
    assert points(prose("It walks. " + text.split(". ")[1]), words=WORDS) == []


def test_no_section_is_summed_up_by_its_first_sentences():
    text = "Files matter to every program in the world. They hold what must last for long."
    assert points(prose(text), title="Files") == []


def test_blocks_that_stand_aside_never_answer():
    for role in ("exercise", "caption", "objective", "reference"):
        block = Block(text="A tuple is a sequence of values that cannot change.", role=role)
        assert points(block) == []
    assert points(Block(text="A tuple is a sequence of values that cannot change."))


# ---------------------------------------------------------------- glossaries and their wordings


@pytest.mark.parametrize(
    ("entry", "use", "question", "statement"),
    [
        (
            "alias: A name that refers to an object that has a name.",
            "An alias is made by a program. You may use an alias for long names.",
            "What is an alias?",
            "An alias is a name that refers to an object that has a name.",
        ),
        (
            "debugging: The process of finding and correcting bugs.",
            "Much time goes into debugging.",
            "What is debugging?",
            "Debugging is the process of finding and correcting bugs.",
        ),
        (
            "parse: To examine a program and analyze its structure.",
            "Parsers parse.",
            "What does it mean to parse something?",
            "“parse” means to examine a program and analyze its structure.",
        ),
        (
            "immutable: The property of a sequence whose items cannot be assigned.",
            "Strings are immutable.",
            "What does “immutable” mean?",
            "“immutable” means the property of a sequence whose items cannot be assigned.",
        ),
    ],
)
def test_a_glossary_is_asked_grammatically_and_stated_truly(entry, use, question, statement):
    filler = "There is more to say about it, and much of it was said elsewhere before. " * 3
    used = Section(id="u", title="Use", blocks=(Block(text=use + " " + filler),))
    glossary = Section(id="g", title="Glossary", blocks=(Block(text=entry), Block(text=filler)))
    [(_, [point])] = taught([book(used, glossary)], [glossary])
    assert point.questions[0] == question
    assert point.answer == entry.split(": ")[1]
    assert statement in point.statements
    assert len(point.statements) == 2, "the definition, and turned round"


def test_a_key_term_box_in_a_chapter_is_a_glossary_too():
    box = Block(text="osmosis: The movement of water through a membrane.", role="definition")
    [point] = points(box)
    assert point.kind == "definition"
    assert "osmosis" in point.questions[0].lower()


def test_of_two_definitions_of_a_term_one_is_asked():
    text = "A tuple is a sequence of values that cannot be changed."
    other = "A tuple is a row of values that are held together by commas."
    read = Section(id="s", title="T", blocks=(prose(text), prose(other)))
    terms = book_terms([book(read)])
    both = list(finds_of(read, terms))
    worthiest = max(both, key=lambda find: worth(find, terms))
    for finds in (both, both[::-1]):
        assert best(finds, terms, least=0) == [worthiest]
    assert len({worth(find, terms) for find in both}) == 2


def test_cause_and_effect_are_stated_both_ways():
    [point] = points(prose("Tuples are safe because no program can change a tuple."))
    assert point.statements == (
        "Tuples are safe because no program can change a tuple.",
        "Because no program can change a tuple, tuples are safe.",
        "The reason that tuples are safe is that no program can change a tuple.",
    )
    pairs = pairs_of(point, "en", SplitPlan(), "extractive")
    assert all(pair.statements == point.statements for pair in pairs)


# ---------------------------------------------------------------- lists, tables, code


def test_a_numbered_list_is_a_procedure_only_where_it_is_announced_as_steps():
    def kind(intro: str) -> str:
        items = "1. Water rises through the stem.\n2. Leaves give off vapour."
        found = points(
            prose(intro), Block(text=items, kind="list"), words="watering: A kind of act."
        )
        return next(p.kind for p in found if p.kind in ("procedure", "enumeration"))

    assert kind("Every watering must follow two steps in summer:") == "procedure"
    assert kind("Any watering may have two reasons in summer:") == "enumeration"


@pytest.mark.parametrize(
    ("intro", "question", "language"),
    [
        (
            "A tuple may contain three kinds of values:",
            "What are the kinds of values that a tuple may contain?",
            "en",
        ),
        (
            "Four conditions make a file grow:",
            "What are the conditions that make a file grow?",
            "en",
        ),
        ("数组存在以下局限性。", "数组有哪些局限性？", "zh"),
        ("四种条件使数组变慢：", "哪些条件使数组变慢？", "zh"),
    ],
)
def test_a_list_is_asked_for_by_what_announces_it(intro, question, language):
    items = {
        "en": "- Numbers take one byte of space each.\n- Words take one byte a letter each.",
        "zh": "- 数组的长度不可变，扩容开销很大。\n- 插入与删除需要移动大量的元素。",
    }[language]
    found = points(
        prose(intro),
        Block(text=items, kind="list"),
        words=ZH_WORDS if language == "zh" else WORDS,
        language=language,
    )
    listed = next(p for p in found if p.kind == "enumeration")
    assert listed.questions[0] == question
    assert len(listed.evidence) == 2


def test_rows_compare_what_heads_the_columns_and_columns_of_meanings_define():
    table = Block(text="Feature | List | Tuple\nLength | may change | is fixed", kind="table")
    [row] = points(table)
    assert row.questions[0] == "How do list and tuple compare in terms of “length”?"
    assert row.answer == "list: may change; tuple: is fixed."
    assert row.evidence[0].quote == "Length | may change | is fixed"
    table = Block(
        text="术语 | 定义\n剪枝（pruning） | 剪枝是避免无意义的搜索路径的方法", kind="table"
    )
    [point] = points(table, title="回溯", words=ZH_WORDS, language="zh")
    assert (point.kind, point.questions[0]) == ("definition", "什么是剪枝？")


SESSION = """>>> n = 17
>>> n + 25
42
>>> len('banana')
6
>>> len('apple')
5
>>> x.unknown()
3
>>> '2' - 1
TypeError: unsupported operand type(s) for -: 'str' and 'int'
>>> 1 + 1
2"""


def test_code_is_asked_for_the_output_that_the_book_shows():
    found = points(Block(text=SESSION, kind="code"))
    answers = {point.questions[0]: point.answer for point in found}
    assert answers == {
        "What does Python show after the last line?\n>>> n = 17\n>>> n + 25": "42",
        "What is the value of `len('banana')` in Python?": "6",
        "What happens when Python runs `'2' - 1`?": SESSION.split("\n")[10],
    }


def test_questions_of_the_book_are_answered_by_the_book():
    found = points(
        prose("Q：为什么数组的元素类型必须相同？"),
        prose("数组通过计算偏移量来获取元素位置。元素长度必须相同。"),
        title="Q & A",
        words=ZH_WORDS,
        language="zh",
    )
    assert found[0].questions == ("为什么数组的元素类型必须相同？",)
    assert found[0].answer.startswith("数组通过计算偏移量")


def test_a_formula_is_asked_for_by_its_name_and_keeps_its_letters():
    found = points(
        prose("This is the formula for magnification."),
        Block(text=r"$M = \frac{I}{A}$"),
        prose("In the formula, $I$ stands for the image and $A$ for the object."),
        words="magnification: A kind of ratio.",
    )
    formula = next(p for p in found if "formula" in p.questions[0])
    assert formula.questions[0] == "What is the formula for magnification?"
    assert formula.answer.startswith("$M = ")
    assert "stands for the image" in formula.answer


def test_a_common_error_is_asked_for_with_its_term():
    text = "A common error is to use a list where a tuple is asked for by the program."
    found = points(prose(text))
    [error] = [p for p in found if "mistake" in p.questions[0]]
    assert error.questions[0] == "Which common mistake is made with “list”?"
    assert error.answer == text


# ---------------------------------------------------------------- what is worth a question


def test_what_the_judge_finds_poor_is_left_out():
    read = Section(id="s", title="T", blocks=(prose(EN),))
    glossary = Section(id="g", title="Glossary", blocks=(Block(text=WORDS, kind="list"),))
    terms = book_terms([book(read, glossary)])
    finds = list(finds_of(read, terms))
    assert best(finds, terms, least=1.1) == []
    assert len(best(finds, terms, least=0.0)) == len(finds) > 2


def test_wordings_hold_no_part_that_nobody_fills_and_repeat_none():
    parts = {"x", "y", "bare", "body", "tool", "error", "topic"}
    for code in languages():
        for name, own in rules(code).table("wordings").items():
            texts = [*own["trained"], *own["held_out"], *own["statements"]]
            assert len(set(texts)) == len(texts), f"{code} {name}"
            assert set(re.findall(r"{(\w+)}", " ".join(texts))) <= parts, f"{code} {name}"
            assert len(own["held_out"]) == 2
