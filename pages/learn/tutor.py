import streamlit as st

from engine.lesson import Lesson, answer_by, ask
from engine.tutor import MODES, Conversation, Turn
from pages.learn.parts import learner, quiz
from pages.learn.parts.conversation import Exchange, draw, in_the_book, show
from pages.shared import session
from pages.shared.frame import heading, lacks
from pages.shared.i18n import _
from pages.shared.literal import escaped, spoken, written

workspace = session.workspace()
course = workspace.course
stages = session.stages(course.id)
heading(_("Tutor"), _("What do I not understand yet?"))
if stages["corpus"].lacks:
    lacks(stages["corpus"])
    st.stop()
student = session.student(workspace)
turns: list[Exchange] = st.session_state.setdefault(f"chat-{course.id}", [])
TALK = f"talk-{course.id}"
BESIDE = """<style>
@media (min-width: 640px) {
  [data-testid="stColumn"]:has(.st-key-beside) {
    position: sticky; top: 4rem; align-self: flex-start;
  }
}
</style>"""
"""The cited page stays in sight while the talk scrolls."""
NAMES = {
    "explain": _("Explain"),
    "hint": _("Hint first"),
    "socratic": _("Ask me back"),
    "viewpoints": _("Several views"),
}
me = learner.choose(course.id)
mode = st.segmented_control(
    _("How"),
    MODES,
    format_func=NAMES.__getitem__,
    default="explain",
    required=True,
    key="tutor-mode",
)
with st.container(horizontal=True, vertical_alignment="center"):
    compare = use_book = by_student = False
    if student is None:
        st.caption(_("No student model yet: the book answers with its own sentences."))
    elif mode == "explain":
        trusted = session.lesson(workspace, me).trusts()
        by_student = st.toggle(
            _("Let the student model answer"),
            value=trusted,
            key="by-student",
            help=_("On by itself where the exam found it better than the book and the lookup."),
        )
        compare = st.toggle(_("Show the base model beside it"), key="compare")
        use_book = st.toggle(_("With the book at hand"), value=trusted, key="use-book")
    if turns and st.button(_("New conversation"), icon=":material/restart_alt:"):
        turns.clear()
        st.session_state.pop(TALK, None)
        st.rerun()
talk: Conversation = st.session_state.get(TALK) or Conversation(mode=mode)
if talk.mode != mode:  # another way to go about the same topic
    talk = Conversation(mode=mode, topic=talk.topic, shown=talk.shown)


def reply(message: str) -> None:
    """One turn, shown as it is made; what came is kept even when the reader goes away."""
    if message:
        with st.chat_message("user"):
            st.markdown(written(message))
    lesson, place = session.lesson(workspace, me), len(turns)
    with st.chat_message("assistant"):
        columns = st.columns(2) if compare else [st.container()]
        if compare:
            columns[0].caption(_("Student model"))
            columns[1].caption(_("Base model"))
        box = columns[0].empty()
        turns.append(Exchange(message, Turn(answer="")))

        def on_text(piece: str) -> None:
            said = Turn(answer=turns[place].said.answer + piece)
            turns[place] = Exchange(message, said)
            with box.container():
                draw(said)

        st.button(_("Stop"), icon=":material/stop_circle:", key="stop")  # a click ends this run
        with st.spinner(_("Looking it up in the book …")):
            try:
                after, said = ask(
                    lesson, talk, message, on_text, use_book=use_book, student=by_student or compare
                )
            except Exception:
                del turns[place:]
                raise
        st.session_state[TALK] = after
        turns[place] = Exchange(message, said)
        if compare and not said.refused:
            with columns[1]:
                turns[place] = Exchange(message, said, of_the_base(lesson, message))
    st.rerun()


def of_the_base(lesson: Lesson, question: str) -> str:
    """What the base model answers to the same question, shown as it is made."""
    box, words = st.empty(), ""
    for piece in answer_by(lesson, session.base(), question, use_book=use_book):
        words += piece
        box.markdown(spoken(words))
    return words


asked = st.chat_input(  # outside the columns, so that it stays at the bottom of the window
    _("Your reply") if talk.open else _("Ask about the course"),
    key=f"ask-{course.id}",
    max_chars=2000,
    submit_mode="disable",
)
cited = turns[-1].said.sources[:1] if turns else ()
main, side = st.columns([3, 2] if cited else [3, 1], gap="medium")
st.html(BESIDE)
with side, st.container(key="beside"):
    for source in cited:
        in_the_book(workspace, source)
    quiz.card(session.lesson(workspace, me))
    if me:
        learner.next_step(course.id, me)
with main:
    for old in turns:
        show(workspace, old)
    if talk.open and st.button(_("Help me on"), icon=":material/lightbulb:"):
        reply("")
    elif asked and asked.strip():
        reply(asked.strip())
    elif not turns:
        st.caption(_("For example:"))
        for pair in session.training_pairs(course.id)[:120:40]:
            if st.button(escaped(pair.question), key=f"try-{pair.id}", icon=":material/lightbulb:"):
                reply(pair.question)
