import streamlit as st

from engine.errors import TeacherError
from engine.schema import Evidence, content_id
from engine.tutor import MODES, Material, Talk, answer_stream, turn
from pages.learn.parts import quiz
from pages.shared import people, session
from pages.shared.frame import heading, lacks
from pages.shared.i18n import _, error_text
from pages.shared.literal import escaped, spoken

workspace = session.workspace()
course = workspace.course
stages = session.stages(course.id)
heading(_("Tutor"), _("What do I not understand yet?"))
if stages["corpus"].lacks:
    lacks(stages["corpus"])
    st.stop()
student = session.student(workspace)
guide = session.guide(workspace)
turns: list[dict[str, object]] = st.session_state.setdefault(f"chat-{course.id}", [])
TALK = f"talk-{course.id}"
NAMES = {
    "explain": _("Explain"),
    "hint": _("Hint first"),
    "socratic": _("Ask me back"),
    "viewpoints": _("Several views"),
}
me = people.choose_me(course.id)
mode = st.segmented_control(
    _("How"), MODES, format_func=NAMES.get, default="explain", required=True, key="tutor-mode"
)
with st.container(horizontal=True, vertical_alignment="center"):
    compare = use_book = False
    if student is None:
        use_book = True
        st.caption(_("No student model yet: the book answers with its own sentences."))
    elif mode == "explain":
        compare = st.toggle(_("Show the base model beside it"), key="compare")
        use_book = st.toggle(_("With the book at hand"), key="use-book")
    if turns and st.button(_("New conversation"), icon=":material/restart_alt:"):
        turns.clear()
        st.session_state.pop(TALK, None)
        st.rerun()
talk: Talk = st.session_state.get(TALK) or Talk(mode=mode)
if talk.mode != mode or not talk.open:
    talk = Talk(mode=mode)


def show_sources(sources: list[Evidence]) -> None:
    for number, source in enumerate(sources, 1):
        place = source.title + (", " + _("p. {n}", n=source.page) if source.page else "")
        with st.expander(f"{number} · {escaped(place)}", icon=":material/format_quote:"):
            st.text(f"“{source.quote}”")
            if source.page and _pdf_of(source):
                st.image(
                    session.page_png(str(_pdf_of(source)), source.page),
                    alt=_("Page {n} of the book", n=source.page),
                )


def _pdf_of(source: Evidence) -> object:
    found = [
        path
        for path in (workspace.folder / "books").glob("*.pdf")
        if path.stem.startswith(source.section.split("-")[0])
    ]
    return found[0] if found else None


def show(row: dict[str, object]) -> None:
    if row["question"]:
        with st.chat_message("user"):
            st.text(row["question"])
    with st.chat_message("assistant"):
        if row.get("base") is not None:
            left, right = st.columns(2)
            left.caption(_("Student model"))
            left.markdown(spoken(row["answer"]))
            right.caption(_("Base model"))
            right.markdown(spoken(row["base"]))
        else:
            st.markdown(spoken(row["answer"]))
        if row.get("withheld"):
            st.caption(_("The book answers: what the student model said does not agree with it."))
            with st.expander(_("What the student model said"), icon=":material/do_not_disturb_on:"):
                st.text(row["withheld"])
        show_sources(row["sources"])
        if row.get("sources"):
            _was_it_right(row)


def _was_it_right(row: dict[str, object]) -> None:
    """Thumbs under an answer; kept with question and answer, without the learner's name."""
    name = "verdict-" + content_id(row["question"], row["answer"])

    def keep() -> None:
        told = {
            "question": row["question"],
            "answer": row["answer"],
            "right": st.session_state[name],
        }
        session.store().choose(course.id, name, told)

    st.feedback("thumbs", key=name, on_change=keep)


def reply(message: str) -> None:
    """One turn; what came is kept even when the reader goes away."""
    row: dict[str, object] = {"question": message, "answer": "", "base": None, "sources": []}
    turns.append(row)
    if message:
        with st.chat_message("user"):
            st.text(message)
    at = Material(
        index=session.index(course.id),
        language=course.language,
        pairs=session.training_pairs(course.id),
        chat=student,
        guide=guide,
        use_book=use_book,
        prompt=session.prompt(course),
        weak=people.weak(course.id, me) if me else {},
    )
    with st.chat_message("assistant"):
        columns = st.columns(2) if compare else [st.container()]
        if compare:
            columns[0].caption(_("Student model"))
            columns[1].caption(_("Base model"))
        box = columns[0].empty()

        def on_text(piece: str) -> None:
            row["answer"] = f"{row['answer']}{piece}"
            box.markdown(spoken(str(row["answer"])))

        with st.spinner(_("Looking it up in the book …")):
            try:
                st.session_state[TALK], said = turn(talk, message, at, on_text)
            except TeacherError as error:
                turns.remove(row)
                st.error(escaped(error_text(error)), icon=":material/error:")
                return
        row["answer"], row["sources"] = said.answer, list(said.sources)
        row["withheld"] = said.withheld
        if compare and not said.refused:
            hits = at.index.search(message, 4)
            stream = answer_stream(
                message,
                hits,
                session.base(),
                course.language,
                use_book=use_book,
                prompt=session.prompt(course),
            )
            other, words = columns[1].empty(), ""
            for piece in stream:
                words += piece
                other.markdown(spoken(words))
            row["base"] = words
    st.rerun()


asked = st.chat_input(  # outside the columns, so that it stays at the bottom of the window
    _("Your reply") if talk.open else _("Ask about the course"),
    key=f"ask-{course.id}",
    max_chars=2000,
    submit_mode="disable",
)
main, side = st.columns([3, 1], gap="medium")
with side:
    quiz.card(workspace, me)
    if me:
        people.next_step(course.id, me)
with main:
    for old in turns:
        show(old)
    if talk.open and st.button(_("Help me on"), icon=":material/lightbulb:"):
        reply("")
    elif asked and asked.strip():
        reply(asked.strip())
    elif not turns:
        st.caption(_("For example:"))
        for pair in session.training_pairs(course.id)[:120:40]:
            if st.button(escaped(pair.question), key=f"try-{pair.id}", icon=":material/lightbulb:"):
                reply(pair.question)
