"""What can be quoted, how a question is taken apart, and what the books say to it."""

import numpy as np
import pytest

from engine.quotes import asked, candidates, onward, quotes_of, verdict
from engine.quotes.coverage import ABSENT, COVERED
from engine.quotes.lexicon import Lexicon, lexicon_of
from engine.quotes.rank import LONGEST, joined
from engine.schema import Block, Passage
from engine.search import Index
from engine.text import sentences, words
from engine.tutor import Conversation, Material, turn
from engine.units import LONGEST as LONGEST_UNIT
from engine.units import units_of

TEXTS = {
    "Equality": (
        "The operator == compares two values and gives True where they are the same.",
        "A single = is an assignment: it gives a variable a new value. It compares nothing.",
    ),
    "Division": (
        "The operator / divides two numbers and the result is a float.",
        "The operator // divides and rounds down: it is called floor division.",
    ),
    "Dictionaries": (
        "A dictionary maps keys to values. Each key maps to one value.",
        "To make an empty dictionary you write a pair of braces, {}.",
    ),
    "Iteration": (
        "A loop runs its body again and again. The statement break ends a loop early.",
        "A function is a sequence of statements with a name.",
    ),
    "Mutable": (
        "A string is immutable: no character of it can be changed. A list is mutable.",
        "A tuple is immutable as well, which is why it can be a key of a dictionary.",
    ),
}


def passage(title, *blocks, name=""):
    made = tuple(b if isinstance(b, Block) else Block(text=b) for b in blocks)
    return Passage(
        id=name or title,
        document="d",
        section=f"s-{title}",
        title=title,
        text="\n\n".join(b.text for b in made),
        blocks=made,
        page_start=7,
    )


@pytest.fixture(scope="module")
def index():
    return Index.of([passage(title, *texts) for title, texts in TEXTS.items()])


# ---------------------------------------------------------------------- units


def test_a_paragraph_takes_its_code_and_output_along():
    code = Block(text="print(7 // 2)", kind="code", role="code")
    out = Block(text="3", kind="code", role="output")
    [unit, after] = units_of(passage("T", "Floor division rounds down.", code, out, "Next matter."))
    assert unit.text == "Floor division rounds down.\n\nprint(7 // 2)\n\n3"
    assert unit.shown.count("```") == 4
    assert unit.sentences == ("Floor division rounds down.",)
    assert after.text == after.shown == "Next matter."


def test_what_is_announced_stands_with_its_announcement():
    [unit] = units_of(passage("T", "There are two kinds:", Block(text="one\ntwo", kind="list")))
    assert unit.text == "There are two kinds:\n\none\ntwo"
    apart = units_of(passage("T", "There are two kinds.", Block(text="one\ntwo", kind="list")))
    assert [u.text for u in apart] == ["There are two kinds.", "one\ntwo"]


def test_an_entry_of_a_glossary_stands_alone():
    entry = Block(text="list: A sequence of values.", role="definition")
    code = Block(text="x = [1]", kind="code", role="code")
    assert [u.text for u in units_of(passage("T", entry, code))] == [entry.text, code.text]


def test_a_long_list_is_cut_item_by_item_and_a_short_one_is_not():
    items = [f"item {n} says what can be known about the number {n} here" for n in range(40)]
    long = units_of(passage("T", Block(text="\n".join(items), kind="list")))
    assert [u.text for u in long] == items
    [short] = units_of(passage("T", Block(text="\n".join(items[:3]), kind="list"), name="U"))
    assert short.sentences == tuple(items[:3])


@pytest.mark.parametrize(
    "sentence",
    ["Here the number {n} is told of at some length. ", "这里详细地讲述了编号为{n}的内容。"],
)
def test_a_long_paragraph_is_cut_between_sentences_and_overlaps_by_one(sentence):
    text = "".join(sentence.format(n=n) for n in range(60)).strip()
    units = units_of(passage("T", text, name=text))
    assert len(units) > 2
    for before, after in zip(units, units[1:], strict=False):
        assert before.sentences[-1] == after.sentences[0]
        assert all(part in text for part in after.sentences)
    scale = 1.0 if text.isascii() else 1.6
    assert all(len(words(u.text)) / scale <= LONGEST_UNIT + 12 for u in units)
    language = "en" if text.isascii() else "zh"
    assert sentences(joined(units, language), language) == sentences(text, language)


def test_no_unit_and_no_quote_crosses_a_section(index):
    for title, texts in TEXTS.items():
        own = [u for u in index.units if u.section == f"s-{title}"]
        assert [u.text for u in own] == list(texts)
    for question in ("What is a dictionary?", "What ends a loop?", "= vs ==", "immutable"):
        for quote in quotes_of(candidates(question, index), index, 4):
            assert quote.text in "\n\n".join(TEXTS[quote.title])


# ---------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("question", "language", "marks"),
    [
        ("= vs ==", "en", ("=", "==")),
        ("// vs /", "en", ("//", "/")),
        ("whats {} ??", "en", ("{}",)),
        ("what does % do", "en", ("%",)),
        ("== 和 = 有啥区别", "zh", ("==", "=")),
        ("a well-known path /usr/bin", "en", ()),
    ],
)
def test_the_signs_of_a_question_are_what_it_is_about(question, language, marks):
    assert asked(question, language).symbols == marks


@pytest.mark.parametrize(
    ("question", "title"),
    [("= vs ==", "Equality"), ("// vs /", "Division"), ("whats {} ??", "Dictionaries")],
)
def test_signs_are_found_where_they_are_explained(index, question, title):
    found = candidates(question, index)
    best = quotes_of(found, index)[0]
    assert best.title == title
    assert verdict(found, index) != "absent"


@pytest.mark.parametrize(
    ("question", "language", "want"),
    [
        ("list vs tuple", "en", "compare"),
        ("how come it is empty", "en", "why"),
        ("show me an example of a loop", "en", "example"),
        ("how do i stop a loop", "en", "how"),
        ("whats a dict", "en", "what"),
        ("栈和队列有啥不一样", "zh", "compare"),
        ("为啥要剪枝", "zh", "why"),
        ("举个递归的例子", "zh", "example"),
        ("咋反转链表", "zh", "how"),
        ("啥是哈希表", "zh", "what"),
    ],
)
def test_what_a_question_wants(question, language, want):
    assert asked(question, language).want == want


def test_slips_of_the_pen_are_repaired_and_known_words_left_alone(index):
    lexicon = lexicon_of(index)
    [wrong] = asked("dictionry", "en").terms
    assert wrong not in lexicon.counts
    assert lexicon.repaired(asked("dictionry", "en")).terms == asked("dictionary", "en").terms
    assert lexicon.repaired(asked("immutable", "en")).terms == asked("immutable", "en").terms
    assert lexicon.repaired(asked("zygomorph", "en")).terms == asked("zygomorph", "en").terms
    assert quotes_of(candidates("whats a dictionry", index), index)[0].title == "Dictionaries"


def test_a_rare_word_weighs_more_than_a_frequent_one(index):
    lexicon = Lexicon(index.units, "en")
    assert lexicon.idf("break") > lexicon.idf(asked("value", "en").terms[0])


# ---------------------------------------------------------------------- quotes


@pytest.mark.parametrize("count", [1, 3, 30])
def test_a_quote_is_contiguous_and_repeats_no_sentence(count):
    told = [f"The pump number {n} moves the water of tank {n}." for n in range(count)]
    blocks = [" ".join(told[i : i + 20]) for i in range(0, count, 20)]
    index = Index.of([passage("Pumps", *blocks), passage("Other", "A lid stays shut.")])
    [quote] = quotes_of(candidates("Which water does the pump number 2 move?", index), index)
    spoken = sentences(quote.text, "en")
    assert len(set(spoken)) == len(spoken)
    assert " ".join(spoken) in " ".join(told)
    assert quote.focus in spoken
    assert len(words(quote.text)) <= LONGEST + 12


def test_quotes_of_a_question_are_of_different_sections(index):
    found = quotes_of(candidates("What is immutable?", index), index, 4)
    assert found[0].title == "Mutable"
    assert len({quote.section for quote in found}) == len(found) == 4


def test_an_empty_index_says_nothing():
    empty = Index.of([])
    found = candidates("What is a list?", empty)
    assert quotes_of(found, empty) == []
    assert verdict(found, empty) == "absent"


# ---------------------------------------------------------------------- covered or not


@pytest.mark.parametrize(
    ("sure", "name"),
    [(COVERED, "covered"), (COVERED - 0.01, "doubtful"), (ABSENT, "doubtful"), (0.0, "absent")],
)
def test_the_verdict_has_three_names(index, monkeypatch, sure, name):
    monkeypatch.setattr("engine.quotes.coverage.probability", lambda *_: sure)
    assert verdict(candidates("list", index), index) == name


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        ("en", "I am not sure that the book answers this."),
        ("zh", "我不确定书中是否回答了这个问题。"),
    ],
)
def test_where_it_is_doubtful_the_nearest_is_shown_and_called_that(
    index, monkeypatch, language, opening
):
    monkeypatch.setattr("engine.quotes.coverage.probability", lambda *_: COVERED - 0.1)
    said = turn(Conversation(), "What is a dictionary?", Material(index, language))[1]
    assert said.nearest and not said.refused
    assert said.answer.startswith(opening) and "maps keys to values" in said.answer
    monkeypatch.setattr("engine.quotes.coverage.probability", lambda *_: COVERED)
    sure = turn(Conversation(), "What is a dictionary?", Material(index, language))[1]
    assert not sure.nearest and sure.answer.startswith("A dictionary maps")


def test_the_models_name_only_features_that_there_are(index):
    from engine.quotes.coverage import coverage_features
    from engine.quotes.rank import weights

    found = candidates("What is a dictionary?", index)
    assert set(weights("rank")[0]) <= set(found.rows[0])
    assert set(weights("coverage")[0]) <= set(coverage_features(found, index))
    assert all(np.isfinite(weights(name)[1]).all() for name in ("rank", "coverage"))


def test_a_piece_of_a_chinese_book_full_of_code_is_read_as_chinese():
    told = "栈先入后出。队列先入先出。"
    block = Block(text=told + " print(sorted(list(range(ten)), reverse=true))" * 4)
    own = passage("栈", block).model_copy(update={"language": "zh"})
    assert units_of(own)[0].sentences[:2] == ("栈先入后出。", "队列先入先出。")


def test_what_stands_next_goes_on_where_the_quote_ended_and_stops_with_the_section():
    first = passage("Leaves", "Leaves hold the green pigment.", "It takes up red and blue light.")
    other = passage("Roots", "Roots hold the plant in the soil.", name="R")
    own = Index.of([first, other])
    following = onward("Leaves hold the green pigment.", own)
    assert following is not None and following.text == "It takes up red and blue light."
    assert onward("It takes up red and blue light.", own) is None, "the section ends"
    assert onward("nowhere", own) is None
