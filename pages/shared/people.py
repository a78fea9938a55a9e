"""What the two screens about learners share: events, tracer, graph, names of reasons."""

from typing import Any

import streamlit as st

from engine.learner import (
    Concept,
    Event,
    Person,
    Tracer,
    course_concepts,
    course_tracer,
    events_of,
    learners_of,
)
from pages.shared import session


def version(course_id: str) -> int:
    """How many events there are: what the cached figures are made from."""
    return session.store().count_events(course_id)


@st.cache_resource(max_entries=4, show_spinner=False)
def _events(course_id: str, version: int) -> list[Event]:
    return events_of(session.store(), course_id)


def events(course_id: str) -> list[Event]:
    return _events(course_id, version(course_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _tracer(course_id: str, version: int) -> Tracer:
    return course_tracer(session.store(), course_id)


def tracer(course_id: str) -> Tracer:
    return _tracer(course_id, version(course_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _graph(course_id: str, books: tuple[str, ...], edits: str) -> list[Concept]:
    return course_concepts(session.store(), course_id)


def graph(course_id: str) -> list[Concept]:
    books = tuple(session.store().document_ids(course_id))
    edits: Any = session.store().choice(course_id, "concept_edits", {})
    return _graph(course_id, books, str(edits))


def people(course_id: str) -> list[Person]:
    return learners_of(session.store(), course_id, events(course_id))


def shown(person: Person) -> str:
    """A learner's name, or the pseudonym where there is none."""
    return person.name or person.pseudonym[:8]
