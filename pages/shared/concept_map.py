"""The concept map: what builds on what and why, and the changes that people make in it."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from engine.concepts import (
    Concept,
    Edits,
    connected,
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
from engine.course import taught_sections
from engine.errors import BadInput
from pages.shared import charts, session
from pages.shared.i18n import _, error_text
from pages.shared.literal import escaped, written

_AROUND = 12
"""Concepts drawn on each side of the chosen one: a map has to be readable."""


def editor(course_id: str) -> None:
    """One concept with what it builds on and why; below, the changes and all concepts."""
    graph = session.knowledge(course_id).graph()
    edits = course_edits(session.store(), course_id)
    if not graph:
        st.info(_("There are no concepts yet: the book names none, or all are hidden."))
        _changes(course_id, None, graph, edits)
        return
    edges = sum(len(concept.prerequisites) for concept in graph)
    st.caption(
        _("{n} concepts and {m} prerequisites, read from the book.", n=len(graph), m=edges)
        + " "
        + _("Your changes stay when the book is read again.")
    )
    concept = _choose(graph)
    st.graphviz_chart(
        neighbours(graph, concept), alt=_("What the concept builds on, and what builds on it")
    )
    _evidence(course_id, concept)
    _changes(course_id, concept, graph, edits)
    with st.expander(_("All concepts"), icon=":material/table_rows:"):
        st.dataframe(_table(course_id, graph), hide_index=True, alt=_("All concepts"))


def _choose(graph: list[Concept]) -> Concept:
    names = [concept.name for concept in graph]
    busiest = max(graph, key=lambda concept: len(concept.prerequisites)).name
    kept = st.session_state.pop("concept-next", None) or st.session_state.get("concept-pick")
    chosen = kept if kept in names else busiest
    st.session_state["concept-pick"] = chosen
    st.selectbox(_("Concept"), names, key="concept-pick")
    return next(c for c in graph if c.name == st.session_state["concept-pick"])


def neighbours(graph: list[Concept], concept: Concept) -> str:
    """The concept in the middle, what it needs on the left, what needs it on the right; in DOT."""
    needs = [edge.concept for edge in concept.prerequisites][:_AROUND]
    needed = [c.name for c in graph if any(e.concept == concept.name for e in c.prerequisites)]
    edges = [(name, concept.name) for name in needs]
    edges += [(concept.name, name) for name in needed[:_AROUND]]
    second = {c.name: c.prerequisites for c in graph if c.name in needs}
    edges += [(e.concept, name) for name, found in second.items() for e in found[:2]]
    lines = [f"{quoted(concept.name)} [fillcolor={quoted('#cfe2ff')}, penwidth=2]"]
    lines += [f"{quoted(a)} -> {quoted(b)}" for a, b in dict.fromkeys(edges)]
    return f"digraph {{ {charts.GRAPH} {'; '.join(lines)} }}"


def quoted(text: str) -> str:
    """A name as DOT writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _evidence(course_id: str, concept: Concept) -> None:
    home = concept.sections[0] if concept.sections else ""
    place = _place(course_id, home, concept.quote)
    st.markdown(f"**{escaped(place)}**" if place else f"**{_('In no section of the book')}**")
    if concept.quote:
        st.markdown(written(concept.quote))
    if not concept.prerequisites:
        st.caption(_("It builds on no other concept of the course."))
        return
    st.markdown(f"**{_('What it builds on, and why')}**")
    for edge in concept.prerequisites:
        with st.container(border=True):
            st.text(f"{edge.concept}: {_reason(edge.reason)}")
            if edge.evidence:
                st.markdown(written(f"“{edge.evidence}”"))
                st.caption(escaped(_place(course_id, home, edge.evidence)))


def _reason(code: str) -> str:
    return {
        "mentioned": _("its section speaks of it, after introducing it"),
        "name": _("its name is built on it"),
        "edited": _("set by hand"),
    }[code]


def _place(course_id: str, section: str, quote: str) -> str:
    """Title and page of the section; the page of the quote where it stands in a block."""
    knowledge = session.knowledge(course_id)
    title = knowledge.titles().get(section, "")
    found = (s for d in knowledge.documents() for s in d.sections if s.id == section)
    own = next(found, None)
    if own is None:
        return title
    page = next((b.page for b in own.blocks if quote and quote in b.text), own.page_start)
    return f"{title} · {_('p. {n}', n=page)}" if page else title


def _table(course_id: str, graph: list[Concept]) -> pd.DataFrame:
    titles = session.knowledge(course_id).titles()
    return pd.DataFrame(
        [
            {
                _("Concept"): concept.name,
                _("Section"): titles.get(concept.sections[0] if concept.sections else "", ""),
                _("Builds on"): ", ".join(edge.concept for edge in concept.prerequisites),
                _("Definition"): concept.quote,
            }
            for concept in graph
        ]
    )


# ---------------------------------------------------------------- changes


def _changes(course_id: str, concept: Concept | None, graph: list[Concept], edits: Edits) -> None:
    with st.container(horizontal=True):
        if concept is not None:
            names = [c.name for c in graph if c.name != concept.name]
            with st.popover(_("Builds on …"), icon=":material/account_tree:"):
                _edges(course_id, concept, names, edits)
            with st.popover(_("Rename"), icon=":material/edit:"):
                _rename(course_id, concept, edits)
            with st.popover(_("Join or hide"), icon=":material/merge:"):
                _join(course_id, concept, names, edits)
        with st.popover(_("New concept"), icon=":material/add:"):
            _new(course_id, edits)
        if edits.hide or edits.merge:
            with st.popover(_("Bring back"), icon=":material/visibility:"):
                _bring_back(course_id, edits)
        if edits != Edits() and st.button(_("Undo"), icon=":material/undo:", key="concept-undo"):
            done = undo_edits(session.store(), course_id)
            session.flash(_("Taken back") if done else _("Nothing to undo"))
            st.rerun()


def _save(course_id: str, change: Callable[[], Edits], show: str | None = None) -> None:
    """Keep a change, or say beside its button why not; ``show`` is the concept to look at then."""
    try:
        save_edits(session.store(), course_id, change())
    except BadInput as error:
        st.error(escaped(error_text(error)), icon=":material/error:")
        return
    session.flash(_("Saved"))
    if show:
        st.session_state["concept-next"] = show
    st.rerun()


def _edges(course_id: str, concept: Concept, names: list[str], edits: Edits) -> None:
    held = [edge.concept for edge in concept.prerequisites]
    free = [name for name in names if name not in held]
    more = st.selectbox(
        _("It also builds on"), free, index=None, key="edge-add", placeholder=_("Choose a concept")
    )
    if st.button(_("Add"), disabled=more is None, key="edge-add-go"):
        _save(course_id, lambda: connected(edits, concept.name, str(more)))
    less = st.selectbox(
        _("It does not build on"),
        held,
        index=None,
        key="edge-drop",
        placeholder=_("Choose a concept"),
    )
    if st.button(_("Remove"), disabled=less is None, key="edge-drop-go"):
        _save(course_id, lambda: disconnected(edits, concept.name, str(less)))


def _rename(course_id: str, concept: Concept, edits: Edits) -> None:
    new = st.text_input(_("New name"), concept.name, key=f"rename-{concept.name}").strip()
    if st.button(_("Rename"), disabled=new in ("", concept.name), key="rename-go"):
        _save(course_id, lambda: renamed(edits, concept.name, new), new)


def _join(course_id: str, concept: Concept, names: list[str], edits: Edits) -> None:
    into = st.selectbox(
        _("It is the same as"),
        names,
        index=None,
        key="merge-into",
        placeholder=_("Choose a concept"),
    )
    st.caption(_("Answers on both count for the one that stays."))
    if st.button(_("Join"), disabled=into is None, key="merge-go"):
        _save(course_id, lambda: merged(edits, concept.name, str(into)), into)
    if st.button(_("Hide “{name}”", name=escaped(concept.name)), key="hide-go"):
        _save(course_id, lambda: hidden(edits, concept.name))


def _new(course_id: str, edits: Edits) -> None:
    books = session.knowledge(course_id).documents()
    titles = session.knowledge(course_id).titles()
    name = st.text_input(_("Name"), key="new-concept").strip()
    places = [section.id for section in taught_sections(books)]
    place = st.selectbox(
        _("Section that teaches it"),
        places,
        format_func=lambda i: titles.get(i, i),
        index=None,
        placeholder=_("Choose a section"),
    )
    if st.button(_("Add"), disabled=not (name and place), key="new-concept-go"):
        _save(course_id, lambda: with_concept(edits, books, name, str(place)), name)


def _bring_back(course_id: str, edits: Edits) -> None:
    kinds = {name: _("hidden") for name in edits.hide}
    kinds |= {name: _("joined to {name}", name=into) for name, into in edits.merge.items()}
    name = st.selectbox(
        _("Concept"), list(kinds), format_func=lambda n: f"{n} ({kinds[n]})", key="back-pick"
    )
    if st.button(_("Bring back"), key="back-go"):
        change = shown if name in edits.hide else separated
        _save(course_id, lambda: change(edits, name), name)
