"""Going on with a topic, and sentences that are held against what they rest on."""

import pytest

from engine.language import rules
from engine.llm.scripted import Scripted
from engine.schema import Block, Passage
from engine.search import Index
from engine.tutor import Conversation, Material, turn
from engine.tutor.faithful import borne_out, supported
from engine.tutor.followup import understood
from engine.tutor.guide import unsupported
from tests.bench.reversals import KINDS, Planted, plain, rows, turned

TALK = {"en": Conversation(topic="What is a tuple?"), "zh": Conversation(topic="什么是栈？")}


def passage(title, *blocks):
    made = tuple(b if isinstance(b, Block) else Block(text=b) for b in blocks)
    text = "\n\n".join(b.text for b in made)
    name = f"s-{title}"
    return Passage(id=title, document="d", section=name, title=title, text=text, blocks=made)


CODE = Block(text="t = (1, 2)\nt[0] = 3", kind="code", role="code")
EN = (
    passage(
        "Tuples",
        "A tuple is a sequence of values that cannot be changed. Tuples are written in parentheses.",
    ),
    passage("Why", "Tuples cannot be changed because they have to work as keys of a dictionary."),
    passage("Examples", "For example, an assignment to an element of a tuple fails:", CODE),
    passage("Loops", "A loop runs its body again and again until its condition is false."),
)
ZH = (
    passage("栈", "栈是一种遵循先入后出逻辑的线性数据结构。我们把堆叠元素的顶部称为栈顶。"),
    passage("栈的应用", "例如，浏览器的后退操作用栈来实现：每打开一个网页就执行一次入栈。"),
    passage("哈希表", "哈希表通过建立键与值之间的映射，实现高效的元素查询。"),
)


@pytest.fixture(scope="module")
def english():
    return Material(Index.of(EN), "en")


@pytest.fixture(scope="module")
def chinese():
    return Material(Index.of(ZH), "zh")


# ---------------------------------------------------------------------- what is meant


@pytest.mark.parametrize(
    ("language", "message", "move"),
    [
        ("en", "why?", "why"),
        ("en", "but why", "why"),
        ("en", "another example please", "example"),
        ("en", "I don't get it", "simpler"),
        ("en", "explain that again please", "simpler"),
        ("en", "shorter", "shorter"),
        ("en", "in one sentence", "shorter"),
        ("en", "tell me more", "more"),
        ("zh", "为什么呢？", "why"),
        ("zh", "再举个例子", "example"),
        ("zh", "没听懂", "simpler"),
        ("zh", "说人话", "simpler"),
        ("zh", "简短一点", "shorter"),
        ("zh", "一句话总结一下", "shorter"),
        ("zh", "还有吗", "more"),
    ],
)
def test_who_goes_on_says_what_with_and_the_topic_is_kept(language, message, move):
    meant = understood(message, TALK[language], language)
    assert (meant.move, meant.follows) == (move, True)
    assert TALK[language].topic in meant.question
    assert message not in meant.question, "nothing of it is looked for"


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "is it mutable?"),
        ("en", "and for lists?"),
        ("en", "what about an empty one"),
        ("zh", "它和队列有什么区别"),
        ("zh", "那队列呢？"),
        ("zh", "可以修改吗"),
    ],
)
def test_what_points_back_is_asked_of_the_topic(language, message):
    meant = understood(message, TALK[language], language)
    assert meant.follows and meant.move is None
    assert meant.question == f"{TALK[language].topic}\n{message}"


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "What is a dictionary?"),
        ("en", "why are strings immutable?"),
        ("en", "how does a for loop end"),
        ("en", "give me an example of recursion"),
        ("en", "= vs =="),
        ("zh", "什么是哈希表？"),
        ("zh", "二分查找为什么快？"),
        ("zh", "归并排序稳定吗？"),
        ("zh", "请举一个贪心算法的例子"),
    ],
)
def test_a_new_question_follows_nothing(language, message):
    meant = understood(message, TALK[language], language)
    assert (meant.question, meant.follows) == (message, False)


def test_without_a_topic_every_message_is_a_question():
    assert understood("why?", Conversation(), "en").question == "why?"


# ---------------------------------------------------------------------- the talk


def test_why_and_another_example_are_answered_about_the_topic(english):
    talk, first = turn(Conversation(), "What is a tuple?", english)
    assert first.sources[0].title == "Tuples" and talk.topic == "What is a tuple?"
    talk, why = turn(talk, "why?", english)
    assert not why.refused and "because" in why.answer
    talk, example = turn(talk, "an example please", english)
    assert "```\nt = (1, 2)" in example.answer
    assert talk.topic == "What is a tuple?" and len(talk.shown) == 3
    assert len(set(talk.shown)) == 3, "what was shown is not shown again"
    talk, short = turn(talk, "shorter", english)
    assert "\n" not in short.answer and short.answer in " ".join(p.text for p in EN)
    talk, _ = turn(talk, "How does a loop end?", english)
    assert talk.topic == "How does a loop end?" and len(talk.shown) == 1


def test_why_goes_on_in_the_same_place_where_no_other_place_is_about_it():
    long = " ".join(f"Leaves look green because of chlorophyll, case {n}." for n in range(30))
    leaf = passage("Leaves", long)
    last = "It takes up red and blue light and throws the green light back."
    leaf = leaf.model_copy(update={"text": f"{long}\n\n{last}", "blocks": ()})
    leaf = leaf.model_copy(update={"blocks": (Block(text=long), Block(text=last))})
    other = passage("Voting", "A vote is secret because nobody may be pressed.")
    at = Material(index=Index.of([leaf, other]), language="en")
    talk, first = turn(Conversation(), "why do leaves look green", at)
    _, more = turn(talk, "tell me more", at)
    assert more.answer.startswith("The book also says") and more.sources[0].title != "Voting"
    assert more.sources[0].title == "Leaves" and more.sources[0].quote != first.sources[0].quote


def test_a_talk_goes_on_in_chinese(chinese):
    talk, first = turn(Conversation(), "什么是栈？", chinese)
    assert "先入后出" in first.answer
    talk, example = turn(talk, "再举个例子", chinese)
    assert "浏览器" in example.answer and not example.refused
    _, other = turn(talk, "哈希表是什么？", chinese)
    assert "映射" in other.answer


def test_who_has_seen_all_is_told_so(english):
    talk = turn(Conversation(), "What is a tuple?", english)[0]
    everything = tuple(p.text for p in EN)
    talk = talk.model_copy(update={"shown": everything})
    said = turn(talk, "tell me more", english)[1]
    assert said.answer.startswith(rules("en").says("tutor")["no_more"])


@pytest.mark.parametrize(("language", "asked"), [("en", "What is a tuple?"), ("zh", "什么是栈？")])
def test_a_quote_is_followed_by_a_sentence_of_other_places_each_with_its_place(
    language, asked, english, chinese, monkeypatch
):
    monkeypatch.setattr("engine.tutor.explain._NEAR", 99.0)
    at = english if language == "en" else chinese
    talk, said = turn(Conversation(), asked, at)
    texts = rules(language).says("tutor")
    quote, also = said.answer.split(texts["also"])
    lines = also.strip().splitlines()
    assert said.sources[0].quote in quote and len(lines) == 2
    for line, source in zip(lines, said.sources[1:], strict=True):
        assert source.title in line and any(
            part in line for part in (source.quote, source.quote.split("\n")[0])
        )
        assert source.title not in quote
    monkeypatch.setattr("engine.tutor.explain._NEAR", 0.0)
    assert texts["also"] not in turn(Conversation(), asked, at)[1].answer, "only likely places"
    shorter = turn(talk, "shorter please" if language == "en" else "简短一点", at)[1]
    assert texts["also"] not in shorter.answer


def test_a_closed_talk_keeps_its_topic_and_what_was_shown():
    talk = Conversation(
        mode="hint", question="q", step=2, leads=(("a", "b"),), topic="t", shown=("s",),
        said=tuple(map(str, range(12))),
    )  # fmt: skip
    closed = talk.closed()
    assert (closed.topic, closed.shown, closed.mode) == ("t", ("s",), "hint")
    assert not closed.open and closed.step == 0 and closed.leads == ()
    assert closed.said == tuple(map(str, range(4, 12)))


@pytest.mark.parametrize("mode", ["hint", "socratic", "viewpoints"])
def test_after_a_mode_has_answered_why_is_still_about_its_question(english, mode):
    talk, said = turn(Conversation(mode=mode), "What is a tuple?", english)
    for _ in range(6):
        if not talk.open:
            break
        talk, said = turn(talk, "no idea", english)
    assert not talk.open and not said.refused
    assert talk.topic == "What is a tuple?"
    _, why = turn(talk.model_copy(update={"mode": "explain"}), "why?", english)
    assert not why.refused and "uple" in why.answer


# ---------------------------------------------------------------------- borne out or not

TRUE = [
    ("The list has 3 elements.", "The list has 3 elements."),
    ("a list is a sequence of values", "However, a list is a sequence of values."),
    ("A tuple cannot be changed.", "A list can be changed, but a tuple cannot be changed."),
    ("A tuple can't be changed.", "A tuple cannot be changed."),
    ("A list can be changed.", "A list can be changed, but a tuple cannot be changed."),
    ("Only strings can be keys.", "Only strings can be keys."),
    ("栈是先入后出的结构。", "因此，栈是先入后出的结构。"),
    ("数组的长度不可变。", "数组的长度不可变，链表的长度可变。"),
    ("链表的长度可变。", "数组的长度不可变，链表的长度可变。"),
]  # fmt: skip
TURNED = [
    ("The list has 4 elements.", "The list has 3 elements."),
    ("The list has two elements.", "The list has three elements."),
    ("A tuple can be changed.", "A list can be changed, but a tuple cannot be changed."),
    ("A list cannot be changed.", "A list can be changed, but a tuple cannot be changed."),
    ("The term is defined.", "The term is not fully defined."),
    ("Strings can be keys.", "Only strings can be keys."),
    ("Only strings can be keys.", "Strings can be keys."),
    ("All files are closed.", "Some files are closed."),
    ("Both are substrings.", "One of the two is a substring."),
    ("Both words are substrings.", "The first word is a substring."),
    ("A program contains a computer.", "A computer contains a program."),
    ("An object is called a variable.", "A variable refers to an object."),
    ("The points contain different data.", "The points contain the same data."),
    ("It is used before the loop.", "It is used after the loop."),
    ("数组有4个元素。", "数组有3个元素。"),
    ("数组的长度可变。", "数组的长度不可变，链表的长度可变。"),
    ("链表的长度不可变。", "数组的长度不可变，链表的长度可变。"),
    ("只有数组支持随机访问。", "数组支持随机访问。"),
    ("部分元素都被访问。", "所有元素都被访问。"),
    ("哈希值转换为键。", "键转换为哈希值。"),
    ("链表的查询效率更高。", "链表的查询效率更低。"),
]


@pytest.mark.parametrize(("claim", "source"), TRUE)
def test_what_the_source_says_is_borne_out(claim, source):
    assert borne_out(claim, source, "What is a reference?")


@pytest.mark.parametrize(("claim", "source"), TURNED)
def test_what_is_turned_round_is_not(claim, source):
    assert not borne_out(claim, source)


def test_words_of_the_question_need_not_stand_in_the_source():
    source = "It is a sequence of values."
    assert borne_out("A list is a sequence of values.", source, "What is a list?")
    assert not borne_out("A list is a sequence of values.", source, "What is it?")
    assert not borne_out("A list is not a sequence of values.", source, "What is a list not?")


def test_one_wrong_sentence_of_two_is_enough():
    source = "A list can be changed. A tuple is a sequence."
    assert borne_out("A list can be changed. A tuple is a sequence.", source)
    assert not borne_out("A list can be changed. A tuple is not a sequence.", source)


# ---------------------------------------------------------------------- a connected model


def test_an_explanation_is_worded_from_numbered_quotes_and_its_sentences_are_checked(english):
    seen = []
    words = (
        "A tuple is a sequence of values that cannot be changed [1]. Tuples are faster than "
        "lists [1]. Tuples are written in parentheses [9]."
    )
    guide = Scripted(lambda r: seen.append(r) or words)
    pieces: list[str] = []
    at = Material(english.index, "en", guide=guide)
    talk, said = turn(Conversation(), "What is a tuple?", at, pieces.append)
    assert said.answer == words == "".join(pieces) and said.model == guide.model
    assert said.unsupported == (
        "Tuples are faster than lists .", "Tuples are written in parentheses .",
    )  # fmt: skip
    [request] = seen
    told = request.messages[-1].content
    for number, source in enumerate(said.sources, 1):
        assert f"[{number}] {source.title}\n{source.quote}" in told
    assert "What is a tuple?" not in request.messages[0].content
    assert talk.topic == "What is a tuple?"


def test_a_follow_up_reaches_the_model_with_the_talk(english):
    seen = []
    guide = Scripted(lambda r: seen.append(r) or "Tuples cannot be changed [1].")
    at = Material(english.index, "en", guide=guide)
    talk, _ = turn(Conversation(), "What is a tuple?", at)
    turn(talk, "why?", at)
    told = seen[-1].messages[-1].content
    assert "What is a tuple?" in told and "why?" in told
    assert "Tutor: Tuples cannot be changed [1]." in told


def test_citations_are_held_against_what_they_cite():
    quotes = ["A list can be changed.", "元组不能修改。"]
    assert unsupported("A list can be changed [1].", quotes, "") == ()
    assert len(unsupported("A list can be changed [2].", quotes, "")) == 1, "stands elsewhere"
    assert unsupported("A list can be changed.", quotes, "") == (), "nothing cited: any"
    assert unsupported("元组不能修改[2]。", quotes, "") == ()
    assert len(unsupported("元组能修改[2]。", quotes, "")) == 1
    assert len(unsupported("元组不能修改[3]。", quotes, "")) == 1


@pytest.mark.parametrize(
    ("claim", "fits"),
    [
        ("A tuple stays as it was made: its values cannot be changed later.", True),
        ("Tuples hold 5 values that cannot be changed.", False),
        ("A tuple is a sequence of values that can be changed.", False),
        ("Photosynthesis turns light into sugar.", False),
        ("元组创建之后，其中的值就不能再修改了。", True),
        ("元组是可以修改的序列。", False),
        ("光合作用把光变成糖。", False),
    ],
)
def test_a_model_may_word_what_the_passage_says_but_not_turn_it_round(claim, fits):
    source = "A tuple is a sequence of values that cannot be changed once it was made."
    if not claim.isascii():
        source = "元组是创建之后不可以修改的序列，其中的值不能修改。"
    assert supported(claim, source) == fits


# ---------------------------------------------------------------------- the bench


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "However, a string has 2 ends and a list contains only different values."),
        ("zh", "因此，数组有 2 个端点，数组可以只存储不同类型的元素。"),
    ],
)
def test_the_bench_turns_answers_round_and_keeps_true_ones(language, answer):
    import random

    for kind in KINDS:
        claim = turned(answer, kind, language, random.Random(1))
        assert claim and claim != answer
        assert not borne_out(claim, answer)
    assert borne_out(plain(answer, language), answer)
    assert not plain(answer, language).startswith(("However", "因此"))


def test_the_bench_counts_what_is_withheld():
    base = ("A list is long.", "A list is long.", "")
    kept = [Planted("negation", "en", "A list is not long.", *base)]
    kept += [Planted("number", "en", "a list is long", *base)]
    kept += [Planted("true", "en", "a list is long", *base)]
    found = {row["kind"]: (row["n"], row["withheld"].value) for row in rows(kept, "answer")}
    assert found == {
        "negation": (1, 1.0),
        "number": (1, 0.0),
        "all wrong": (2, 0.5),
        "true": (1, 0.0),
    }
