"""The quiz card: a question of the course, marked in place; the outcome feeds mastery."""

import streamlit as st

from engine.lesson import Lesson, Outcome, answer, next_question
from engine.tutor import Quiz
from pages.shared import session
from pages.shared.i18n import _
from pages.shared.literal import escaped, written


def card(lesson: Lesson) -> None:
    """One question at a time for the lesson's learner, or for nobody (then nothing is kept)."""
    key = f"quiz-{lesson.workspace.course.id}"
    with st.container(border=True):
        st.markdown(f"**{_('Quiz me')}**")
        if concept := st.session_state.pop(f"{key}-start", ""):
            _set(lesson, key, concept)
        current: Quiz | None = st.session_state.get(key)
        if current is None:
            st.caption(_("One question of the course, on what you need most."))
            if st.button(_("Ask me something"), icon=":material/quiz:"):
                _set(lesson, key)
                st.rerun()
            return
        st.markdown(written(current.pair.question))
        with st.form(f"{key}-{current.pair.id}", border=False):
            said = st.text_area(_("Your answer"), max_chars=2000, height=100)
            checked = st.form_submit_button(_("Check"), icon=":material/done:")
        if checked:
            st.session_state[f"{key}-outcome"] = answer(lesson, current, said)
        outcome: Outcome | None = st.session_state.get(f"{key}-outcome")
        if outcome:
            _show(current, outcome, known=bool(lesson.learner))
        if st.button(_("Another question"), icon=":material/skip_next:"):
            _set(lesson, key)
            st.rerun()


def start_with(course: str, concept: str) -> None:
    """Let the card ask about this concept when it is shown next."""
    st.session_state[f"quiz-{course}-start"] = concept


def _set(lesson: Lesson, key: str, concept: str = "") -> None:
    seen = st.session_state.setdefault(f"{key}-seen", set())
    found = next_question(lesson, seen, concept)
    if found is None:
        seen.clear()
        session.flash(_("You have answered every question of this course."))
    else:
        seen.add(found.pair.point)
    st.session_state[key] = found
    st.session_state.pop(f"{key}-outcome", None)


def _show(current: Quiz, outcome: Outcome, *, known: bool) -> None:
    """The mark with its feedback, and what it changed."""
    feedback = escaped(outcome.grade.feedback)
    if outcome.mark == "unsure":
        st.warning(feedback or _("There is no answer to mark yet."))
        return
    (st.success if outcome.mark == "right" else st.info)(feedback)
    st.caption(_("The book says: {answer}", answer=escaped(current.pair.answer)))
    if not known:
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
