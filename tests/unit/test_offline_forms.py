"""The offline teacher's sentence forms, and what it leaves alone because it hangs on the unsaid."""

import pytest

from engine.distil.offline import book_terms, finds_of
from engine.distil.offline.place import place_of
from engine.distil.offline.worth import features
from engine.schema import Block, Section
from tests.unit.test_offline import WORDS, ZH_WORDS, asked, book, points, prose

MORE = f"{ZH_WORDS}\n" + "\n".join(
    f"{w}：见上文的说明文字。" for w in ("链表", "无向图", "高度", "深度", "计数排序", "归并排序")
)


def found_in(text: str) -> list[str]:
    chinese = "。" in text
    title = "标题" if chinese else "Title"
    return asked(
        points(
            prose(text),
            title=title,
            words=MORE if chinese else WORDS,
            language="zh" if chinese else "en",
        )
    )


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Tuples are often used to hold what belongs to one thing.", "When do you use tuples?"),
        (
            "If you know the number of the line you want, you can use a tuple.",
            "When do you use a tuple?",
        ),
        ("“LIFO” stands for “last in, first out” in many books.", "What does LIFO stand for?"),
        (
            "A tuple is faster than a list, but no program can change a tuple.",
            "How do a tuple and a list compare?",
        ),
        (
            "Before you can read a file, you have to open it by its name.",
            "What do you have to do before you can read a file?",
        ),
        (
            "A tuple is similar to a list, but its values cannot be changed.",
            "What is the difference between a tuple and a list?",
        ),
        (
            "Tuples cannot be changed, so any program can share a tuple with others.",
            "Explain why any program can share a tuple with others.",
        ),
        (
            "Because tuples are immutable, they don’t provide methods that sort a list.",
            "Explain why tuples don’t provide methods that sort a list.",
        ),
        (
            "One of the benefits of a tuple is that no program can change it.",
            "What is the benefit of a tuple?",
        ),
        ("无向图常出现于社交网络的好友关系当中。", "无向图常出现在什么情况下？"),
        ("队列具有先入先出的性质，与现实中的排队一致。", "队列有什么特点？"),
        ("在无向图中，边表示两个顶点之间的双向连接关系。", "无向图有什么特点？"),
        ("链表由若干个节点、一个头指针和一个尾指针组成。", "链表由哪些部分组成？"),
        ("节点的深度（depth）：从根节点到该节点所经过的边的数量。", None),
        ("二叉树的高度（height）：从根节点到叶节点所经过的边的数量。", "什么是二叉树的高度？"),
    ],
)
def test_a_form_asks_for_what_its_sentence_says(sentence, question):
    found = found_in(sentence)
    assert (question in found) if question else not found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("If you omit the second index, the list begins with its first number.", False),
        ("If you omit the second index of a list, Python goes on to its end.", True),
        ("If you provide any other list, you get an error from the interpreter.", False),
        ("To end the list, you have to type a bracket and press a key.", False),
        ("To end a list, you have to type a bracket and press a key.", True),
        ("To copy a list and sort the list, you can use a slice and a method.", True),
        ("Since lists are long, it is often useful to make a copy of some.", False),
        ("与数组的元素不同，链表的元素很少。", False),  # half a thing is compared with half
        ("相较于桶排序，计数排序效率更高，实现也很简单。", False),  # «计数排序效率» is cut, no term
        ("相比于桶排序，计数排序适用于数据范围较小的情况。", True),
        ("桶排序是分治策略的一个典型应用，效率很高。", False),  # sorts it, and defines nothing
        ("如果待插入节点在队列中已存在，则不执行插入。", False),
    ],
)
def test_what_hangs_on_the_unsaid_is_not_asked(text, kept):
    assert bool(found_in(text)) is kept


def test_what_was_brought_up_is_said():
    section = Section(id="s", title="T", blocks=(prose("Lists."),))
    place = place_of(section, book_terms([book(section)]))
    unsaid = {
        "you read the file": 1,
        "you read a file and close the file": 0,
        "a file has lines and it has a name": 0,
        "it has a name": 1,
        "you call the split method at the end of a line": 0,
        "the end of the list": 1,
    }
    assert {text: place.unsaid(text) for text in unsaid} == unsaid


def test_the_judge_sees_what_an_answer_leaves_unsaid():
    def hanging(text: str) -> float:
        section = Section(id="s", title="T", blocks=(prose(text),))
        glossary = Section(id="g", title="Glossary", blocks=(Block(text=WORDS, kind="list"),))
        terms = book_terms([book(section, glossary)])
        [find] = finds_of(section, terms)
        return features(find, terms)["definite words in the answer"]

    assert hanging("If you divide a number by zero, the program jumps over the clause.") == 2
    assert hanging("If you divide a number by zero, the interpreter ends the number.") == 0


def test_a_trait_belongs_to_the_nearest_title_that_is_a_word_of_the_course():
    trait = Block(text="- 时间复杂度为 $O(n)$，因为每个元素只被访问一次。", kind="list")
    whole = "归并排序很稳定。归并排序很常用。归并排序需要辅助数组。"
    sections = [
        Section(id="1", title="排序", blocks=(prose("排序的算法特性有很多种。" * 4),)),
        Section(id="2", title="归并排序", parent="1", blocks=(prose(whole),)),
        Section(id="3", title="算法特性", parent="2", blocks=(trait,)),
        *(Section(id=f"x{i}", title="算法特性", parent="1") for i in range(3)),
        Section(id="4", title="三步走的操作", parent="2", blocks=(prose("略。"),)),
    ]
    chapters = book_terms([book(*sections, language="zh")]).chapters
    assert (chapters["3"], chapters["4"]) == ("归并排序", "归并排序")
    assert chapters["1"] == "排序"


def test_what_says_a_members_name_again_is_left_out():
    head = "方法名 | 描述\n"
    rows = "frob() | 判断栈是否为空\npush() | 将新的元素添加至栈顶，成为栈的最后一个元素"
    table = Block(text=head + rows, kind="table")
    found = asked(points(table, prose("栈很有用。" * 4), title="栈", words=MORE, language="zh"))
    assert any("push" in q for q in found)
    assert not any("frob" in q for q in found)


def test_an_entry_of_a_glossary_that_runs_on_is_two():
    text = "alias: A name for an object that has one. slice: A part of a string or a list."
    glossary = Block(text=text, kind="prose", role="definition")
    answers = {point.answer for point in points(glossary)}
    assert answers == {"A name for an object that has one.", "A part of a string or a list."}
