"""The worker: runs each job's step in a child process and settles how it ended."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from engine.files import read_json, write_json
from engine.jobs.card import State
from engine.jobs.queue import VERSION, WORKFLOW
from engine.python import child_environment, engine_command
from engine.settings import Settings, load

_GRACE_SECONDS = 30.0


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
            "application_version": VERSION,
            "executor_id": os.environ.get("COURSEWRIGHT_WORKER", "local"),
            "log_level": "WARNING",
        }
    )
    step = DBOS.step(name="run_child")(_run_child)

    @DBOS.workflow(name=WORKFLOW)
    def run_job(home: str, job: str, attempt: int) -> str:
        return str(step(home, job, attempt))


_children: dict[str, subprocess.Popen[bytes]] = {}
_stopping = threading.Event()


def _run_child(home: str, job: str, attempt: int) -> str:
    """Run a job's step in a child process group; returns its final state.

    The child works in the job's folder and is this same engine, whatever lies in any folder.
    """
    folder = Path(home) / "jobs" / job
    started = time.time()
    for name in ("result.json", "error.json"):  # of a run that the worker did not survive
        (folder / name).unlink(missing_ok=True)
    with (folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            engine_command(home, "step", str(folder)),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=child_environment(COURSEWRIGHT_ATTEMPT=str(attempt)),
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
    """Write how an attempt ended: done is what exited with 0 and left a result, nothing else."""
    if code == 0 and (folder / "result.json").exists():
        state: State = "done"
    elif (folder / "cancel").exists():
        state = "stopped"
    else:
        state = "failed"
        if not (folder / "error.json").exists():
            write_json(folder / "error.json", _death(folder, code))
    outcome = {"state": state, "started": started, "finished": time.time()}
    write_json(folder / "outcome.json", outcome, durable=True)
    if state == "stopped" and (folder / "discard").exists():
        discard_job(folder)
    return state


def discard_job(folder: Path) -> None:
    """Throw away what an ended job made, then the job; ``folder`` is ``<home>/jobs/<id>``."""
    from engine.steps import discard_step

    card = read_json(folder / "job.json")
    settings = load(folder.parents[1])
    discard_step(settings, card["kind"], card["course"], card["plan"])
    shutil.rmtree(folder)


def _death(folder: Path, code: int) -> dict[str, Any]:
    """What to tell when a child died without a word (usually: the machine ran out of memory)."""
    if code == 0:
        return {
            "code": "job.no_result",
            "message": "The work ended as if all were well, but left no result.",
            "next": "Resume it; if it happens again, report it with log.txt.",
        }
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
