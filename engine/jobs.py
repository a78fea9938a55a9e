"""Durable jobs: submit, list, cancel, resume, and the worker that runs them.

A job is one step of ``engine.steps`` with its course and plan. Its id is a hash of those and of
what the step starts from, so a double click is a no-op. DBOS keeps the queue (SQLite by default,
PostgreSQL by URL) and brings running jobs back after the worker was killed; the step itself runs in
a child process of its own group, is idempotent, and writes into the job's folder::

    <home>/jobs/<id>/  job.json  progress.jsonl  log.txt  result.json | error.json  cancel

Only this module imports dbos. A child dies with its worker (``engine.child``), so a
restart never runs the same job twice at once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from engine.errors import Missing
from engine.schema import Progress, Value, content_id
from engine.settings import Settings

State = Literal["queued", "running", "done", "stopped", "failed"]
LIVE: tuple[State, ...] = ("queued", "running")

_WORKFLOW = "run_job"
_VERSION = "1"
_HEAVY = ("train", "build", "exam")
_GRACE_SECONDS = 30.0
_STALE_SECONDS = 15.0


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


def submit(
    settings: Settings, kind: str, course: str, plan: dict[str, Any], inputs: str = ""
) -> str:
    """Queue a step and return the job's id; the same step on the same inputs is not queued twice.

    A job that stopped or failed is taken up again where it stood.

    Args:
        settings: The installation.
        kind: A key of ``engine.steps.STEPS``.
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
    _write(folder / "job.json", card)
    _enqueue(settings, kind, job, 1)
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
    _write(folder / "job.json", card)
    _enqueue(settings, current.kind, job, card["attempt"])
    return job


def cancel(settings: Settings, job: str) -> None:
    """Ask a job to stop; what it made is kept. A job that does not answer is ended by force.

    Raises:
        Missing: there is no such job.
    """
    current = read(settings, job)
    (folder_of(settings, job) / "cancel").touch()
    if current.state == "queued":
        with _client(settings) as client:
            client.cancel_workflow(_workflow_id(job, current.attempt))


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
    with _client(settings) as client:
        statuses = client.list_workflows(workflow_ids=[_workflow_id(job, card["attempt"])])
    return _job(folder, card, statuses[0].status if statuses else "ENQUEUED")


def jobs(settings: Settings, course: str | None = None) -> list[Job]:
    """Jobs, newest first, optionally of one course."""
    cards: list[tuple[Path, dict[str, Any]]] = []
    for path in (settings.home / "jobs").glob("*/job.json"):
        with contextlib.suppress(FileNotFoundError):  # being written or removed
            cards.append((path.parent, json.loads(path.read_text(encoding="utf-8"))))
    cards = [(f, c) for f, c in cards if course is None or c["course"] == course]
    if not cards:
        return []
    ids = [_workflow_id(folder.name, card["attempt"]) for folder, card in cards]
    with _client(settings) as client:
        rows = client.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
    statuses = {row.workflow_id: row.status for row in rows}
    found = [
        _job(folder, card, statuses.get(_workflow_id(folder.name, card["attempt"]), "ENQUEUED"))
        for folder, card in cards
    ]
    return sorted(found, key=lambda job: job.created, reverse=True)


def worker_alive(settings: Settings) -> bool:
    """Whether a worker has shown a sign of life in the last seconds."""
    path = settings.home / "worker.alive"
    return path.exists() and time.time() - path.stat().st_mtime < _STALE_SECONDS


# ---------------------------------------------------------------------- reading a job's folder


def _job(folder: Path, card: dict[str, Any], status: str) -> Job:
    rows = _tail(folder / "progress.jsonl")
    own = [row for row in rows if row["attempt"] == card["attempt"]]
    outcome = _read(folder / "outcome.json")
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
        error=_read(folder / "error.json"),
        result=_read(folder / "result.json"),
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


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _write(path: Path, data: dict[str, Any]) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


# ---------------------------------------------------------------------- the queue


def _workflow_id(job: str, attempt: int) -> str:
    return f"{job}.{attempt}"


def _queue(kind: str) -> str:
    if kind == "serve":
        return "services"
    return "heavy" if kind in _HEAVY else "light"


_clients: dict[str, Any] = {}


@contextlib.contextmanager
def _client(settings: Settings) -> Iterator[Any]:
    """One client per database and process; a client opens connections, so it is kept."""
    url = settings.jobs_database
    if url not in _clients:
        from dbos import DBOSClient, run_dbos_database_migrations

        run_dbos_database_migrations(system_database_url=url)
        _clients[url] = DBOSClient(system_database_url=url)
    yield _clients[url]


def _enqueue(settings: Settings, kind: str, job: str, attempt: int) -> None:
    with _client(settings) as client:
        options: Any = {
            "workflow_name": _WORKFLOW,
            "queue_name": _queue(kind),
            "workflow_id": _workflow_id(job, attempt),
            "app_version": _VERSION,
        }
        client.enqueue(options, str(settings.home), job, attempt)


def work(settings: Settings, *, watch: int = 0) -> None:
    """Be the worker: run queued jobs until interrupted, or until the process ``watch`` has ended.

    On SQLite there may be one worker per home; on PostgreSQL several, each with its own
    ``COURSEWRIGHT_WORKER`` name, all sharing the home folder.
    """
    import psutil
    from dbos import DBOS

    _configure(settings)
    DBOS.launch()
    DBOS.register_queue("heavy", worker_concurrency=1)
    DBOS.register_queue("light", worker_concurrency=2)
    DBOS.register_queue("services", worker_concurrency=4)
    alive = settings.home / "worker.alive"
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        while not watch or psutil.pid_exists(watch):
            alive.touch()
            time.sleep(1.0)
    except KeyboardInterrupt:
        pass
    finally:
        alive.unlink(missing_ok=True)
        _end_children()
        logging.shutdown()
        os._exit(0)  # steps wait in their threads, on purpose unfinished


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _configure(settings: Settings) -> None:
    from dbos import DBOS

    DBOS(
        config={
            "name": "coursewright",
            "system_database_url": settings.jobs_database,
            "application_version": _VERSION,
            "executor_id": os.environ.get("COURSEWRIGHT_WORKER", "local"),
            "log_level": "WARNING",
        }
    )
    step = DBOS.step(name="run_child")(_run_child)

    @DBOS.workflow(name=_WORKFLOW)
    def run_job(home: str, job: str, attempt: int) -> str:
        return str(step(home, job, attempt))


_children: dict[str, subprocess.Popen[bytes]] = {}
_stopping = threading.Event()


def _run_child(home: str, job: str, attempt: int) -> str:
    """Run a job's step in a child process group; returns its final state."""
    folder = Path(home) / "jobs" / job
    started = time.time()
    with (folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "engine", "--home", home, "step", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"COURSEWRIGHT_ATTEMPT": str(attempt)},
        )
        _children[job] = child
        code = _wait(child, folder / "cancel")
        _children.pop(job, None)
    while _stopping.is_set():  # never settled: the next worker takes the job up again
        time.sleep(1.0)
    return _settle(folder, code, started)


def _wait(child: subprocess.Popen[bytes], cancel_file: Path) -> int:
    """Wait for the child; once asked to cancel it has a grace time, then TERM, then KILL."""
    asked: float | None = None
    while (code := child.poll()) is None:
        time.sleep(0.2)
        if asked is None and cancel_file.exists():
            asked = time.monotonic()
        if asked is not None:
            waited = time.monotonic() - asked
            if waited > 1.5 * _GRACE_SECONDS:
                _signal_group(child, signal.SIGKILL)
            elif waited > _GRACE_SECONDS:
                _signal_group(child, signal.SIGTERM)
    return code


def _settle(folder: Path, code: int, started: float) -> str:
    if code == 0:
        state: State = "done"
    elif (folder / "cancel").exists():
        state = "stopped"
    else:
        state = "failed"
        if not (folder / "error.json").exists():
            _write(folder / "error.json", _death(folder, code))
    _write(folder / "outcome.json", {"state": state, "started": started, "finished": time.time()})
    return state


def _death(folder: Path, code: int) -> dict[str, Any]:
    """What to tell when a child died without a word (usually: the machine ran out of memory)."""
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    killed = code in (-9, 137)
    return {
        "code": "job.killed" if killed else "job.died",
        "message": "The work was ended from outside, most likely for want of memory."
        if killed
        else f"The work ended unexpectedly (status {code}). {' '.join(lines[-1:])[-300:]}",
        "next": "What was done is kept. Close other programs, then resume.",
    }


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _end_children() -> None:
    """On an orderly end of the worker its children end too; they resume with the next worker."""
    _stopping.set()
    for child in list(_children.values()):
        _signal_group(child, signal.SIGKILL)
