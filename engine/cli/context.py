"""What every command has at hand: settings, store, output, progress, and the queue."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.schema import Progress, Value
from engine.settings import Settings, load
from engine.steps import Step, Workspace
from engine.store import Store

P = TypeVar("P", bound=Value)
R = TypeVar("R", bound=Value)

Verbs = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""


class Context:
    """One command's options and collaborators; opened only when asked for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.status = 0
        self._bar = sys.stderr.isatty() and not options.quiet
        self._stage, self._at, self._open = "", 0.0, False

    @cached_property
    def settings(self) -> Settings:
        """Settings of this installation."""
        return load(self.options.home)

    @cached_property
    def store(self) -> Store:
        """The rows of this installation."""
        return Store(self.settings.database)

    def show(self, data: Any, text: str | Callable[[], str] = "") -> None:
        """Print the result: JSON if asked for, else the text for people."""
        if self.options.json:
            print(json.dumps(data, ensure_ascii=False, default=str))
        else:
            print(
                text() if callable(text) else text or json.dumps(data, ensure_ascii=False, indent=1)
            )

    def part_failed(self, data: dict[str, Any], failed: Sequence[EngineError]) -> dict[str, Any]:
        """The result with what of it failed, if anything did: then the exit status is 1."""
        if not failed:
            return data
        self.status = 1
        for error in failed:
            print(f"{error.message} {error.next}".strip(), file=sys.stderr)
        return {**data, "failed": [error.as_dict() for error in failed]}

    def failed(self, error: EngineError) -> None:
        """Tell an error on stderr, and with ``--json`` also on stdout."""
        print(f"{error.message} {error.next}".strip(), file=sys.stderr)
        if self.options.json:
            listed = {"failed": error.values["failed"]} if "failed" in error.values else {}
            print(json.dumps({"error": error.as_dict(), **listed}, ensure_ascii=False, default=str))

    def report(self, progress: Progress) -> None:
        """A progress line on stderr, redrawn on a terminal, else one a stage or ten seconds."""
        if self.options.quiet:
            return
        now = time.monotonic()
        changed = progress.stage != self._stage
        if not changed and now - self._at < (0.2 if self._bar else 10.0):
            return
        self._stage, self._at = progress.stage, now
        line = _line(progress)
        if self._bar:
            print("\r\033[K" + line[:100], end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Close the progress line."""
        if self._open:
            print(file=sys.stderr)
            self._open = False

    @cached_property
    def workspace(self) -> Workspace:
        """The course that the command names.

        Raises:
            Missing: there is none.
        """
        return Workspace(self.settings, self.store, self.store.course(self.options.course))

    def step(self, step: Step[P, R], plan: P) -> dict[str, Any]:
        """Run a step here, or with ``--queue`` hand it to the worker; its result or job as JSON."""
        if getattr(self.options, "queue", False):
            from engine.jobs import start

            return {"job": start(self.workspace, step, plan)}
        return step(self.workspace, plan, self.report).model_dump(mode="json")


def _line(progress: Progress) -> str:
    share = f"{progress.done:g}/{progress.total:g}" if progress.total else f"{progress.done:g}"
    metrics = "  ".join(f"{name} {value:.3g}" for name, value in progress.metrics.items())
    return f"{progress.stage}  {share}  {metrics}  {progress.message}".rstrip()


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text; the first is the head."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
