"""The sample course: read and distilled once, so that first contact is a course that answers."""

from __future__ import annotations

from pathlib import Path

from engine.distil import DistilPlan
from engine.language import languages, rules
from engine.progress import Report, silent
from engine.schema import Course
from engine.settings import Settings
from engine.steps import DISTIL, READ, Workspace
from engine.steps.books import ReadPlan
from engine.store import Store

_ROOT = Path(__file__).resolve().parents[1]
_INSTALLED = _ROOT / "sample_course"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _ROOT / "data" / "sample_course"
"""The course's books: the package that the wheel installs, or a checkout's folder."""


def ensure_sample(settings: Settings, store: Store, report: Report = silent) -> list[Course]:
    """The sample courses, made where they are missing (some seconds, no language model).

    One that somebody removed is not made again.
    """
    have = {course.id for course in store.courses()}
    found = []
    for language in languages():
        book = FOLDER / f"textbook_{language}.md"
        if not book.exists():
            continue
        told = rules(language).table("language")["sample"]
        name = told["course"]
        course = Course(id=name, title=told["title"], language=language, sample=True)
        if name not in have and store.choice("", _removed(name), False):
            continue
        found.append(course)
        if name not in have:
            store.add_course(course)
        workspace = Workspace(settings, store, course)
        if not store.document_ids(name):
            READ(workspace, ReadPlan(files=(str(book),)), report)
        if not store.count_pairs(name):
            DISTIL(workspace, DistilPlan(pairs=400), report)
    return found


def mark_removed(store: Store, course: str) -> None:
    """Remember that a sample course was removed on purpose."""
    store.choose("", _removed(course), True)


def _removed(course: str) -> str:
    return f"removed-{course}"
