"""Passages lose nothing and cross no section; the split is fixed by the seed alone."""

from hypothesis import given
from hypothesis import strategies as st

from engine.course import SplitPlan, make_passages, taught_sections, titles
from engine.schema import Block, Document, Section


def book(*sections: Section) -> Document:
    return Document(id="d" * 16, title="T", filename="t.md", language="en", sections=sections)


TEXT = st.text(st.sampled_from("abc .中文。\n"), min_size=1, max_size=2000)


@given(st.lists(st.tuples(TEXT, st.sampled_from(["prose", "code", "list"])), max_size=6))
def test_no_character_is_lost_and_no_section_is_crossed(blocks):
    sections = tuple(
        Section(id=f"s{i}", title=f"S{i}", blocks=(Block(text=text, page=i, kind=kind),))
        for i, (text, kind) in enumerate(blocks)
    )
    passages = make_passages([book(*sections)], target_tokens=40)
    for section in sections:
        own = [p for p in passages if p.section == section.id]
        joined = "".join("".join(p.text for p in own).split())
        assert joined == "".join(section.text.split())
    assert {p.section for p in passages} <= {s.id for s in sections}


def test_long_prose_is_cut_between_sentences():
    text = " ".join(f"Sentence number {i} is here." for i in range(200))
    section = Section(id="s", title="S", blocks=(Block(text=text, page=3),))
    passages = make_passages([book(section)], target_tokens=100)
    assert len(passages) > 5
    assert all(p.text.endswith("is here.") and p.tokens <= 120 for p in passages)
    assert all(p.page_start == 3 for p in passages)


def test_the_split_is_repeatable_and_has_about_the_shares_asked_for():
    plan = SplitPlan(seed=3, transfer=0.1, reworded=0.25, validation=0.1)
    roles = [plan.role(f"point {i}") for i in range(4000)]
    assert roles == [
        SplitPlan(seed=3, reworded=0.25, validation=0.1).role(f"point {i}") for i in range(4000)
    ]
    assert 0.22 < roles.count("reworded") / 4000 < 0.28
    assert 0.08 < roles.count("validation") / 4000 < 0.12
    assert 0.08 < sum(plan.is_transfer(f"s{i}") for i in range(4000)) / 4000 < 0.12
    assert roles != [SplitPlan(seed=4, reworded=0.25).role(f"point {i}") for i in range(4000)]


def test_exercises_indexes_and_what_stands_under_them_are_not_taught():
    words = Block(text="A sentence with quite enough words to teach something to a reader. " * 4)
    sections = (
        Section(id="1", title="1.2 Loops", blocks=(words,)),
        Section(id="2", title="Exercises", blocks=(words,)),
        Section(id="3", title="Part A", parent="2", blocks=(words,)),
        Section(id="4", title="参考文献", blocks=(words,)),
        Section(id="5", title="Empty", blocks=()),
    )
    assert [s.id for s in taught_sections([book(*sections)])] == ["1"]


def test_titles_name_the_chapter():
    sections = (Section(id="a", title="Trees"), Section(id="b", title="Heaps", parent="a", level=2))
    assert titles([book(*sections)])["b"] == "Trees › Heaps"
