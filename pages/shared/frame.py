"""The frame around every screen: rail, language, course picker, errors."""

from pathlib import Path
from typing import Literal

import streamlit as st

from engine.stages import Stage
from engine.steps import StageName
from pages.shared import account, failures, job_board, session
from pages.shared.failures import safely
from pages.shared.i18n import _, language, languages
from pages.shared.literal import escaped

MARKS = {
    "empty": ":material/radio_button_unchecked:",
    "running": ":material/progress_activity:",
    "review": ":material/rate_review:",
    "ready": ":material/check_circle:",
    "stale": ":material/update:",
}
_SCREENS = Path(__file__).resolve().parents[1]


def run() -> None:
    """Draw the rail, what went wrong just before, and the page."""
    with failures.shown():
        _choose_language()
        account.gate()
        _choose_course()
        page = st.navigation(_pages(), expanded=True)
        if text := st.session_state.pop("flash", None):
            st.toast(escaped(text))
        if session.course() is None and page.url_path:
            st.switch_page(_SCREENS / "build/home.py")
        if (course := session.course()) and session.role() == "designer":
            job_board.rail(course.id)
        account.sign_out()
        failures.show_kept()
        page.run()


def _choose_language() -> None:
    """Language as a switch; kept in the address by hand (bound widgets forbid ``switch_page``)."""
    linked = st.query_params.get("lang")
    st.session_state.setdefault("lang", linked if linked in languages() else language())
    st.session_state["pick-language"] = st.session_state["lang"]
    st.sidebar.segmented_control(
        "Language · 语言",
        list(languages()),
        format_func=lambda code: languages()[code],
        key="pick-language",
        on_change=safely(_picked),
        args=("lang", "pick-language"),
        required=True,
        label_visibility="collapsed",
    )
    st.query_params["lang"] = st.session_state["lang"]


def _picked(target: str, widget: str) -> None:
    """Copy a widget's choice to a plain key, which outlives a change of page."""
    st.session_state[target] = st.session_state[widget]


def _choose_course() -> None:
    courses = {
        course.id: course
        for course in session.whole_store().courses()
        if account.role(session.settings(), session.whole_store(), course.id)
    }
    linked = st.query_params.get("course")
    if "course" not in st.session_state and linked in courses:
        st.session_state["course"] = linked
    if not courses:
        return
    chosen = st.session_state.get("course")
    st.session_state["pick-course"] = chosen if chosen in courses else None
    st.sidebar.selectbox(
        _("Course"),
        list(courses),
        format_func=lambda name: courses[name].title if name in courses else name,
        key="pick-course",
        on_change=safely(_picked),
        args=("course", "pick-course"),
        index=None,
        placeholder=_("Choose a course"),
    )
    if chosen:
        st.query_params["course"] = chosen
    elif linked:
        del st.query_params["course"]  # it is gone, or not this person's


def _pages() -> dict[str, list[st.Page]]:
    """The screens by group that this person's role may open; hidden while there is no course.

    A screen that is not in here cannot be opened by its address either.
    """
    course = session.course()
    stages = session.stages(course.id) if course else {}

    def page(file: str, title: str, icon: str, url: str) -> st.Page:
        shown: Literal["visible", "hidden"] = "visible" if course else "hidden"
        return st.Page(_SCREENS / file, title=title, icon=icon, url_path=url, visibility=shown)

    def stage(name: StageName, file: str, title: str) -> st.Page:
        state = stages[name].state if course else "empty"
        return page(f"build/{file}.py", title, MARKS[state], name)

    file = _SCREENS / "build/home.py"
    groups = {
        "": [st.Page(file, title=_("Home"), icon=":material/home:", default=True)],
        _("Build"): [
            stage("course", "course", _("1 Course")),
            stage("corpus", "corpus", _("2 Corpus")),
            stage("prompts", "prompts", _("3 Prompts")),
            stage("student", "finetune", _("4 Student model")),
            stage("exam", "exam", _("5 Exam")),
            stage("publish", "publish", _("6 Publish")),
        ],
        _("Teach"): [
            page("teach/assignments.py", _("Assignments"), ":material/assignment:", "assignments"),
            page("teach/learners.py", _("Students"), ":material/groups:", "students"),
        ],
        _("Learn"): [
            page("learn/tutor.py", _("Tutor"), ":material/forum:", "tutor"),
            page("learn/progress.py", _("My progress"), ":material/trending_up:", "progress"),
        ],
    }
    seen = {"designer": 4, "instructor": 3, "learner": 2}.get(session.role() or "", 1)
    names = list(groups)
    return {n: groups[n] for n in (names[0], *names[len(names) - seen + 1 :])}


def heading(title: str, question: str, stage: Stage | None = None) -> None:
    """A screen's title, the one question it answers, and the stage's state in words."""
    st.title(title)
    st.caption(question)
    if stage is not None:
        _state_badge(stage)


def _state_badge(stage: Stage) -> None:
    words: dict[str, tuple[str, Literal["gray", "blue", "orange", "green"]]] = {
        "empty": (_("Nothing here yet"), "gray"),
        "running": (_("Running"), "blue"),
        "review": (_("Needs your review"), "orange"),
        "ready": (_("Ready"), "green"),
        "stale": (_("Out of date: an earlier step changed"), "orange"),
    }
    text, colour = words[stage.state]
    st.badge(text, icon=MARKS[stage.state], color=colour)


LACKS = {
    "course": ("build/course.py", "Add a book first"),
    "corpus": ("build/corpus.py", "Make a corpus first"),
    "student": ("build/finetune.py", "Fine-tune a student first"),
}


def lacks(stage: Stage) -> bool:
    """Where an earlier stage is missing: say so, offer the way there, and return True."""
    if stage.lacks is None:
        return False
    words = {
        "course": _("There is no book yet."),
        "corpus": _("There is no corpus yet."),
        "student": _("There is no student model yet."),
    }
    buttons = {
        "course": _("Add a book"),
        "corpus": _("Make a corpus"),
        "student": _("Fine-tune a student"),
    }
    st.info(words[stage.lacks], icon=":material/info:")
    if st.button(buttons[stage.lacks], type="primary", icon=":material/arrow_forward:"):
        st.switch_page(_SCREENS / LACKS[stage.lacks][0])
    return True


def go(file: str) -> None:
    """Switch to a screen, such as ``build/corpus.py``."""
    st.switch_page(_SCREENS / file)
