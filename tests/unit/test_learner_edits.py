"""What people change in the concept graph: kept, undone, joined in mastery, cycles refused."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.cli import main
from engine.concepts import (
    Concept,
    Edits,
    Prerequisite,
    connected,
    course_concepts,
    course_edits,
    disconnected,
    hidden,
    merged,
    renamed,
    save_edits,
    separated,
    shown,
    undo_edits,
    with_concept,
)
from engine.concepts.edits import apply_edits, check_edits, path_between
from engine.errors import BadInput
from engine.learner import Event, named_now, path, record, with_met
from engine.schema import Block, Course, Document, Section
from engine.store import Store
from engine.store.own import LearnerStore

FILLER = " It keeps its elements in one place, and programs use it in very many ways every day."


def book(name="d", last="3 Stack machine"):
    def section(number, title, text):
        block = Block(text=text + FILLER * 2)
        return Section(id=f"{name}-{number}", title=title, blocks=(block,))

    sections = (
        section(1, "1 Arrays", "An array is a data structure with numbered cells."),
        section(2, "2 Stack", "A stack is a data structure that can be built on an array."),
        section(3, last, "A stack machine is a computer that works on stacks. A pile is a heap."),
    )
    return Document(id=name, title="B", filename="b.md", language="en", sections=sections)


@pytest.fixture
def store(settings):
    settings.home.mkdir(parents=True)
    found = Store(settings.database)
    found.add_course(Course(id="c", title="C", language="en"))
    found.add_document("c", book())
    yield found
    found.close()


def names(store):
    return [c.name for c in course_concepts(store, "c")]


def edges(store):
    return {(c.name, e.concept) for c in course_concepts(store, "c") for e in c.prerequisites}


def change(store, verb, *words):
    return save_edits(store, "c", verb(course_edits(store, "c"), *words))


def test_a_new_name_is_known_under_the_old_ones(store):
    change(store, renamed, "Stack", "Pile")
    change(store, renamed, "Pile", "Heap")
    assert "Heap" in names(store) and not {"Stack", "Pile"} & set(names(store))
    events = [event(name) for name in ("Stack", "Pile", "Heap", "Arrays")]
    assert [e.concept for e in named_now(store, "c", events)] == ["Heap"] * 3 + ["Arrays"]
    change(store, renamed, "Heap", "Stack")  # and back
    assert [e.concept for e in named_now(store, "c", events)] == ["Stack"] * 3 + ["Arrays"]
    for taken in ("Arrays", "Pile", ""):
        with pytest.raises(BadInput) as error:
            change(store, renamed, "Stack machine", taken)
        assert error.value.code == "concepts.name_taken"


def test_a_concept_written_otherwise_is_the_same(store):
    events = [event(name) for name in ("stack", "Stacks", "stack machines", "poetry")]
    found = [e.concept for e in named_now(store, "c", events)]
    assert found == ["Stack", "Stack", "Stack machine", "poetry"]
    change(store, renamed, "Stack", "Pile")
    assert named_now(store, "c", events)[1].concept == "Pile"
    met = with_met(course_concepts(store, "c"), events[3:], course_edits(store, "c"))
    assert met[-1].name == "poetry"
    hide = change(store, hidden, "Pile") and course_edits(store, "c")
    assert "Pile" not in [c.name for c in with_met([], named_now(store, "c", events), hide)]


def event(concept, number=0):
    return Event(learner="s-1", item=f"{concept}{number}", concept=concept, correct=True, at=number)


def test_joined_concepts_join_their_places_edges_and_answers(store):
    change(store, merged, "Stack machine", "Stack")
    [stack] = [c for c in course_concepts(store, "c") if c.name == "Stack"]
    assert {"d-2", "d-3"} <= set(stack.sections) and stack.quote.startswith("A stack is")
    assert "Stack machine" not in names(store) and ("Stack", "Arrays") in edges(store)
    record(store, "c", [event("Arrays", i) for i in range(4)])
    record(store, "c", [event("Stack machine", i) for i in range(4)])
    taught = {step.concept for step in path(store, "c", "s-1", now=10.0)}
    assert "Stack" not in taught, "answers on the joined concept count for the one that stays"
    change(store, separated, "Stack machine")
    assert "Stack" in {step.concept for step in path(store, "c", "s-1", now=10.0)}


def test_hidden_and_new_concepts_and_edges(store):
    change(store, hidden, "Stack")
    assert "Stack" not in names(store) and all("Stack" not in edge for edge in edges(store))
    change(store, shown, "Stack")
    assert ("Stack", "Arrays") in edges(store)
    change(store, with_concept, store.documents("c"), "Pile", "d-3")
    [pile] = [c for c in course_concepts(store, "c") if c.name == "Pile"]
    assert pile.sections == ("d-3",) and pile.quote.startswith("A pile is")
    change(store, connected, "Pile", "Stack")
    assert ("Pile", "Stack") in edges(store)
    change(store, disconnected, "Stack", "Arrays")
    assert ("Stack", "Arrays") not in edges(store)
    with pytest.raises(BadInput) as error:
        change(store, connected, "Stack", "Pile")
    assert error.value.code == "concepts.cycle" and "Stack → Pile → Stack" in error.value.message
    with pytest.raises(BadInput) as error:
        with_concept(Edits(), store.documents("c"), "Moon", "no such section")
    assert error.value.code == "concepts.section"


def test_undo_goes_back_step_by_step(store):
    before = course_concepts(store, "c")
    change(store, hidden, "Arrays")
    change(store, renamed, "Stack", "Pile")
    assert undo_edits(store, "c") and "Stack" in names(store) and "Arrays" not in names(store)
    assert undo_edits(store, "c") and course_concepts(store, "c") == before
    assert not undo_edits(store, "c")


def test_edits_outlive_a_new_reading_of_the_book(store):
    change(store, renamed, "Stack", "Pile")
    change(store, connected, "Stack machine", "Arrays")
    change(store, with_concept, store.documents("c"), "Heap", "d-2")
    store.remove_document("c", "d")
    store.add_document("c", book("e", last="3 Nothing of the kind"))
    [heap] = [c for c in course_concepts(store, "c") if c.name == "Heap"]
    assert "Pile" in names(store) and heap.sections == ("e-2",), "found again by its title"
    change(store, hidden, "Arrays")  # what the book lost does not stand in the way of new edits
    store.remove_document("c", "e")
    store.add_document("c", book())
    change(store, shown, "Arrays")
    assert ("Stack machine", "Arrays") in edges(store)


def test_a_learner_who_comes_first_sees_the_graph_and_may_not_change_it(settings, store):
    from engine.errors import Forbidden

    hers = LearnerStore(settings.database, ["s-1"])
    assert "Stack" in [c.name for c in course_concepts(hers, "c")]
    with pytest.raises(Forbidden):
        save_edits(hers, "c", Edits(hide=("Stack",)))
    hers.close()


def test_the_command_changes_and_undoes(settings, store, capsys):
    def run(*words):
        status = main(["--home", str(settings.home), "--json", "concepts", "c", *words])
        return status, json.loads(capsys.readouterr().out)

    status, found = run("--rename", "Stack", "Pile")
    assert status == 0 and "Pile" in {row["concept"] for row in found}
    assert "Pile" not in {row["concept"] for row in run("--hide", "Pile")[1]}
    assert "Pile" in {row["concept"] for row in run("--undo")[1]}
    status, found = run("--connect", "Arrays", "Pile")
    assert status == 1 and found["error"]["code"] == "concepts.cycle"
    assert "Heap" in {row["concept"] for row in run("--new", "Heap", "2 Stack")[1]}


NAMES = ["a", "b", "c", "d"]
WORDS = st.sampled_from([*NAMES, "e"])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([renamed, merged, connected, disconnected]), WORDS, WORDS),
        st.tuples(st.sampled_from([hidden, shown, separated]), WORDS),
    ),
    max_size=8,
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_whatever_people_do_the_graph_stays_acyclic_and_its_names_unique(changes):
    graph = [
        Concept(
            name=name,
            sections=("s",),
            prerequisites=tuple(Prerequisite(concept=b, score=0.6) for b in NAMES[:place]),
        )
        for place, name in enumerate(NAMES)
    ]
    edits = Edits()
    for verb, *words in changes:
        try:
            new = verb(edits, *words)
            check_edits(graph, new, edits)
            edits = new
        except BadInput:
            continue
        found = apply_edits(graph, edits)
        shown_names = [c.name for c in found]
        assert len(set(shown_names)) == len(shown_names)
        known = {c.name: {e.concept: e for e in c.prerequisites} for c in found}
        assert all(e in known for edges in known.values() for e in edges)
        assert not any(path_between(known, e, c) for c in known for e in known[c])
