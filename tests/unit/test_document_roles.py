"""What blocks are for, in all formats and both languages, and the exercises made of them."""

import pytest

from engine.course import exercises, make_passages, taught_sections
from engine.documents import read_document
from engine.documents.roles import assign, title_role
from engine.documents.tree import Piece, heading
from engine.schema import ASIDE
from engine.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def read(tmp_path, settings, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_document(path, settings)


def roles_of(document, title=None):
    return [
        (block.role, block.text)
        for section in document.sections
        for block in section.blocks
        if title is None or section.title == title
    ]


def role(text, title="Cells", kind="prose"):
    """The role of one block below a heading, with prose around it."""
    pieces = [heading(title, 1), Piece("Cells are small units of life."), Piece(text, kind)]
    return assign([*pieces, Piece("They divide.")])[2].role


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Figure 3.1: State diagram.", "caption"),
        ("Figure 3.1. The Tower of Hanoi puzzle", "caption"),
        ("Figure 6.1 shows what the stack diagram looks like for these calls.", "prose"),
        ("Figures are drawn by hand.", "prose"),
        ("Table 2. Boiling points of water", "caption"),
        ("Tables and chairs have legs", "prose"),
        ("Table tennis is a sport.", "prose"),
        ("图 5-1 栈的入栈与出栈操作", "caption"),
        ("图 5-1 展示了栈的入栈操作，它只在栈顶进行。", "prose"),
        ("表示法很多，下面逐一介绍。", "prose"),
        ("表达式由运算符和操作数组成", "prose"),
        ("图是由顶点和边组成的结构", "prose"),
        ("(credit: modification of work by J. Smith)", "credit"),
        ("Photo credit: NASA", "credit"),
        ("Credit cards are a kind of loan.", "prose"),
        ("图片来源：维基百科", "credit"),
        ("Common error: forgetting the base case.", "warning"),
        ("注意：下标从 0 开始。", "warning"),
        ("$$\nE = mc^2\n$$", "formula"),
        ("Definition 2.3. A group is a set with an operation.", "definition"),
        ("Example 4.1. Let $x = 3$.", "example"),
        ("Example code is in the archive.", "prose"),
        ("As an exercise, write a version that returns a new one.", "exercise"),
        ("作为练习，请写出另一种实现。", "exercise"),
        ("Exercise keeps people fit.", "prose"),
        ("例 3.2 求该数列的和。", "example"),
    ],
)
def test_how_a_text_opens(text, expected):
    assert role(text) == expected


@pytest.mark.parametrize(
    "title, expected",
    [
        ("Glossary", "definition"), ("2.10 Glossary", "definition"), ("Key Terms", "definition"),
        ("术语表", "definition"), ("Exercises", "exercise"), ("3.4 习题", "exercise"),
        ("Review Questions", "exercise"), ("Q & A", "exercise"), ("课后练习", "exercise"),
        ("Answers to Exercises", "solution"), ("参考答案", "solution"),
        ("Learning Objectives", "objective"), ("学习目标", "objective"),
        ("Chapter Summary", "summary"), ("重点回顾", "summary"), ("小结", "summary"),
        ("References", "reference"), ("参考文献", "reference"), ("Common Errors", "warning"),
        ("Solving linear systems", ""), ("Problems of early cities", ""), ("Exercise and health", ""),
        ("Reference counting", ""), ("Solution chemistry", ""), ("Questionnaires", ""),
        ("总结归纳法", ""), ("练习册的历史", ""), ("图与表", ""),
    ],
)  # fmt: skip
def test_titles(title, expected):
    assert title_role(title) == expected


def test_a_title_holds_for_the_sections_below_it_and_ends_with_them():
    pieces = [
        heading("Exercises", 1), heading("Arrays", 2), Piece("Write a program."),
        heading("Lists", 1), Piece("A list is a row of things."),
    ]  # fmt: skip
    assert [p.role for p in assign(pieces) if not p.level] == ["exercise", "prose"]


def test_a_glossary_comes_apart_and_its_broken_lines_together():
    pieces = [
        heading("Glossary", 1),
        Piece("These are the words of this chapter."),
        Piece("low-level language: A language that is easy for a computer to run;"),
        Piece("also called “machine language”."),
        Piece("- token: One basic element.\n- syntax: The rules of a language.", "list"),
    ]
    found = [(p.role, p.text) for p in assign(pieces) if not p.level]
    assert found == [
        ("prose", "These are the words of this chapter."),
        (
            "definition",
            "low-level language: A language that is easy for a computer to run;"
            " also called “machine language”.",
        ),
        ("definition", "token: One basic element."),
        ("definition", "syntax: The rules of a language."),
    ]


def test_glossaries_are_taught_even_below_what_is_not(tmp_path, settings):
    text = (
        "# Plants\n\nPlants grow. " + "They need light and water to do so. " * 8 + "\n\n"
        "# Exercises\n\n1. Why do plants grow?\n\n## Key Terms\n\nroot: A part below the ground.\n\n"
        "leaf: A flat green part.\n"
    )
    document = read(tmp_path, settings, "a.md", text)
    assert [s.title for s in taught_sections([document])] == ["Plants", "Key Terms"]
    passages = "\n".join(p.text for p in make_passages([document]))
    assert "A flat green part" in passages
    assert "Why do plants grow" not in passages


def test_an_epigraph_is_the_text_above_its_attribution_at_a_sections_top():
    motto = [Piece("Simplify, simplify."), Piece("— Henry David Thoreau, Walden (1854)")]
    start = assign([heading("Recursion", 1), *motto, Piece("Reduction is a technique.")])
    assert [p.role for p in start[1:]] == ["epigraph", "epigraph", "prose"]
    chinese = [
        Piece("世上本没有路，走的人多了，也便成了路。——鲁迅《故乡》"),
        Piece("递归是一种方法。"),
    ]
    assert [p.role for p in assign([heading("递归", 1), *chinese])[1:]] == ["epigraph", "prose"]
    middle = [Piece("Reduction is a technique."), Piece("It helps — as in Chess — to think.")]
    assert {p.role for p in assign([heading("R", 1), *middle])[1:]} == {"prose"}


def test_objectives_are_the_list_below_their_opening():
    for opening in ("By the end of this section, you will be able to:", "学完本章后，你将能够："):
        body = [Piece(opening), Piece("- name the parts\n- draw them", "list"), Piece("A cell is.")]
        assert [p.role for p in assign([heading("Cells", 1), *body])[1:]] == [
            "objective", "objective", "prose",
        ]  # fmt: skip


def test_output_is_what_the_text_says_a_program_prints():
    body = [
        Piece("The script"), Piece("print(1)\nx = 2\nprint(x)", "code"),
        Piece("produces the output"), Piece("1\n2", "code"),
        Piece("A session:"), Piece(">>> 1 + 1\n2", "code"),
        Piece("运行结果如下："), Piece("hello", "code"),
        Piece("Here is another:"), Piece("Traceback (most recent call last):\n  File", "code"),
        Piece("The same displays:"), Piece("for i in range(3):\n    print(i)", "code"),
    ]  # fmt: skip
    found = [p.role for p in assign([heading("Scripts", 1), *body]) if p.kind == "code"]
    assert found == ["code", "output", "code", "output", "output", "code"]


def test_the_words_of_a_drawing_go_with_its_caption():
    body = [
        Piece("It is legal to use capitals.", page=3), Piece("message", page=3), Piece("17", page=3),
        Piece("Figure 2.1.: State diagram.", page=3), Piece("n", page=3),
    ]  # fmt: skip
    found = [p.role for p in assign([heading("Names", 1), *body])[1:]]
    assert found == ["prose", "caption", "caption", "caption", "prose"]


# ------------------------------------------------------------------ marks of the formats


NOTES = """# 栈

!!! abstract

    栈如同叠猫猫。

## 操作

栈只在一端操作。

!!! warning

    空栈不能出栈。

!!! question

    给定一个栈，请反转它。

反转时使用另一个栈。

!!! question "顺序是否唯一？"

    不唯一，任意顺序都可以。

## 练习

### 怎样出栈

出栈三次后剩下什么？

??? success "参考答案"

    剩下最先入栈的元素。

    ```python
    stack.pop()
    ```

[LeetCode](https://leetcode.com/x) [题解](https://x.y)
"""


def test_a_quotation_within_the_text_is_no_motto(tmp_path, settings):
    legend = "!!! quote\n\n    Three pillars stood in a temple.\n"
    text = f"# Hanoi\n\nThe puzzle has discs.\n\n{legend}\n# Towers\n\n{legend}\nA tower is high.\n"
    document = read(tmp_path, settings, "a.md", text)
    assert [role for role, _ in roles_of(document)] == ["prose", "prose", "epigraph", "prose"]


def test_mkdocs_boxes(tmp_path, settings):
    document = read(tmp_path, settings, "a.md", NOTES)
    assert roles_of(document) == [
        ("epigraph", "栈如同叠猫猫。"),
        ("prose", "栈只在一端操作。"),
        ("warning", "空栈不能出栈。"),
        ("example", "给定一个栈，请反转它。"),
        ("prose", "反转时使用另一个栈。"),
        ("prose", "顺序是否唯一？"),
        ("prose", "不唯一，任意顺序都可以。"),
        ("exercise", "出栈三次后剩下什么？"),
        ("solution", "剩下最先入栈的元素。"),
        ("solution", "stack.pop()"),
        ("reference", "LeetCode 题解"),
    ]
    (exercise,) = exercises([document])
    assert exercise.question == "出栈三次后剩下什么？"
    assert exercise.answer == "剩下最先入栈的元素。\n\nstack.pop()"
    assert exercise.title == "怎样出栈"


CNXML = """<?xml version="1.0"?>
<document xmlns="http://cnx.rice.edu/cnxml" xmlns:m="http://www.w3.org/1998/Math/MathML" id="d">
<title>Cells</title>
<content>
<note class="learning-objectives"><title>Learning Objectives</title><list id="l"><item>Name the parts.</item></list></note>
<para id="p1">A cell is small, as <link target-id="f1"/> shows; see <link target-id="s1"/>
and <link url="x">this page</link>.</para>
<figure id="f1"><media alt="x"/><caption>A cell. (credit: NASA)</caption></figure>
<example id="e1"><title>A worked case</title><para id="p2">Take an onion.</para></example>
<equation id="q"><m:math><m:mi>v</m:mi><m:mo>=</m:mo><m:mfrac><m:mi>d</m:mi><m:msup><m:mi>t</m:mi>
<m:mn>2</m:mn></m:msup></m:mfrac></m:math></equation>
<section id="s1" class="review-questions"><title>Let us see</title>
<exercise id="x1"><problem><para id="p3">What is a cell?</para></problem>
<solution><para id="p4">The unit of life.</para></solution></exercise>
<exercise id="x2"><problem><para id="p5">Which part holds DNA?</para><list id="l2" list-type="enumerated"
number-style="lower-alpha"><item>wall</item><item>nucleus</item></list></problem></exercise>
</section>
</content>
<glossary><definition id="g1"><term>cell</term><meaning>the smallest unit of life</meaning></definition>
<definition id="g2"><term>wall</term><meaning>a firm layer</meaning></definition></glossary>
</document>"""


def test_cnxml(tmp_path, settings):
    document = read(tmp_path, settings, "index.cnxml", CNXML)
    assert roles_of(document) == [
        ("objective", "- Name the parts."),
        ("prose", "A cell is small, as the figure shows; see “Let us see” and this page."),
        ("caption", "A cell. (credit: NASA)"),
        ("example", "A worked case"),
        ("example", "Take an onion."),
        ("formula", r"$v=\frac{d}{t^2}$"),
        ("exercise", "What is a cell?"),
        ("solution", "The unit of life."),
        ("exercise", "Which part holds DNA?"),
        ("exercise", "1. wall\n2. nucleus"),
        ("definition", "cell: the smallest unit of life"),
        ("definition", "wall: a firm layer"),
    ]
    first, second = exercises([document])
    assert (first.question, first.answer) == ("What is a cell?", "The unit of life.")
    assert second.answer == "" and second.question.startswith("Which part holds DNA?")


HTML = """<html><body><main><h1>Motion</h1>
<blockquote class="epigraph"><p>All is flux.</p></blockquote>
<p>Speed is \\(v = \\frac{d}{t}\\), costs $5.</p>
<div class="admonition warning"><p class="admonition-title">Warning</p><p>Mind the sign.</p></div>
<section data-type="glossary"><h2>Key Terms</h2><dl><dt>speed</dt><dd>distance in a time</dd>
<dt>force</dt><dd>what moves a body</dd></dl></section>
<section class="review-questions"><h2>Check yourself</h2>
<div data-type="exercise"><div data-type="problem"><p>How fast is it?</p></div>
<details><summary>Solution</summary><p>Very fast.</p></details></div></section>
<figure><img src="x"/><figcaption>A car.</figcaption></figure>
</main></body></html>"""


def test_html(tmp_path, settings):
    document = read(tmp_path, settings, "a.html", HTML)
    assert roles_of(document) == [
        ("epigraph", "All is flux."),
        ("prose", "Speed is $v = \\frac{d}{t}$, costs $5."),
        ("warning", "Mind the sign."),
        ("definition", "speed: distance in a time"),
        ("definition", "force: what moves a body"),
        ("exercise", "How fast is it?"),
        ("solution", "Very fast."),
        ("caption", "A car."),
    ]
    (exercise,) = exercises([document])
    assert (exercise.question, exercise.answer) == ("How fast is it?", "Very fast.")


def test_plain_text_and_answer_keys(tmp_path, settings):
    text = (
        "Chapter 1 Heat\n\nHeat flows from hot to cold.\n\n1.1 Exercises\n\n"
        "Exercise 1.1. What is heat? Exercise 1.2. Where does it flow?\n\n"
        "Chapter 2 Light\n\nLight is fast.\n\n2.1 Review questions\n\n"
        "1. What is light?\n2. Which is fastest?\n(a) light\n(b) sound\n\n"
        "2.2 Answers\n\n1. A wave.\n2. light\n\n"
        "Chapter 3 Answers to exercises\n\n1.1 Energy on its way.\n\n1.2 From hot to cold.\n"
    )
    document = read(tmp_path, settings, "book.txt", text)
    found = [
        (e.label, e.question.split("\n")[0], e.answer, e.options) for e in exercises([document])
    ]
    assert found == [
        ("1.1", "What is heat?", "Energy on its way.", ()),
        ("1.2", "Where does it flow?", "From hot to cold.", ()),
        ("1", "What is light?", "A wave.", ()),
        ("2", "Which is fastest?", "light", ("light", "sound")),
    ]


def test_questions_with_answers_in_chinese(tmp_path, settings):
    text = (
        "# 数组\n\n数组是一种结构。\n\n## Q & A\n\n**Q**：数组能变长吗？\n\n不能。\n\n"
        "它的长度是固定的。\n\n**Q**：链表呢？\n\n可以。\n"
    )
    document = read(tmp_path, settings, "a.md", text)
    assert [(e.question, e.answer) for e in exercises([document])] == [
        ("数组能变长吗？", "不能。\n\n它的长度是固定的。"),
        ("链表呢？", "可以。"),
    ]


def test_a_solution_elsewhere_is_no_answer_and_an_introduction_no_question(tmp_path, settings):
    text = (
        "# Loops\n\nA loop repeats.\n\n## Exercises\n\nTry all of these before you go on.\n\n"
        "Exercise 2.1. Write a loop. Solution: http://example.org/loop.py.\n\n"
        "Hint\n\nUse while.\n\nExercise 2.2. Write two.\n"
    )
    document = read(tmp_path, settings, "a.md", text)
    assert [(e.label, e.question, e.answer) for e in exercises([document])] == [
        ("2.1", "Write a loop.", ""),
        ("2.2", "Write two.", ""),
    ]


def test_what_stands_aside_is_in_no_passage(tmp_path, settings):
    document = read(tmp_path, settings, "a.md", NOTES)
    shown = "\n".join(p.text for p in make_passages([document]))
    for given, text in roles_of(document):
        assert (text in shown) == (given not in ASIDE), (given, text)


def test_a_lone_question_with_its_answer_does_not_answer_the_exercises_below():
    body = [
        Piece("Q: Why is a tree green?"),
        Piece("A: It grows."),
        Piece("Prove that T is a tree."),
    ]
    found = [p.role for p in assign([heading("Exercises", 1), *body])[1:]]
    assert found == ["exercise", "solution", "exercise"]
