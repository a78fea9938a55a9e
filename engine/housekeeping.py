"""Removing and renaming courses: what concerns rows, folders and jobs at once."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.errors import BadInput
from engine.jobs import clear, jobs
from engine.sample import mark_removed
from engine.schema import Course, Value
from engine.settings import Settings
from engine.store import Store


class Removed(Value):
    """What went with a course: how many jobs, and how many bytes of files."""

    course: str
    jobs: int
    bytes: int


def remove_course(settings: Settings, store: Store, course: str) -> Removed:
    """Remove a course for ever: its jobs, its folder, its rows with its learners' answers.

    The rows go last, so that a removal which was interrupted can be repeated. A sample course that
    was removed does not come back.

    Raises:
        Missing: there is no such course.
        BadInput: ``course.live``: jobs of it wait or run.
    """
    found = store.course(course)
    if live := [job for job in jobs(settings, course) if job.live]:
        raise BadInput(
            f"{len(live)} jobs of “{course}” wait or run.",
            code="course.live",
            next="Stop them first: coursewright jobs, coursewright cancel JOB",
            n=len(live),
        )
    gone = clear(settings, course)
    size = _remove_folder(settings, course)
    if found.sample:
        mark_removed(store, course)
    store.remove_course(course)
    return Removed(course=course, jobs=len(gone), bytes=size)


def rename_course(store: Store, course: str, title: str) -> Course:
    """Give a course another title; its id, and with it every address and folder, stays.

    Raises:
        Missing: there is no such course.
        BadInput: ``course.title``: the title is empty.
    """
    if not title.strip():
        raise BadInput("The title is empty.", code="course.title", next="Give the course a title.")
    return store.rename_course(course, title.strip())


def _remove_folder(settings: Settings, course: str) -> int:
    """Remove the course's artefacts, never anything beside them; returns their bytes."""
    folder = settings.course_folder(course)
    inside = Path(course).name == course and course not in ("", ".", "..")
    if not inside or not folder.is_dir() or folder.is_symlink():
        return 0
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    shutil.rmtree(folder)
    return size
