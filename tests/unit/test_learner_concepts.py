"""Prerequisite scores and the concept graph: in range, acyclic, deterministic, editable."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.cli import main
from engine.concepts import (
    Concept,
    Edits,
    Prerequisite,
    concepts,
    course_concepts,
    read_pairs,
    save_edits,
    score_pairs,
)
from engine.concepts.definitions import definitions_of
from engine.concepts.edits import apply_edits, check_edits, path_between
from engine.concepts.prerequisites import Mentions
from engine.documents import read_document
from engine.errors import BadInput
from engine.schema import Block, Course, Document, Section
from engine.store import Store


def section(number, title, text, kind="prose"):
    return Section(id=f"s{number}", title=title, blocks=(Block(text=text, kind=kind),))


FILLER = " It keeps its elements in one place, and programs use it in very many ways every day."
BOOK = Document(
    id="d",
    title="B",
    filename="b.md",
    language="en",
    sections=(
        section(1, "1 Arrays", "An array is a data structure with numbered cells." + FILLER * 2),
        section(
            2, "2 Stack", "A stack is a data structure that can be built on an array." + FILLER * 2
        ),
        section(
            3, "3 Stack machine", "A stack machine is a computer that works on stacks." + FILLER * 2
        ),
    ),
)


def edges(graph):
    return {(c.name, e.concept) for c in graph for e in c.prerequisites}


def is_acyclic(graph):
    known = {c.name: {e.concept: e for e in c.prerequisites} for c in graph}
    return not any(path_between(known, e, c) for c in known for e in known[c])


def test_the_graph_of_a_small_book():
    graph = concepts([BOOK])
    assert [c.name for c in graph][:2] == ["Arrays", "Stack"]
    assert ("Stack", "Arrays") in edges(graph) and ("Stack machine", "Stack") in edges(graph)
    stack = next(c for c in graph if c.name == "Stack")
    assert stack.sections[0] == "s2" and stack.quote.startswith("A stack is")
    assert stack.prerequisites[0].evidence in BOOK.sections[1].text
    assert concepts([BOOK]) == graph and is_acyclic(graph)
    assert concepts([]) == []


def test_definitions_in_two_languages():
    english = section(
        1, "T", "variable: A name that refers to a value of the program.\nx y", "list"
    )
    chinese = section(
        2, "栈", "栈（stack）是一种遵循先入后出逻辑的线性数据结构。我们把堆叠元素的顶部称为“栈顶”。"
    )
    assert [d.term for d in definitions_of(english)] == ["variable"]
    assert [d.term for d in definitions_of(chinese)] == ["栈", "栈顶"]


NAMES = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=5)


@hypothesis_settings(max_examples=100, deadline=None)
@given(automatic=PAIRS, add=PAIRS, remove=PAIRS)
def test_whatever_is_kept_the_graph_stays_acyclic(automatic, add, remove):
    graph = [
        Concept(
            name=name,
            sections=("s",),
            prerequisites=tuple(
                Prerequisite(concept=b, score=0.6)
                for a, b in dict.fromkeys(automatic)
                if a == name and b < a
            ),
        )
        for name in NAMES
    ]
    edits = Edits(add=tuple(add), remove=tuple(remove))
    try:
        check_edits(graph, edits)
    except BadInput as error:
        assert error.code == "concepts.cycle"
        return
    found = apply_edits(graph, edits)
    assert is_acyclic(found) and set(add) <= edges(found)


@pytest.fixture
def store(settings):
    settings.home.mkdir(parents=True)
    found = Store(settings.database)
    found.add_course(Course(id="c", title="C", language="en"))
    found.add_document("c", BOOK)
    yield found
    found.close()


def test_edits_are_kept_and_cycles_refused(store):
    before = course_concepts(store, "c")
    with pytest.raises(BadInput) as error:
        save_edits(store, "c", Edits(add=(("Arrays", "Stack"),)))
    assert error.value.code == "concepts.cycle" and "Arrays → Stack → Arrays" in error.value.message
    assert course_concepts(store, "c") == before
    edits = Edits(add=(("Arrays", "Pile"),), remove=(("Pile", "Arrays"),), rename={"Stack": "Pile"})
    save_edits(store, "c", edits)
    after = edges(course_concepts(store, "c"))
    assert ("Arrays", "Pile") in after and ("Pile", "Arrays") not in after
    for bad, code in (
        (Edits(add=(("Arrays", "Moon"),)), "concepts.unknown"),
        (Edits(rename={"Stack": "Arrays"}), "concepts.name_taken"),
    ):
        with pytest.raises(BadInput) as error:
            save_edits(store, "c", bad)
        assert error.value.code == code


def test_scores_are_in_range_and_do_not_depend_on_the_order():
    pairs = [
        ("Linear algebra", "Algebra"),
        ("Algebra", "Linear algebra"),
        ("Algebra", "Poetry"),
        ("栈", "数组"),
    ]
    scores = score_pairs(pairs)
    assert all(0 < s < 1 for s in scores) and scores[0] > scores[1]
    for mine, other in zip(scores, reversed(score_pairs(pairs[::-1])), strict=True):
        assert mine == pytest.approx(other, abs=1e-5)
    assert score_pairs([]) == []


def test_a_corpus_gives_a_direction():
    names = Mentions([BOOK], ["stack", "array"])
    assert names.refd("stack", "array") > 0 > names.logit("array", "stack")
    alone, read = score_pairs([("stack", "array")]), score_pairs([("stack", "array")], [BOOK])
    assert read > alone


@pytest.mark.parametrize(
    ("text", "code"),
    [("one\n", "pairs.row"), ("concept\tprerequisite\n", "pairs.empty"), ("a\t\n", "pairs.row")],
)
def test_bad_pairs(tmp_path, text, code):
    file = tmp_path / "p.tsv"
    file.write_text(text)
    with pytest.raises(BadInput) as error:
        read_pairs(file)
    assert error.value.code == code


def test_command(tmp_path):
    pairs, out, corpus = tmp_path / "p.tsv", tmp_path / "o.tsv", tmp_path / "b.md"
    pairs.write_text("concept\tprerequisite\tlabel\nStack\tArray\t1\nArray\tStack\t0\n")
    corpus.write_text(
        "# Array\n\nAn array is a row of cells.\n\n# Stack\n\nA stack is built on an array.\n"
    )
    words = [
        "--home",
        str(tmp_path / "h"),
        "prerequisites",
        "--pairs",
        str(pairs),
        "--corpus",
        str(corpus),
    ]
    assert main([*words, "--out", str(out)]) == 0
    lines = [line.split("\t") for line in out.read_text().splitlines()]
    assert lines[0] == ["concept", "prerequisite", "label", "score"]
    assert float(lines[1][3]) > float(lines[2][3])


@pytest.mark.parametrize("folder", ["docs", "en/docs"])
def test_a_real_book_in_two_languages(shared_data, settings, folder):
    settings.home.mkdir(parents=True)
    chapter = shared_data / "books" / "hello_algo_zh_en" / folder / "chapter_stack_and_queue"
    graph = concepts([read_document(chapter, settings)])
    names = {c.name for c in graph}
    assert {"栈", "队列"} <= names or {"Stack", "Queue"} <= {n.title() for n in names}
    assert is_acyclic(graph) and len(graph) < 151 and edges(graph)
