"""Durable jobs: submit, list, cancel, resume, and the worker that runs them.

A job is one step of ``engine.steps`` with its course and plan. Its id is a hash of those and of
what the step starts from, so a double click is a no-op. DBOS keeps the queue (SQLite by default,
PostgreSQL by URL) and brings running jobs back after the worker was killed; the step itself runs in
a child process of its own group, is idempotent, and writes into the job's folder::

    <home>/jobs/<id>/  job.json       kind, course, plan, created, attempt
                       progress.jsonl log.txt  cancel (asked to stop)
                       result.json    of a step that ended well, else error.json
                       outcome.json   the last file of an attempt: how and when it ended

Only this package imports dbos. A child dies with its worker (``engine.child``), so a
restart never runs the same job twice at once.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from engine.errors import BadInput, Missing
from engine.files import read_json, write_json
from engine.jobs.card import LIVE, Job, State, folder_of
from engine.jobs.listing import list_jobs, one_job
from engine.jobs.queue import client_of, enqueue, workflow_id
from engine.jobs.start import result_of, start
from engine.jobs.worker import discard_job, work
from engine.schema import content_id
from engine.settings import Settings

__all__ = [
    "LIVE",
    "Job",
    "State",
    "cancel",
    "clear",
    "folder_of",
    "jobs",
    "read",
    "remove",
    "result_of",
    "resume",
    "run_again",
    "start",
    "submit",
    "work",
    "worker_alive",
]

_STALE_SECONDS = 15.0
_ENDS = ("cancel", "error.json", "result.json", "outcome.json")
"""Files of an attempt's end, which the next attempt begins without."""


def submit(
    settings: Settings, kind: str, course: str, plan: dict[str, Any], inputs: str = ""
) -> str:
    """Queue a step and return the job's id; the same step on the same inputs is not queued twice.

    A job that stopped or failed is taken up again where it stood.

    Args:
        settings: The installation.
        kind: The name of a step.
        course: The course's id.
        plan: The step's parameters, plain JSON.
        inputs: Fingerprint of what the step starts from; another one makes another job.
    """
    job = content_id(kind, course, plan, inputs)
    folder = folder_of(settings, job)
    if (folder / "job.json").exists():
        current = read(settings, job)
        if current.live or current.state == "done":
            return job
        return resume(settings, job)
    card = {"kind": kind, "course": course, "plan": plan, "created": time.time(), "attempt": 1}
    write_json(folder / "job.json", card, durable=True)
    try:
        enqueue(settings, kind, job, 1)
    except BaseException:  # the queue cannot be reached: there is no such job
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return job


def resume(settings: Settings, job: str) -> str:
    """Run a stopped or failed job again; it goes on from what it kept. A live one is left alone.

    Raises:
        Missing: there is no such job.
        BadInput: ``job.done``: it ended well, so there is nothing to go on with.
    """
    current = read(settings, job)
    if current.live:
        return job
    if current.state == "done":
        raise BadInput(
            f"The job “{job}” is done; there is nothing left to resume.",
            code="job.done",
            next="To run it on new inputs, start its step again.",
        )
    return run_again(settings, job)


def run_again(settings: Settings, job: str) -> str:
    """Queue the next attempt at a job that has ended, however it ended; a live one is left alone.

    Raises:
        Missing: there is no such job.
    """
    current, folder = read(settings, job), folder_of(settings, job)
    if current.live:
        return job
    for name in _ENDS:
        (folder / name).unlink(missing_ok=True)
    card = read_json(folder / "job.json")
    card["attempt"] += 1
    write_json(folder / "job.json", card, durable=True)
    enqueue(settings, current.kind, job, card["attempt"])
    return job


def cancel(settings: Settings, job: str, *, discard: bool = False) -> None:
    """Ask a job to stop; what it made is kept. A job that does not answer is ended by force.

    Args:
        settings: The installation.
        job: The job's id.
        discard: Throw away what the job made, and the job; also of one that stopped or failed.

    Raises:
        Missing: there is no such job.
        BadInput: ``job.ended``: it is done; or it has stopped or failed, and nothing is discarded.
    """
    current = read(settings, job)
    folder = folder_of(settings, job)
    if current.state == "done" or not (current.live or discard):
        raise BadInput(
            f"The job “{job}” has ended already ({current.state}).",
            code="job.ended",
            next="Forget it with: coursewright jobs --remove JOB",
            state=current.state,
        )
    if discard:
        (folder / "discard").touch()
    (folder / "cancel").touch()
    if current.state == "queued":
        with client_of(settings) as client:
            client.cancel_workflow(workflow_id(job, current.attempt))
        outcome = {"state": "stopped", "started": 0.0, "finished": time.time()}
        write_json(folder / "outcome.json", outcome)
    if discard and current.state != "running":
        discard_job(folder)


def remove(settings: Settings, job: str) -> None:
    """Forget a job that has ended (its course keeps what it made).

    Raises:
        Missing: there is no such job.
        BadInput: ``job.live``: it waits or runs.
    """
    if read(settings, job).live:
        raise BadInput(
            f"The job “{job}” waits or runs.",
            code="job.live",
            next="Stop it first: coursewright cancel JOB",
        )
    shutil.rmtree(folder_of(settings, job))


def clear(settings: Settings, course: str | None = None) -> list[str]:
    """Forget all jobs that have ended, optionally of one course; returns their ids."""
    ended = [job.id for job in jobs(settings, course) if not job.live]
    for job in ended:
        shutil.rmtree(folder_of(settings, job))
    return ended


def read(settings: Settings, job: str) -> Job:
    """The job with this id.

    Raises:
        Missing: there is none.
    """
    found = one_job(settings, folder_of(settings, job))
    if found is None:
        raise Missing(
            f"There is no job “{job}”.", code="job.missing", next="List them: coursewright jobs"
        )
    return found


def jobs(settings: Settings, course: str | None = None, *, limit: int | None = None) -> list[Job]:
    """Jobs, newest first.

    Cheap to call again and again: only live jobs are read anew.

    Args:
        settings: The installation.
        course: Only jobs of this course.
        limit: The newest so many; None means all.
    """
    return list_jobs(settings, course, limit)


def worker_alive(settings: Settings) -> bool:
    """Whether a worker has shown a sign of life in the last seconds."""
    path = settings.home / "worker.alive"
    return path.exists() and time.time() - path.stat().st_mtime < _STALE_SECONDS
