"""The conversation with the tutor: what was asked and answered, with sources and a verdict."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from engine.schema import Evidence, content_id
from engine.steps import Workspace
from engine.tutor import Turn
from pages.shared import session
from pages.shared.failures import safely
from pages.shared.i18n import _
from pages.shared.literal import escaped, spoken, written


@dataclass(frozen=True)
class Exchange:
    """One turn: what the learner wrote (empty: help wanted), what the tutor said.

    ``base`` is the base model's answer where it was asked beside the student.
    """

    question: str
    said: Turn
    base: str | None = None


def show(workspace: Workspace, row: Exchange) -> None:
    """Draw a turn of the conversation."""
    if row.question:
        with st.chat_message("user"):
            st.markdown(written(row.question))
    with st.chat_message("assistant"):
        if row.base is not None:
            left, right = st.columns(2)
            left.caption(_("Student model"))
            left.markdown(spoken(row.said.answer))
            right.caption(_("Base model"))
            right.markdown(spoken(row.base))
        else:
            st.markdown(spoken(row.said.answer))
        if row.said.withheld:
            st.caption(_("The book answers: what the student model said does not agree with it."))
            with st.expander(_("What the student model said"), icon=":material/do_not_disturb_on:"):
                st.markdown(written(row.said.withheld))
        for number, source in enumerate(row.said.sources, 1):
            _source(workspace, number, source)
        if row.said.sources:
            _was_it_right(workspace, row)


def _source(workspace: Workspace, number: int, source: Evidence) -> None:
    """A quote with its place, and the page's image where the book has pages."""
    place = source.title + (", " + _("p. {n}", n=source.page) if source.page else "")
    with st.expander(f"{number} · {escaped(place)}", icon=":material/format_quote:"):
        st.markdown(written(f"“{source.quote}”"))
        pdf = _pdf_of(workspace, source)
        if source.page and pdf:
            image = session.page_png(str(pdf), source.page)
            st.image(image, alt=_("Page {n} of the book", n=source.page))


def _pdf_of(workspace: Workspace, source: Evidence) -> Path | None:
    document = source.section.split("-")[0]
    files = (workspace.folder / "books").glob("*.pdf")
    return next((path for path in files if path.stem.startswith(document)), None)


def _was_it_right(workspace: Workspace, row: Exchange) -> None:
    """Thumbs under an answer; kept with question and answer, without the learner's name."""
    name = "verdict-" + content_id(row.question, row.said.answer)

    def keep() -> None:
        told = {
            "question": row.question,
            "answer": row.said.answer,
            "right": st.session_state[name],
        }
        session.store().choose(workspace.course.id, name, told)

    st.feedback("thumbs", key=name, on_change=safely(keep))
