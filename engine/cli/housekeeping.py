"""Verbs that put away: remove and rename a course, forget jobs and keys."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from engine.cli.context import Context, Verbs, table
from engine.errors import BadInput


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    remove = verbs.add_parser("remove", help="remove a course with all its files and answers")
    remove.add_argument("course")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.set_defaults(run=_remove)
    rename = verbs.add_parser("rename", help="give a course another title")
    rename.add_argument("course")
    rename.add_argument("title")
    rename.set_defaults(run=_rename)


def add_jobs(verbs: Verbs) -> None:
    """The verb ``jobs``: list them, or forget those that have ended."""
    parser = verbs.add_parser("jobs", help="list jobs, or forget those that have ended")
    parser.add_argument("--course", help="only jobs of this course")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--limit", type=_count, help="the newest so many")
    which.add_argument("--remove", metavar="JOB", help="forget a job that has ended")
    which.add_argument("--clear", action="store_true", help="forget all jobs that have ended")
    parser.set_defaults(run=_jobs)


def add_key_options(serve: argparse.ArgumentParser) -> None:
    """Options of the verb ``serve`` that list keys and take one back."""
    serve.add_argument("--keys", action="store_true", help="list the names of the keys, and end")
    serve.add_argument("--remove-key", metavar="NAME", help="take a key back, and end")


def tend_keys(context: Context, course: str) -> bool:
    """List the course's keys or take one back, if that was asked; returns whether it was."""
    from engine.serve.keys import key_names, remove_key

    options = context.options
    if options.remove_key:
        remove_key(context.store, course, options.remove_key)
        context.show({"removed": options.remove_key}, f"Removed the key “{options.remove_key}”.")
    elif options.keys:
        names = key_names(context.store, course)
        context.show({"keys": names}, "\n".join(names) or "There is no key yet.")
    return bool(options.remove_key or options.keys)


def forget_teacher_key(context: Context) -> dict[str, Any]:
    """Remove the kept API key of the teacher model; returns the choice without it.

    Raises:
        BadInput: ``teacher.no_key``: none is kept.
    """
    from engine.llm.teacher import forget_kept_key, load_choice

    if load_choice(context.store).key_kept is None:
        raise BadInput(
            "No API key of the teacher model is kept on this machine.",
            code="teacher.no_key",
            next="A key in an environment variable is not ours to forget: unset it there.",
        )
    return dict(forget_kept_key(context.store, context.settings).model_dump(mode="json"))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


def _remove(context: Context) -> None:
    from engine.housekeeping import remove_course

    course = context.store.course(context.options.course)
    if not (context.options.yes or _agreed(course.id, course.title)):
        context.status = 1
        context.show({"removed": None}, "Nothing was removed.")
        return
    removed = remove_course(context.settings, context.store, course.id)
    text = f"Removed “{course.title}”: {removed.bytes / 1e6:.1f} MB, {removed.jobs} jobs."
    context.show({"removed": removed.model_dump(mode="json")}, text)


def _agreed(course: str, title: str) -> bool:
    """Ask on a terminal.

    Raises:
        BadInput: ``remove.unsure``: there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise BadInput(
            f"Removing “{course}” cannot be undone.",
            code="remove.unsure",
            next="Add --yes if you are sure.",
            course=course,
        )
    print(f"Remove “{title}” with its books, models and answers for ever?", file=sys.stderr)
    print(f"Type its id, {course}, to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == course


def _rename(context: Context) -> None:
    from engine.housekeeping import rename_course

    course = rename_course(context.store, context.options.course, context.options.title)
    context.show(course.model_dump(mode="json"), f"Its title is now “{course.title}”.")


def _jobs(context: Context) -> None:
    from engine.jobs import clear, remove

    options = context.options
    if options.remove:
        remove(context.settings, options.remove)
        context.show({"removed": [options.remove]}, "Forgotten.")
    elif options.clear:
        gone = clear(context.settings, options.course)
        context.show({"removed": gone}, f"Forgot {len(gone)} jobs.")
    else:
        _list(context)


def _list(context: Context) -> None:
    from engine.jobs import jobs

    found = jobs(context.settings, context.options.course, limit=context.options.limit)
    rows: list[list[object]] = [["job", "kind", "course", "state", "progress"]]
    for job in found:
        progress = job.progress
        done = f"{progress.done:g}/{progress.total:g} {progress.stage}" if progress else ""
        rows.append([job.id, job.kind, job.course, job.state, done])
    context.show([job.model_dump(mode="json") for job in found], table(rows))
