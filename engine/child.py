"""The child process of a job: runs one step, and writes its progress and outcome into files."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Cancelled, EngineError, Missing, WorkFailed
from engine.files import read_json, write_json
from engine.progress import Report
from engine.schema import Progress
from engine.settings import Settings
from engine.steps import run_step


def run_child(settings: Settings, folder: Path) -> int:
    """Be the child process of a job: run its step, write progress and outcome into ``folder``.

    Returns the exit status: 0 done, 1 failed, 130 stopped.

    Raises:
        Missing: there is no job in ``folder``.
    """
    card = read_json(folder / "job.json")
    if card is None:
        raise Missing(
            f"There is no job in {folder}.", code="job.missing", next="See: coursewright jobs"
        )
    _die_with_parent()
    with _progress_file(folder) as report:
        try:
            result = run_step(settings, card["kind"], card["course"], card["plan"], report)
        except Cancelled:
            return 130
        except EngineError as error:
            write_json(folder / "error.json", error.as_dict() | {"values": error.values})
            return 1
        except MemoryError:
            write_json(folder / "error.json", _out_of_memory().as_dict())
            return 1
        except Exception as error:  # the last line of defence: told to the user, logged in full
            traceback.print_exc()
            write_json(folder / "error.json", _unexpected(error).as_dict())
            return 1
    write_json(folder / "result.json", result, durable=True)
    return 0


def _out_of_memory() -> WorkFailed:
    return WorkFailed(
        "The machine ran out of memory.",
        code="work.memory",
        next="Close other programs or choose a smaller batch, then resume.",
    )


def _unexpected(error: Exception) -> WorkFailed:
    return WorkFailed(
        f"Something unforeseen happened: {type(error).__name__}: {error}",
        code="work.unexpected",
        next="What was done is kept. Resume; if it happens again, report it with log.txt.",
    )


@contextmanager
def _progress_file(folder: Path) -> Iterator[Report]:
    """A report that appends to ``progress.jsonl`` at most five times a second; obeys ``cancel``."""
    attempt = int(os.environ.get("COURSEWRIGHT_ATTEMPT", "1"))
    at, stage = 0.0, ""
    with (folder / "progress.jsonl").open("a", encoding="utf-8") as file:

        def report(progress: Progress) -> None:
            nonlocal at, stage
            now = time.time()
            ended = progress.total and progress.done >= progress.total
            if now - at >= 0.2 or progress.stage != stage or ended:
                row = {"at": now, "attempt": attempt, "progress": progress.model_dump(mode="json")}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                at, stage = now, progress.stage
            if (folder / "cancel").exists():
                raise Cancelled("The work was stopped; what was done is kept.")

        yield report


def _die_with_parent() -> None:
    """End this process when the worker dies, so that no job ever runs twice at once."""
    import ctypes
    import signal
    import sys
    import threading

    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
