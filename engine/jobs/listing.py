"""The list of jobs, which screens draw every two seconds.

A job that has ended never changes again (resuming one begins by removing its outcome), so each
process reads its folder once. Later lists open the files of live jobs only, and look at the dates
of the others' ``job.json`` and ``outcome.json``.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import read_json
from engine.jobs.card import Job, job_of
from engine.jobs.queue import client_of, workflow_id
from engine.settings import Settings

_QUEUED_WITHIN = 60.0
"""Seconds from a job's card to its place in the queue, at the most; else it never got there."""
_Dates = tuple[tuple[int, int], ...]


@dataclass
class _Entry:
    """What is known of one job's folder: valid while its files have these dates."""

    dates: _Dates
    card: dict[str, Any]
    job: Job | None = None  # once it has ended

    @property
    def ended(self) -> bool:
        return len(self.dates) == 2


_entries: dict[Path, _Entry] = {}
"""By folder, for all threads of this process."""


def list_jobs(settings: Settings, course: str | None, limit: int | None) -> list[Job]:
    """Jobs, newest first; see ``engine.jobs.jobs``."""
    known = [(f, e) for f, e in _all(settings).items() if course in (None, e.card["course"])]
    known.sort(key=lambda row: (row[1].card["created"], row[0].name), reverse=True)
    return _jobs(settings, dict(known[:limit]))


def one_job(settings: Settings, folder: Path) -> Job | None:
    """The job in this folder as it is now; None where there is none."""
    entry = _entry(folder)
    return _jobs(settings, {folder: entry})[0] if entry else None


def _all(settings: Settings) -> dict[Path, _Entry]:
    place = settings.home / "jobs"
    folders = {Path(e.path) for e in os.scandir(place)} if place.is_dir() else set()
    for gone in [f for f in list(_entries) if f.parent == place and f not in folders]:
        _entries.pop(gone, None)
    found = {folder: _entry(folder) for folder in folders}
    return {folder: entry for folder, entry in found.items() if entry is not None}


def _entry(folder: Path) -> _Entry | None:
    """What is known of a folder, read anew where it is new or has changed."""
    dates = _dates(folder)  # before the reading: a change meanwhile makes the entry stale
    entry = _entries.get(folder)
    if entry is None or entry.dates != dates:
        card = read_json(folder / "job.json") if dates else None
        if card is None:  # being written or removed
            return None
        entry = _entries[folder] = _Entry(dates, card)
    return entry


def _dates(folder: Path) -> _Dates:
    """Date and number of ``job.json`` and, once the job has ended, of ``outcome.json``."""
    found = []
    for name in ("job.json", "outcome.json"):
        try:
            stat = os.stat(folder / name)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            break
        found.append((stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


def _jobs(settings: Settings, entries: dict[Path, _Entry]) -> list[Job]:
    """The jobs in these folders; the queue is asked for those that have not ended."""
    open_ones = {
        workflow_id(f.name, e.card["attempt"]): f for f, e in entries.items() if not e.ended
    }
    statuses: dict[Path, str] = {}
    if open_ones:
        with client_of(settings) as client:
            rows = client.list_workflows(
                workflow_ids=list(open_ones), load_input=False, load_output=False
            )
        statuses = {open_ones[row.workflow_id]: str(row.status) for row in rows}
    return [_job(folder, entry, statuses.get(folder)) for folder, entry in entries.items()]


def _job(folder: Path, entry: _Entry, status: str | None) -> Job:
    if entry.job is not None:
        return entry.job
    job = job_of(folder, entry.card, status or _before_the_queue(entry))
    if entry.ended:
        entry.job = job
    return job


def _before_the_queue(entry: _Entry) -> str:
    """Of a job that the queue does not know: on its way there, or its sender died before."""
    age = time.time() - entry.dates[0][0] / 1e9
    return "ENQUEUED" if age < _QUEUED_WITHIN else "CANCELLED"
