"""What the two screens about learners share: events, tracer, graph, names of reasons."""

import time
from collections.abc import Collection
from typing import Any

import streamlit as st

from engine.classroom import ClassView, class_view
from engine.concepts import Concept, course_concepts
from engine.learner import (
    Event,
    Person,
    State,
    Tracer,
    course_tracer,
    events_of,
    learners_of,
    named_now,
    path,
    states,
)
from engine.levels import FIRM
from pages.shared import session
from pages.shared.i18n import _
from pages.shared.literal import escaped

_LISTED = 300


def version(course_id: str) -> str:
    """What the cached figures are made from."""
    edits: Any = session.store().choice(course_id, "concept_edits", {})
    return f"{session.store().events_version(course_id)} {edits}"


@st.cache_resource(max_entries=64, show_spinner=False)
def _events(course_id: str, version: str, viewer: str) -> list[Event]:
    store = session.store()
    return named_now(store, course_id, events_of(store, course_id))


def events(course_id: str) -> list[Event]:
    return _events(course_id, version(course_id), session.viewer())


@st.cache_resource(max_entries=4, show_spinner=False)
def _tracer(course_id: str, version: tuple[int, str]) -> Tracer:
    return course_tracer(session.whole_store(), course_id)  # parameters, no one's rows


def tracer(course_id: str) -> Tracer:
    store = session.whole_store()
    edits: Any = store.choice(course_id, "concept_edits", {})
    return _tracer(course_id, (store.count_events(course_id), str(edits)))


@st.cache_resource(max_entries=4, show_spinner=False)
def _graph(course_id: str, books: tuple[str, ...], edits: str) -> list[Concept]:
    return course_concepts(session.store(), course_id)


def graph(course_id: str) -> list[Concept]:
    books = tuple(session.store().document_ids(course_id))
    edits: Any = session.store().choice(course_id, "concept_edits", {})
    return _graph(course_id, books, str(edits))


def own_events(course_id: str, me: str) -> list[Event]:
    """One learner's events, oldest first, under the present names of concepts."""
    store = session.store()
    return named_now(store, course_id, events_of(store, course_id, me))


@st.cache_resource(max_entries=16, show_spinner=False)
def _people(course_id: str, version: str, viewer: str) -> list[Person]:
    return learners_of(session.store(), course_id)


def people(course_id: str) -> list[Person]:
    store = session.store()
    version = f"{store.count_events(course_id)} {store.learners_version(course_id)}"
    return _people(course_id, version, session.viewer())


@st.cache_resource(max_entries=16, show_spinner=False)
def _listed(course_id: str, version: str, viewer: str) -> dict[str, str]:
    return {row["pseudonym"]: row["name"] for row in session.store().learners(course_id)}


def anybody(course_id: str) -> bool:
    """Whether the course has a class at all."""
    store = session.store()
    return bool(store.has_events(course_id) or people(course_id))


def names(course_id: str, wanted: Collection[str]) -> dict[str, str]:
    """How to write these learners: by name, where the class list has one."""
    store = session.store()
    known = _listed(course_id, store.learners_version(course_id), session.viewer())
    return {name: known.get(name) or name for name in wanted}


def view(course_id: str) -> ClassView:
    """The class in one value; for teachers, who see everybody."""
    store = session.store()
    edits: Any = store.choice(course_id, "concept_edits", {})
    day = int(time.time() / 86400)
    books = store.document_ids(course_id)
    version = f"{store.class_version(course_id)} {edits} {books} {day}"
    return _view(course_id, version, session.viewer())


@st.cache_resource(max_entries=8, show_spinner=False)
def _view(course_id: str, version: str, viewer: str) -> ClassView:
    return class_view(session.store(), course_id, time.time())


def shown(person: Person) -> str:
    """A learner's name, or the pseudonym where there is none."""
    return person.name or person.pseudonym[:8]


def choose_me(course_id: str) -> str | None:
    """Who sits here: the signed-in learner; else one of the class list, or nobody."""
    if own := session.me():
        return own
    everybody = {person.pseudonym: person for person in people(course_id)}
    if not everybody:
        return None
    if len(everybody) > _LISTED:
        return _typed_me(everybody)
    chosen = st.session_state.get("me")
    st.session_state["pick-me"] = chosen if chosen in everybody else None

    def picked() -> None:
        st.session_state["me"] = st.session_state["pick-me"]

    return st.selectbox(
        _("Learner"),
        list(everybody),
        format_func=lambda name: shown(everybody[name]) if name in everybody else name,
        key="pick-me",
        on_change=picked,
        index=None,
        placeholder=_("Who are you?"),
    )


def _typed_me(everybody: dict[str, Person]) -> str | None:
    """Too many for a list: one types a name or pseudonym."""
    st.session_state.setdefault("type-me", st.session_state.get("me") or "")
    who = st.text_input(_("Learner: name or pseudonym"), key="type-me").strip()
    named = [name for name, person in everybody.items() if who and who in (name, person.name)]
    st.session_state["me"] = named[0] if len(named) == 1 else None
    if who and not named:
        st.caption(_("Nobody of this name is in the class."))
    return st.session_state["me"]


@st.cache_resource(max_entries=64, show_spinner=False)
def _levels(course_id: str, me: str, version: str, viewer: str) -> dict[str, State]:
    own = own_events(course_id, me)
    return states(graph(course_id), own, tracer(course_id), time.time())


def mastery(course_id: str, me: str) -> dict[str, float]:
    """Mastery of the concepts that a learner has met."""
    levels = _levels(course_id, me, version(course_id), session.viewer())
    return {name: state.mastery for name, state in levels.items() if state.answered}


def weak(course_id: str, me: str) -> dict[str, str]:
    """Concepts that a learner has met and is not firm on, weakest first, with their section."""
    homes = {c.name: c.sections[0] for c in graph(course_id) if c.sections}
    titles = session.titles(course_id)
    levels = sorted(mastery(course_id, me).items(), key=lambda row: row[1])
    return {name: titles.get(homes.get(name, ""), "") for name, level in levels if level < FIRM}


def next_step(course_id: str, me: str) -> None:
    """The first step of a learner's path, as a card."""
    books = session.documents(course_id)
    steps = path(
        session.store(),
        course_id,
        me,
        now=time.time(),
        tracer=tracer(course_id),
        documents=books,
    )
    with st.container(border=True):
        st.markdown(f"**{_('My next step')}**")
        if not steps:
            st.write(_("All concepts of this course are mastered."))
            return
        st.text(steps[0].concept)
        st.caption(f"{escaped(steps[0].title)} · " + _("about {n} min", n=steps[0].minutes))


def class_average(course_id: str) -> float | None:
    """Share of right answers over the class, if the teacher lets learners see it."""
    if not session.store().choice(course_id, "show_average", False):
        return None
    return session.whole_store().share_right(course_id)
