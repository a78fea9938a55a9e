import shutil

import psutil
import streamlit as st

from engine.classroom import role_of
from engine.language import DEFAULT, rules
from engine.language import languages as course_languages
from engine.llm.teacher import load_choice
from engine.schema import Course, content_id
from pages.build.parts.course_menu import menu
from pages.shared import account, failures, session
from pages.shared.failures import safely
from pages.shared.frame import go, heading
from pages.shared.i18n import _, language
from pages.shared.literal import escaped

heading(
    "Coursewright",
    _(
        "Turn textbooks into a small language model that knows your course, with a tutor that "
        "quotes the book. Everything runs on this machine unless you connect a teacher model."
    ),
)

store = session.store()


def builds() -> bool:
    """Whether the person here may make courses."""
    who = account.email()
    return who is None or role_of(session.settings(), session.whole_store(), "", who) == "designer"


def may_open(course: Course) -> bool:
    return account.role(session.settings(), session.whole_store(), course.id) is not None


def open_course(course_id: str) -> None:
    st.session_state["course"] = course_id


def create() -> None:
    title = st.session_state["new-title"].strip()
    course_id = content_id(title, st.session_state["new-language"])[:8]
    language = st.session_state["new-language"]
    store.add_course(Course(id=course_id, title=title, language=language))
    open_course(course_id)


courses = [course for course in session.whole_store().courses() if may_open(course)]
samples = [course for course in courses if course.sample]
own = [course for course in courses if not course.sample]


def new_course() -> None:
    st.subheader(_("New course"))
    st.text_input(_("Title"), key="new-title", placeholder=_("For example: Introduction to Python"))
    st.segmented_control(
        _("Language of the course"),
        course_languages(),
        format_func=lambda code: rules(code).name,
        default=language() if language() in course_languages() else DEFAULT,
        required=True,
        key="new-language",
    )
    ready = bool(st.session_state.get("new-title", "").strip())
    created = st.button(
        _("Create the course") if ready else _("Give it a title first"),
        type="primary",
        disabled=not ready,
        on_click=safely(create),
        icon=":material/add:",
        key="create",
    )
    if created and not failures.just_now():
        go("build/course.py")


left, right = st.columns(2, gap="large")
with left.container(border=True):
    if builds():
        new_course()
    else:
        st.caption(_("Choose a course; what you see in it depends on your role there."))
with right.container(border=True):
    st.subheader(_("Open a course"))
    if not samples and not own:
        st.caption(_("There is none yet. The sample course appears here once it is prepared."))
    for course in [*own, *samples]:
        with st.container(horizontal=True):
            opened = st.button(
                escaped(course.title),
                key=f"open-{course.id}",
                icon=":material/science:" if course.sample else ":material/menu_book:",
                on_click=safely(open_course),
                args=(course.id,),
                width="stretch",
            )
            if account.role(session.settings(), session.whole_store(), course.id) == "designer":
                menu(course)
        if opened and not failures.just_now():
            go("build/course.py" if session.role() == "designer" else "learn/tutor.py")

if not builds():
    st.stop()
st.subheader(_("This machine"))
memory = psutil.virtual_memory()
disk = shutil.disk_usage(session.settings().home)
teacher = load_choice(store)
cells = st.columns(4)
cells[0].metric(_("Processor cores"), psutil.cpu_count())
cells[1].metric(_("Free memory"), f"{memory.available / 2**30:.1f} GiB")
cells[2].metric(_("Free disk"), f"{disk.free / 2**30:.0f} GiB")
connected = teacher.kind == "endpoint"
cells[3].metric(_("Teacher model"), teacher.model if connected else _("offline"))
