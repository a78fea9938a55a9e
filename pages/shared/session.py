"""The current course and the few shared objects; session state holds ids, never results."""

from pathlib import Path

import streamlit as st

from engine import jobs as queue
from engine.classroom import CourseKnowledge, Role
from engine.documents import page_image
from engine.errors import Missing
from engine.learner import pseudonym
from engine.lesson import Lesson, open_lesson
from engine.llm import Chat
from engine.schema import Course, Pair, Passage
from engine.search import Index
from engine.settings import Settings, load
from engine.stages import Stage, overview
from engine.steps import StageName
from engine.store import Store
from engine.store.own import LearnerStore
from engine.workspace import (
    Workspace,
    base_chat,
    connected_chat,
    current_base,
    current_run,
    open_index,
    student_chat,
)
from pages.shared import account


@st.cache_resource
def settings() -> Settings:
    return load()


@st.cache_resource
def whole_store() -> Store:
    """All rows: for what belongs to nobody, and for asking which role somebody has."""
    return Store(settings().database)


@st.cache_resource(max_entries=256)
def _own_store(who: str, courses: tuple[str, ...]) -> Store:
    return LearnerStore(settings().database, [pseudonym(settings(), c, who) for c in courses])


def store() -> Store:
    """The rows that the person here may see: a signed-in learner's own, else all."""
    who = account.email()
    if not who or role() not in (None, "learner"):
        return whole_store()
    return _own_store(who, tuple(sorted(course.id for course in whole_store().courses())))


def role() -> Role | None:
    """The role of the person here in the course that the rail shows."""
    chosen = st.session_state.get("course") or ""
    return account.role(settings(), whole_store(), chosen)


def me() -> str | None:
    """The pseudonym of a signed-in learner in the current course; None for everybody else."""
    who, chosen = account.email(), st.session_state.get("course")
    return pseudonym(settings(), chosen, who) if who and chosen and role() == "learner" else None


def viewer() -> str:
    """Whose rows are shown: a part of the key of every cache of personal rows."""
    return (account.email() or "") if role() in (None, "learner") else ""


@st.cache_resource(max_entries=16)
def _common_knowledge(course_id: str) -> CourseKnowledge:
    return CourseKnowledge(whole_store(), course_id)


@st.cache_resource(max_entries=256)
def _own_knowledge(course_id: str, viewer: str) -> CourseKnowledge:
    return CourseKnowledge(store(), course_id, common=_common_knowledge(course_id))


def knowledge(course_id: str) -> CourseKnowledge:
    """What the course's answers say, as far as the person here may see them."""
    who = viewer()
    return _own_knowledge(course_id, who) if who else _common_knowledge(course_id)


def course() -> Course | None:
    """The course that the rail shows, or None on a new installation."""
    chosen = st.session_state.get("course")
    try:
        return store().course(chosen) if chosen else None
    except Missing:
        return None


def workspace() -> Workspace:
    """The current course's workspace; screens that need a course are only shown with one."""
    found = course()
    assert found is not None
    return Workspace(settings(), store(), found)


def jobs_of(course_id: str) -> list[queue.Job]:
    return queue.jobs(settings(), course_id)


def stages(course_id: str) -> dict[StageName, Stage]:
    live = {job.kind for job in jobs_of(course_id) if job.live}
    return overview(store(), course_id, live)


@st.cache_resource(max_entries=4, show_spinner=False)
def _passages(course_id: str, ids: tuple[str, ...]) -> list[Passage]:
    return store().passages(course_id)


def passages(course_id: str) -> list[Passage]:
    return _passages(course_id, tuple(store().document_ids(course_id)))


@st.cache_resource(max_entries=4, show_spinner=False)
def _pairs(course_id: str, version: str) -> list[Pair]:
    return store().pairs(course_id)


def pairs(course_id: str) -> list[Pair]:
    version = store().corpus_version(course_id)
    return _pairs(course_id, version + str(store().count_pairs(course_id)))


@st.cache_resource(max_entries=4, show_spinner=False)
def _index(course_id: str, ids: tuple[str, ...]) -> Index:
    return open_index(Workspace(settings(), store(), store().course(course_id)))


def index(course_id: str) -> Index:
    return _index(course_id, tuple(store().readings(course_id)))


@st.cache_resource(max_entries=2, show_spinner=False)
def _student(course_id: str, run: str) -> Chat:
    own = Workspace(settings(), store(), store().course(course_id))
    return student_chat(own, own.folder / "runs" / run)


@st.cache_resource(max_entries=1, show_spinner=False)
def _base(name: str) -> Chat:
    return base_chat(Workspace(settings(), store(), store().courses()[0]), name)


def student(own: Workspace) -> Chat | None:
    run = current_run(own)
    return _student(own.course.id, run.name) if run else None


def base() -> Chat:
    """The base of the current course's student."""
    return _base(current_base(workspace()))


def guide(own: Workspace) -> Chat | None:
    """The connected teacher, which words hints and questions where there is one."""
    return connected_chat(own)


def training_pairs(course_id: str) -> list[Pair]:
    """The pairs that learners may be asked: those of training, not rejected."""
    return [p for p in pairs(course_id) if p.split == "train" and p.status != "rejected"]


def lesson(own: Workspace, learner: str | None) -> Lesson:
    """A lesson with what this process has open already."""
    name = own.course.id
    return open_lesson(
        own,
        learner or "",
        knowledge=knowledge(name),
        index=lambda: index(name),
        pairs=lambda: training_pairs(name),
        student=lambda: student(own),
        guide=lambda: guide(own),
    )


def flash(text: str) -> None:
    """Say something after the next redraw."""
    st.session_state["flash"] = text


@st.cache_data(max_entries=64, show_spinner=False)
def page_png(path: str, page: int, quote: str = "") -> bytes:
    """The image of a PDF's page, a quote on it marked."""
    return page_image(Path(path), page, quote=quote)
