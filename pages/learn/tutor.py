from collections.abc import Iterator

import streamlit as st

from engine.schema import Evidence
from engine.search import Hit
from engine.tutor import REFUSAL, answer_stream, covers, sources_of
from pages.shared import session
from pages.shared.frame import heading, lacks
from pages.shared.i18n import _

room = session.room()
course = room.course
stages = session.stages(course.id)
heading(_("Tutor"), _("What do I not understand yet?"))
if stages["corpus"].lacks:
    lacks(stages["corpus"])
    st.stop()
student = session.student(room)
key = f"chat-{course.id}"
turns: list[dict[str, object]] = st.session_state.setdefault(key, [])

with st.container(horizontal=True, vertical_alignment="center"):
    if student is None:
        st.caption(_("No student model yet: the book answers with its own sentences."))
    else:
        compare = st.toggle(_("Show the base model beside it"), key="compare")
        use_book = st.toggle(_("With the book at hand"), key="use-book")
    if turns and st.button(_("New conversation"), icon=":material/restart_alt:"):
        turns.clear()
        st.rerun()
if student is None:
    compare, use_book = False, True


def show_sources(sources: list[Evidence]) -> None:
    for number, source in enumerate(sources, 1):
        place = source.title + (", " + _("p. {n}", n=source.page) if source.page else "")
        with st.expander(f"{number} · {place}", icon=":material/format_quote:"):
            st.markdown("> " + source.quote.replace("\n", "\n> "))
            if source.page and _pdf_of(source):
                st.image(
                    session.page_png(str(_pdf_of(source)), source.page),
                    alt=_("Page {n} of the book", n=source.page),
                )


def _pdf_of(source: Evidence) -> object:
    found = [
        path
        for path in (room.folder / "books").glob("*.pdf")
        if path.stem.startswith(source.section.split("-")[0])
    ]
    return found[0] if found else None


def show(turn: dict[str, object]) -> None:
    with st.chat_message("user"):
        st.text(turn["question"])
    with st.chat_message("assistant"):
        if turn.get("base") is not None:
            left, right = st.columns(2)
            left.caption(_("Student model"))
            left.markdown(turn["answer"])
            right.caption(_("Base model"))
            right.markdown(turn["base"])
        else:
            st.markdown(turn["answer"])
        show_sources(turn["sources"])


def base_stream(question: str, hits: list[Hit]) -> Iterator[str]:
    yield from answer_stream(question, hits, session.base(), course.language, use_book=use_book)


def reply(question: str) -> None:
    """Stream one turn; what came is kept even when the reader goes away."""
    turn: dict[str, object] = {"question": question, "answer": "", "base": None, "sources": []}
    turns.append(turn)
    with st.chat_message("user"):
        st.text(question)
    with st.chat_message("assistant"):
        hits = session.index(course.id).search(question, 4)
        if not covers(hits):
            turn["answer"] = REFUSAL[course.language]
            st.markdown(turn["answer"])
            return
        columns = st.columns(2) if compare else [st.container()]
        if compare:
            columns[0].caption(_("Student model"))
            columns[1].caption(_("Base model"))
        stream = answer_stream(question, hits, student, course.language, use_book=use_book)
        turn["answer"] = columns[0].write_stream(stream)
        if compare:
            turn["base"] = columns[1].write_stream(base_stream(question, hits))
        turn["sources"] = list(sources_of(question, hits))
        show_sources(turn["sources"])


for old in turns:
    show(old)
question = st.chat_input(
    _("Ask about the course"), key=f"ask-{course.id}", max_chars=2000, submit_mode="disable"
)
if question and question.strip():
    reply(question.strip())
elif not turns:
    st.caption(_("For example:"))
    for pair in [p for p in session.pairs(course.id) if p.split == "train"][:120:40]:
        if st.button(pair.question, key=f"try-{pair.id}", icon=":material/lightbulb:"):
            reply(pair.question)
