"""What answers call a concept, under the names that the course's graph has now."""

from __future__ import annotations

from collections.abc import Sequence

from engine.concepts import Concept, Edits, course_edits, of_the_books
from engine.concepts.prerequisites import terms_of
from engine.learner.events import Event
from engine.store import Store


def named_now(store: Store, course: str, events: Sequence[Event]) -> list[Event]:
    """The events under the present names of their concepts: renamed and joined ones included.

    A file of items or answers may write a concept otherwise than the book (``roots`` for *Roots*,
    ``plant cells`` for *plant cell*): equal stems are one concept.
    """
    if not events:
        return []
    edits = course_edits(store, course)
    known = [c.name for c in of_the_books(store, course).concepts] + [new.name for new in edits.new]
    exact = {*known, *edits.rename, *edits.rename.values()}
    stems = {tuple(terms_of(name)): name for name in reversed(known)}
    names = {
        name: edits.now(name if name in exact else stems.get(tuple(terms_of(name)), name))
        for name in {event.concept for event in events}
    }
    return [
        e if names[e.concept] == e.concept else e.model_copy(update={"concept": names[e.concept]})
        for e in events
    ]


def with_met(graph: Sequence[Concept], events: Sequence[Event], edits: Edits) -> list[Concept]:
    """The graph, and after it what answers name and no book of the course does."""
    known = {concept.name for concept in graph} | set(edits.hide)
    met = dict.fromkeys(event.concept for event in events if event.concept not in known)
    return [*graph, *(Concept(name=name, sections=()) for name in met)]
