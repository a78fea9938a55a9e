"""What a class should be taught again: the weakest concepts, where they stand, and questions."""

import csv
import io

import streamlit as st

from engine.concepts import Concept
from engine.levels import FIRM, NEAR
from engine.tutor import Quiz, reteach_set
from pages.shared import charts, session
from pages.shared.concept_map import quoted
from pages.shared.i18n import _
from pages.shared.literal import escaped

_SHOWN = 25


def card(course_id: str, levels: dict[str, float]) -> None:
    """The primary button of *Students*: a set of questions, to read here and to take away."""
    if not levels:
        return
    if st.button(_("Make a reteach set"), type="primary", icon=":material/replay:"):
        pairs = session.training_pairs(course_id)
        graph = session.knowledge(course_id).graph()
        st.session_state["reteach"] = reteach_set(pairs, graph, levels)
    found: list[Quiz] | None = st.session_state.get("reteach")
    if found is None:
        return
    if not found:
        st.info(_("There is no question of the corpus on these concepts yet."))
        return
    titles = session.knowledge(course_id).titles()
    for concept in dict.fromkeys(quiz.concept for quiz in found):
        own = [quiz.pair for quiz in found if quiz.concept == concept]
        mean = f"{100 * levels[concept]:.0f}"
        st.markdown(f"**{escaped(concept)}** · " + _("class mastery {n} %", n=mean))
        st.caption(_("Read again: {title}", title=escaped(titles.get(own[0].section, ""))))
        for pair in own:
            st.markdown(f"- {escaped(pair.question)}")
    st.download_button(
        _("Download as items (CSV)"),
        as_items(found),
        file_name="reteach.csv",
        on_click="ignore",
        icon=":material/download:",
    )


def as_items(found: list[Quiz]) -> str:
    """The set as items that *Assignments* and ``coursewright grade`` read."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("item_id", "question", "references"))
    for quiz in found:
        rows.writerow((quiz.pair.point, quiz.pair.question, quiz.pair.answer.replace("|", "/")))
    return text.getvalue()


def graph(concepts: list[Concept], levels: dict[str, float]) -> str:
    """The weakest concepts with what they need, in DOT; the fill says the class's mastery."""
    weak = sorted(levels, key=lambda name: levels[name])[:_SHOWN]
    edges = [
        (edge.concept, concept.name)
        for concept in concepts
        if concept.name in weak
        for edge in concept.prerequisites[:2]
    ]
    names = list(dict.fromkeys([*weak, *(a for a, _b in edges)]))
    lines = [f"{quoted(n)} [fillcolor={quoted(_colour(levels.get(n)))}]" for n in names]
    lines += [f"{quoted(a)} -> {quoted(b)}" for a, b in edges]
    return f"digraph {{ {charts.GRAPH} {'; '.join(lines)} }}"


def _colour(level: float | None) -> str:
    if level is None:
        return "#eeeeee"
    return "#f4c7c3" if level < NEAR else "#fce8b2" if level < FIRM else "#b7e1cd"
