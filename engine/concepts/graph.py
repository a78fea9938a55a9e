"""The concept graph of a stored course: computed once for its books, with the edits that are kept.

Edits are a choice of the course (``concept_edits``); the ones before them stay for *undo*.
"""

from __future__ import annotations

from contextlib import suppress

from engine.concepts.edits import Edits, apply_edits, check_edits
from engine.concepts.extract import Concept, concepts
from engine.errors import Forbidden
from engine.schema import Value, content_id
from engine.store import ResultKind, Store

_VERSION = 3
_CHOICE, _BEFORE = "concept_edits", "concept_edits_before"
_UNDOS = 50


class BookGraph(Value):
    """What the books say: the graph without edits, and sections (id, title) in reading order."""

    concepts: tuple[Concept, ...]
    sections: tuple[tuple[str, str], ...]


BOOK_GRAPH = ResultKind("concepts", BookGraph)


def course_concepts(store: Store, course: str) -> list[Concept]:
    """The course's graph with its saved edits; computed once for the books that it has.

    Raises:
        Missing: there is no such course.
    """
    book = of_the_books(store, course)
    return apply_edits(book.concepts, course_edits(store, course), dict(book.sections))


def course_edits(store: Store, course: str) -> Edits:
    """What people have changed in the course's graph."""
    return Edits.model_validate(store.choice(course, _CHOICE, {}))


def save_edits(store: Store, course: str, edits: Edits) -> list[Concept]:
    """Keep a person's edits (all of them; they replace earlier ones) and return the new graph.

    Raises:
        BadInput: as ``check_edits``; nothing is saved then.
    """
    book, before = of_the_books(store, course), course_edits(store, course)
    check_edits(book.concepts, edits, before)
    if edits != before:
        stack = [*store.choice(course, _BEFORE, []), before.model_dump(mode="json")]
        store.choose(course, _BEFORE, stack[-_UNDOS:])
        store.choose(course, _CHOICE, edits.model_dump(mode="json"))
    return apply_edits(book.concepts, edits, dict(book.sections))


def undo_edits(store: Store, course: str) -> bool:
    """Take the last change back; False where there is none (the last 50 are known)."""
    stack = store.choice(course, _BEFORE, [])
    if not stack:
        return False
    store.choose(course, _CHOICE, stack[-1])
    store.choose(course, _BEFORE, stack[:-1])
    return True


def of_the_books(store: Store, course: str) -> BookGraph:
    """The graph without edits, computed once for the course's books.

    Raises:
        Missing: there is no such course.
    """
    inputs = content_id(_VERSION, store.readings(store.course(course).id))
    known = store.saved(course, BOOK_GRAPH)
    if known and known.inputs == inputs:
        return known.value
    documents = store.documents(course)
    titles = tuple((s.id, s.title) for d in documents for s in d.sections)
    book = BookGraph(concepts=tuple(concepts(documents)), sections=titles)
    with suppress(Forbidden):  # a learner may come first: she sees the graph, others will keep it
        store.save(course, BOOK_GRAPH, book, inputs=inputs)
    return book
