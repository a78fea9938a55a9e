"""Reports as one HTML file: on a course, or on one learner of it; in the course's language.

The file needs no network and runs no script; learners stand in it under pseudonyms; everything
that people or books wrote is escaped.
"""

from __future__ import annotations

import time

from engine.learner import Tracer, find_learner
from engine.report.answers import (
    ErrorKind,
    Mistake,
    Quality,
    error_kinds,
    grading_quality,
    mistakes,
)
from engine.report.course import course_parts
from engine.report.learner import learner_parts
from engine.report.page import Heading, Paragraph, page
from engine.report.words import words
from engine.workspace import Workspace

__all__ = [
    "ErrorKind",
    "Mistake",
    "Quality",
    "error_kinds",
    "grading_quality",
    "mistakes",
    "report",
]


def report(
    workspace: Workspace,
    learner: str | None = None,
    *,
    now: float | None = None,
    tracer: Tracer | None = None,
) -> str:
    """The report on a course, or on a learner (pseudonym or name) of it, as one HTML document.

    Args:
        workspace: The course; a learner's own store is enough for her report.
        learner: Whom the report is about; without one it is about the course.
        now: Seconds since 1970.
        tracer: The class's tracer, where the store is a learner's own.

    Raises:
        Missing, BadInput: as ``find_learner``.
    """
    moment = time.time() if now is None else now
    say = words(workspace.course.language)
    who = find_learner(workspace.store, workspace.course.id, learner).pseudonym if learner else None
    title = say("about_learner", who=who) if who else say("about_course")
    day = time.strftime("%Y-%m-%d", time.gmtime(moment))
    parts = [
        Heading(workspace.course.title, 1),
        Paragraph(title),
        Paragraph(say("made", day=day), note=True),
        *(
            learner_parts(workspace, who, say, moment, tracer)
            if who
            else course_parts(workspace, say, moment)
        ),
    ]
    return page(f"{workspace.course.title} · {title}", workspace.course.language, parts)
