"""A job as people see it, read from its folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from engine.files import read_json
from engine.schema import Progress, Value
from engine.settings import Settings

State = Literal["queued", "running", "done", "stopped", "failed"]
LIVE: tuple[State, ...] = ("queued", "running")


class Job(Value):
    """A job as people see it.

    ``progress`` is the last one reported; ``rate`` is units of it per second over this attempt;
    ``eta`` seconds left, None while unknown; times are seconds since the epoch.
    """

    id: str
    kind: str
    course: str
    plan: dict[str, Any]
    state: State
    attempt: int = 1
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    progress: Progress | None = None
    rate: float = 0.0
    eta: float | None = None
    log: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None

    @property
    def live(self) -> bool:
        """Whether the job waits or runs."""
        return self.state in LIVE


def folder_of(settings: Settings, job: str) -> Path:
    """The job's folder."""
    return settings.home / "jobs" / job


def job_of(folder: Path, card: dict[str, Any], status: str) -> Job:
    """The job in this folder.

    Args:
        folder: The job's folder.
        card: What ``job.json`` in it holds.
        status: What the queue says of this attempt; where the job has ended its folder knows.
    """
    rows = _tail(folder / "progress.jsonl")
    own = [row for row in rows if row["attempt"] == card["attempt"]]
    outcome = read_json(folder / "outcome.json")
    rate, eta = _rate(own)
    started = own[0]["at"] if own else 0.0
    return Job(
        id=folder.name,
        kind=card["kind"],
        course=card["course"],
        plan=card["plan"],
        state=_state(status, outcome),
        attempt=card["attempt"],
        created=card["created"],
        started=(outcome or {}).get("started", started),
        finished=(outcome or {}).get("finished", 0.0),
        progress=Progress.model_validate(rows[-1]["progress"]) if rows else None,
        rate=rate,
        eta=eta,
        log=tuple(_messages(rows)),
        error=read_json(folder / "error.json"),
        result=read_json(folder / "result.json"),
    )


def _state(status: str, outcome: dict[str, Any] | None) -> State:
    if outcome is not None:
        return outcome["state"]  # type: ignore[no-any-return]
    if status in ("ENQUEUED", "DELAYED"):
        return "queued"
    if status == "PENDING":
        return "running"
    return "stopped" if status == "CANCELLED" else "failed"


def _rate(rows: list[dict[str, Any]]) -> tuple[float, float | None]:
    """Units per second over the last rows of one stage, and the seconds that are left."""
    if not rows:
        return 0.0, None
    last = rows[-1]["progress"]
    same = [row for row in rows if row["progress"]["stage"] == last["stage"]]
    seconds = same[-1]["at"] - same[0]["at"]
    gained = last["done"] - same[0]["progress"]["done"]
    rate = gained / seconds if seconds > 0 and gained > 0 else 0.0
    if "eta" in last["metrics"]:  # the step knows better (training counts its remaining steps)
        return rate, max(0.0, last["metrics"]["eta"] - (time.time() - same[-1]["at"]))
    return rate, (last["total"] - last["done"]) / rate if rate and last["total"] else None


def _messages(rows: list[dict[str, Any]]) -> Iterator[str]:
    previous = ""
    for row in rows:
        message = row["progress"]["message"]
        if message and message != previous:
            yield message
        previous = message


def _tail(path: Path, size: int = 60_000) -> list[dict[str, Any]]:
    """The last rows of a JSON-lines file, whole lines only."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        length = file.tell()
        file.seek(max(0, length - size))
        lines = file.read().split(b"\n")
    whole = lines[1:-1] if length > size else lines[:-1]
    return [json.loads(line) for line in whole if line.strip()]
