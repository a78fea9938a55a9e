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
from pages.shared.literal import escaped, highlighted, spoken, written


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
            with left:
                st.caption(_("Student model"))
                draw(row.said)
            right.caption(_("Base model"))
            right.markdown(spoken(row.base))
        else:
            draw(row.said)
        _doubts(row.said)
        for number, source in enumerate(row.said.sources, 1):
            _source(workspace, number, source)
        if row.said.sources:
            _was_it_right(workspace, row)


def draw(said: Turn) -> None:
    """An answer: prose with the sentence that answers on green, code as code."""
    if not said.answer:
        st.caption(_("Stopped."))
    for number, part in enumerate(said.answer.split("```")):
        if number % 2:
            st.code(part.strip("\n"), language=None)
        elif part.strip():
            st.markdown(highlighted(part.strip(), [said.focus]) if said.focus else spoken(part))


def _doubts(said: Turn) -> None:
    """Who speaks, and what of it the book does not bear out."""
    if said.withheld:
        st.caption(_("The book answers: what the student model said does not agree with it."))
        with st.expander(_("What the student model said"), icon=":material/do_not_disturb_on:"):
            st.markdown(written(said.withheld))
    elif said.model == "book":
        st.caption(_("The book answers, in its own words."))
    elif said.model:
        st.caption(_("Worded by {model}.", model=escaped(said.model)))
    if said.unsupported:
        st.warning(
            _("The cited passages do not bear this out:")
            + "\n\n"
            + "\n".join(f"- {written(sentence)}" for sentence in said.unsupported),
            icon=":material/report:",
        )


def _source(workspace: Workspace, number: int, source: Evidence) -> None:
    """A quote with its place, and the page's image where the book has pages."""
    with st.expander(f"{number} · {escaped(_place(source))}", icon=":material/format_quote:"):
        st.markdown(written(f"“{source.quote}”"))
        _page(workspace, source)


def in_the_book(workspace: Workspace, source: Evidence) -> None:
    """The place of an answer's quote, opened beside the chat with the quote marked."""
    with st.expander(_("In the book"), icon=":material/menu_book:", expanded=True):
        st.caption(escaped(_place(source)))
        if not _page(workspace, source):
            _section(workspace, source)


def _place(source: Evidence) -> str:
    return source.title + (", " + _("p. {n}", n=source.page) if source.page else "")


def _page(workspace: Workspace, source: Evidence) -> bool:
    """The page's image, the quote marked; whether the book has pages."""
    pdf = _pdf_of(workspace, source)
    if not (source.page and pdf):
        return False
    image = session.page_png(str(pdf), source.page, source.quote)
    st.image(image, alt=_("Page {n} of the book", n=source.page))
    return True


def _section(workspace: Workspace, source: Evidence) -> None:
    """The text around a quote in a book without pages, the quote on green."""
    own = [p for p in session.index(workspace.course.id).passages if p.section == source.section]
    near = [p for p in own if any(b.text[:60] in source.quote for b in p.blocks)] or own[:1]
    parts = [part for part in source.quote.split("\n\n") if part.strip()]
    with st.container(height=420):
        for passage in near:
            st.markdown(highlighted(passage.text, parts))


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
