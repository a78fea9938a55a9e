"""Where a learner's turn takes place: one course, one learner or nobody, what the tutor needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from engine.classroom import CourseKnowledge
from engine.exam import EXAM
from engine.llm import Chat
from engine.schema import Pair
from engine.search import Index
from engine.workspace import (
    Workspace,
    connected_chat,
    current_run,
    open_index,
    student_chat,
    trained_run,
    training_pairs,
)


@dataclass(frozen=True)
class Lesson:
    """One learner at one course.

    ``index``, ``pairs``, ``student`` and ``guide`` are called when a turn needs them, so that a
    question of the quiz loads no model.

    Attributes:
        workspace: The course; its store is the one that the learner's answers are written to.
        learner: A pseudonym; empty is nobody: then nothing is kept and nothing is known.
        knowledge: What the course's answers say, the learner's among them.
        index: The course's search index.
        pairs: The pairs of the corpus that learners may be asked.
        student: The student model, or None before there is one: then the book answers.
        trusts: Whether the student answers where nobody chose: where the course's exam found it
            better than every baseline on questions that it never learned.
        guide: A connected model that words hints and questions, if there is one.
    """

    workspace: Workspace
    learner: str
    knowledge: CourseKnowledge
    index: Callable[[], Index]
    pairs: Callable[[], Sequence[Pair]]
    student: Callable[[], Chat | None]
    guide: Callable[[], Chat | None]
    trusts: Callable[[], bool]


def open_lesson(
    workspace: Workspace,
    learner: str = "",
    *,
    knowledge: CourseKnowledge | None = None,
    index: Callable[[], Index] | None = None,
    pairs: Callable[[], Sequence[Pair]] | None = None,
    student: Callable[[], Chat | None] | None = None,
    guide: Callable[[], Chat | None] | None = None,
    trusts: Callable[[], bool] | None = None,
) -> Lesson:
    """A lesson; a caller that has something open already passes it, else it is opened on need.

    Args:
        workspace: The course.
        learner: The learner's pseudonym, or empty.
        knowledge: As in ``Lesson``, like all that follow.
        index: Opens the index.
        pairs: Reads the pairs.
        student: Opens the student model.
        guide: Connects the guide.
        trusts: Says whether the student answers where nobody chose.
    """
    store, course = workspace.store, workspace.course.id
    return Lesson(
        workspace=workspace,
        learner=learner,
        knowledge=knowledge or CourseKnowledge(store, course),
        index=index or cache(lambda: open_index(workspace)),
        pairs=pairs or cache(lambda: training_pairs(store, course, "train")),
        student=student or cache(lambda: _student(workspace)),
        guide=guide or cache(lambda: connected_chat(workspace)),
        trusts=trusts or cache(lambda: trusts_student(workspace)),
    )


def trusts_student(workspace: Workspace) -> bool:
    """Whether the exam of the student in use found it worth asking; no exam, no trust."""
    store, course = workspace.store, workspace.course.id
    saved = store.saved(course, EXAM)
    if saved is None or saved.value.run != trained_run(store, course):
        return False
    return saved.value.worth_asking


def _student(workspace: Workspace) -> Chat | None:
    run = current_run(workspace)
    return student_chat(workspace, run) if run else None
