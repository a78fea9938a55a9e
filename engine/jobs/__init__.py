"""Durable jobs: submit, list, cancel, resume, and the worker that runs them.

A job is one step of ``engine.steps`` with its course and plan. Its id is a hash of those and of
what the step starts from, so a double click is a no-op. DBOS keeps the queue (SQLite by default,
PostgreSQL by URL) and brings running jobs back after the worker was killed; the step itself runs in
a child process of its own group, is idempotent, and writes into the job's folder::

    <home>/jobs/<id>/  job.json  progress.jsonl  log.txt  result.json | error.json  cancel

Only this package imports dbos. A child dies with its worker (``engine.child``), so a
restart never runs the same job twice at once.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from engine.errors import Missing
from engine.jobs.card import LIVE, Job, State, folder_of, job_of, write_json
from engine.jobs.queue import client_of, enqueue, workflow_id
from engine.jobs.start import start
from engine.jobs.worker import discard_job, work
from engine.schema import content_id
from engine.settings import Settings

__all__ = [
    "LIVE",
    "Job",
    "State",
    "cancel",
    "folder_of",
    "jobs",
    "read",
    "remove",
    "resume",
    "start",
    "submit",
    "work",
    "worker_alive",
]

_STALE_SECONDS = 15.0


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
    folder.mkdir(parents=True, exist_ok=True)
    card = {"kind": kind, "course": course, "plan": plan, "created": time.time(), "attempt": 1}
    write_json(folder / "job.json", card)
    enqueue(settings, kind, job, 1)
    return job


def resume(settings: Settings, job: str) -> str:
    """Run a stopped or failed job again; it goes on from what it kept.

    Raises:
        Missing: there is no such job.
    """
    current = read(settings, job)
    if current.live:
        return job
    folder = folder_of(settings, job)
    for name in ("cancel", "error.json", "result.json", "outcome.json"):
        (folder / name).unlink(missing_ok=True)
    card = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    card["attempt"] += 1
    write_json(folder / "job.json", card)
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
    """
    current = read(settings, job)
    folder = folder_of(settings, job)
    if discard:
        (folder / "discard").touch()
    (folder / "cancel").touch()
    if current.state == "queued":
        with client_of(settings) as client:
            client.cancel_workflow(workflow_id(job, current.attempt))
    if discard and current.state != "running":
        discard_job(folder)


def remove(settings: Settings, job: str) -> None:
    """Forget a job that is no longer live (its course keeps what it made)."""
    import shutil

    if not read(settings, job).live:
        shutil.rmtree(folder_of(settings, job))


def read(settings: Settings, job: str) -> Job:
    """The job with this id.

    Raises:
        Missing: there is none.
    """
    folder = folder_of(settings, job)
    if not (folder / "job.json").exists():
        raise Missing(
            f"There is no job “{job}”.", code="job.missing", next="List them: coursewright jobs"
        )
    card = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with client_of(settings) as client:
        statuses = client.list_workflows(workflow_ids=[workflow_id(job, card["attempt"])])
    return job_of(folder, card, statuses[0].status if statuses else "ENQUEUED")


def jobs(settings: Settings, course: str | None = None) -> list[Job]:
    """Jobs, newest first, optionally of one course."""
    cards: list[tuple[Path, dict[str, Any]]] = []
    for path in (settings.home / "jobs").glob("*/job.json"):
        with contextlib.suppress(FileNotFoundError):  # being written or removed
            cards.append((path.parent, json.loads(path.read_text(encoding="utf-8"))))
    cards = [(f, c) for f, c in cards if course is None or c["course"] == course]
    if not cards:
        return []
    ids = [workflow_id(folder.name, card["attempt"]) for folder, card in cards]
    with client_of(settings) as client:
        rows = client.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
    statuses = {row.workflow_id: row.status for row in rows}
    found = [
        job_of(folder, card, statuses.get(workflow_id(folder.name, card["attempt"]), "ENQUEUED"))
        for folder, card in cards
    ]
    return sorted(found, key=lambda job: job.created, reverse=True)


def worker_alive(settings: Settings) -> bool:
    """Whether a worker has shown a sign of life in the last seconds."""
    path = settings.home / "worker.alive"
    return path.exists() and time.time() - path.stat().st_mtime < _STALE_SECONDS
