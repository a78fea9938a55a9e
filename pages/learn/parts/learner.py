"""The learner at this screen: who it is, and the next step."""

import streamlit as st

from engine.learner import Person
from pages.shared import people, session
from pages.shared.failures import safely
from pages.shared.i18n import _
from pages.shared.literal import escaped


def choose(course_id: str) -> str | None:
    """Who sits here: the signed-in learner; else one of the class list, or nobody."""
    if own := session.me():
        return own
    everybody = {person.pseudonym: person for person in session.knowledge(course_id).people()}
    if not everybody:
        return None
    if len(everybody) > people.LISTED:
        return _typed(everybody)
    chosen = st.session_state.get("me")
    st.session_state["pick-me"] = chosen if chosen in everybody else None

    def picked() -> None:
        st.session_state["me"] = st.session_state["pick-me"]

    return st.selectbox(
        _("Learner"),
        list(everybody),
        format_func=lambda name: people.shown(everybody[name]) if name in everybody else name,
        key="pick-me",
        on_change=safely(picked),
        index=None,
        placeholder=_("Who are you?"),
    )


def _typed(everybody: dict[str, Person]) -> str | None:
    """Too many for a list: one types a name or pseudonym."""
    st.session_state.setdefault("type-me", st.session_state.get("me") or "")
    who = st.text_input(_("Learner: name or pseudonym"), key="type-me").strip()
    named = [name for name, person in everybody.items() if who and who in (name, person.name)]
    me = named[0] if len(named) == 1 else None
    st.session_state["me"] = me
    if who and not named:
        st.caption(_("Nobody of this name is in the class."))
    return me


def next_step(course_id: str, me: str) -> None:
    """The first step of a learner's path, as a card."""
    steps = session.knowledge(course_id).steps(me)
    with st.container(border=True):
        st.markdown(f"**{_('My next step')}**")
        if not steps:
            st.write(_("All concepts of this course are mastered."))
            return
        st.text(steps[0].concept)
        st.caption(f"{escaped(steps[0].title)} · " + _("about {n} min", n=steps[0].minutes))
