"""The quiz card: a question of the course, marked in place; the outcome feeds mastery."""

import streamlit as st

from engine.lesson import Outcome, answer, next_question
from engine.steps import Workspace
from engine.tutor import Quiz
from pages.shared import session
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
            lesson = session.lesson(workspace, me)
            st.session_state[f"{key}-outcome"] = answer(lesson, current, said)
        outcome: Outcome | None = st.session_state.get(f"{key}-outcome")
        if outcome:
            _show(current, outcome, me)
        if st.button(_("Another question"), icon=":material/skip_next:"):
            _set(workspace, me, key)
            st.rerun()


def start_with(course: str, concept: str) -> None:
    """Let the card ask about this concept when it is shown next."""
    st.session_state[f"quiz-{course}-start"] = concept


def _set(workspace: Workspace, me: str | None, key: str, concept: str = "") -> None:
    seen = st.session_state.setdefault(f"{key}-seen", set())
    found = next_question(session.lesson(workspace, me), seen, concept)
    if found is None:
        seen.clear()
        session.flash(_("You have answered every question of this course."))
    else:
        seen.add(found.pair.point)
    st.session_state[key] = found
    st.session_state.pop(f"{key}-outcome", None)


def _show(current: Quiz, outcome: Outcome, me: str | None) -> None:
    """The mark with its feedback, and what it changed."""
    feedback = escaped(outcome.grade.feedback)
    if outcome.mark == "unsure":
        st.warning(feedback or _("There is no answer to mark yet."))
        return
    (st.success if outcome.mark == "right" else st.info)(feedback)
    st.caption(_("The book says: {answer}", answer=escaped(current.pair.answer)))
    if me is None:
        st.caption(_("Not kept: choose who you are to see your progress."))
        return
    st.caption(_("Kept for your progress: {concept}", concept=escaped(current.concept)))
    if outcome.before and outcome.after:
        st.caption(
            _(
                "You would now answer {after} % of its unseen questions (before: {before} %).",
                after=round(100 * outcome.after.mastery),
                before=round(100 * outcome.before.mastery),
            )
        )
