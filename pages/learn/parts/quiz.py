"""The quiz card: a question of the course, marked in place; the outcome feeds mastery."""

import streamlit as st

from engine.learner import record
from engine.steps import Workspace
from engine.tutor import Quiz, mark_quiz, next_quiz
from pages.shared import people, session
from pages.shared.i18n import _
from pages.shared.literal import escaped


def card(workspace: Workspace, me: str | None) -> None:
    """One question at a time for this learner, or for nobody (then nothing is kept)."""
    key = f"quiz-{workspace.course.id}"
    with st.container(border=True):
        st.markdown(f"**{_('Quiz me')}**")
        if concept := st.session_state.pop(f"{key}-start", ""):
            _set(workspace, me, key, concept)
        current: Quiz | None = st.session_state.get(key)
        if current is None:
            st.caption(_("One question of the course, on what you need most."))
            if st.button(_("Ask me something"), icon=":material/quiz:"):
                _set(workspace, me, key)
                st.rerun()
            return
        st.text(current.pair.question)
        with st.form(f"{key}-{current.pair.id}", border=False):
            said = st.text_area(_("Your answer"), max_chars=2000, height=100)
            checked = st.form_submit_button(_("Check"), icon=":material/done:")
        if checked:
            _marked(workspace, me, current, said)
        if st.button(_("Another question"), icon=":material/skip_next:"):
            _set(workspace, me, key)
            st.rerun()


def start_with(course: str, concept: str) -> None:
    """Let the card ask about this concept when it is shown next."""
    st.session_state[f"quiz-{course}-start"] = concept


def _set(workspace: Workspace, me: str | None, key: str, concept: str = "") -> None:
    course = workspace.course.id
    seen = st.session_state.setdefault(f"{key}-seen", set())
    own = {event.item for event in people.events(course) if event.learner == me and event.correct}
    levels = people.mastery(course, me) if me else {}
    found = next_quiz(
        session.training_pairs(course), people.graph(course), levels, seen | own, concept
    )
    if found is None:
        seen.clear()
        session.flash(_("You have answered every question of this course."))
    else:
        seen.add(found.pair.point)
    st.session_state[key] = found


def _marked(workspace: Workspace, me: str | None, current: Quiz, said: str) -> None:
    course = workspace.course
    found, event = mark_quiz(
        current, said, me or "", language=course.language, index=session.index(course.id)
    )
    if event is None:
        st.warning(escaped(found.feedback) or _("There is no answer to mark yet."))
        return
    (st.success if event.correct else st.info)(escaped(found.feedback))
    st.caption(_("The book says: {answer}", answer=escaped(current.pair.answer)))
    if me:
        record(session.store(), course.id, [event])
        st.caption(_("Kept for your progress: {concept}", concept=escaped(current.concept)))
    else:
        st.caption(_("Not kept: choose who you are to see your progress."))
