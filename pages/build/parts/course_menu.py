"""A course's small menu on Home: rename it, forget its finished jobs, remove it for ever."""

import streamlit as st

from engine import jobs as queue
from engine.housekeeping import remove_course, rename_course
from engine.schema import Course
from pages.shared import session
from pages.shared.failures import safely
from pages.shared.i18n import _, _n
from pages.shared.literal import escaped


def menu(course: Course) -> None:
    """Draw the menu; for those who may build this course."""
    label = _("Rename, tidy up or remove “{title}”", title=escaped(course.title))
    with st.popover("", icon=":material/more_vert:", help=label, key=f"menu-{course.id}"):
        _title(course)
        _jobs(course)
        _removal(course)


def _title(course: Course) -> None:
    key = f"title-{course.id}"

    def rename() -> None:
        rename_course(session.store(), course.id, st.session_state[key])

    st.text_input(_("Title"), course.title, key=key)
    st.button(
        _("Rename"),
        key=f"rename-{course.id}",
        icon=":material/edit:",
        on_click=safely(rename),
    )


def _jobs(course: Course) -> None:
    ended = sum(not job.live for job in session.jobs_of(course.id))

    def forget() -> None:
        gone = queue.clear(session.settings(), course.id)
        session.flash(_n("{n} job forgotten", "{n} jobs forgotten", len(gone)))

    st.button(
        _n("Forget {n} finished job", "Forget {n} finished jobs", ended),
        key=f"forget-{course.id}",
        icon=":material/history_toggle_off:",
        disabled=not ended,
        help=_("The list of jobs becomes shorter; what they made stays."),
        on_click=safely(forget),
    )


def _removal(course: Course) -> None:
    """Ask once more, and say what goes."""
    store = session.whole_store()
    st.divider()
    st.caption(
        _(
            "Removing it takes all of it: {books} book(s), {pairs} question-answer pair(s), "
            "{answers} answer(s) of learners with their grades, and every student model and "
            "export. There is no undo.",
            books=len(store.document_ids(course.id)),
            pairs=sum(store.count_pairs(course.id).values()),
            answers=store.count_events(course.id),
        )
    )

    def remove() -> None:
        gone = remove_course(session.settings(), store, course.id)
        if st.session_state.get("course") == course.id:
            del st.session_state["course"]
        size = f"{gone.bytes / 1e6:.1f}"
        session.flash(_("“{title}” is removed ({n} MB).", title=course.title, n=size))

    sure = st.checkbox(_("I am sure"), key=f"sure-{course.id}")
    st.button(
        _("Remove for ever"),
        key=f"remove-{course.id}",
        icon=":material/delete_forever:",
        disabled=not sure,
        on_click=safely(remove),
    )
