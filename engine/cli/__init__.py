"""The command ``coursewright``: the same verbs as the screens, for scripts and the terminal.

Exit status: 0 done; 1 the work failed; 2 wrong usage; 130 cancelled. With ``--json`` one JSON
document goes to stdout; progress and logs go to stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine import __version__
from engine.cli import (
    align,
    course,
    grading,
    housekeeping,
    learner,
    lesson,
    machine,
    model,
    prompts,
    report,
)
from engine.cli.context import Context
from engine.errors import Cancelled, EngineError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = parser().parse_args(arguments)
    context = Context(options)
    try:
        options.run(context)
    except (KeyboardInterrupt, Cancelled):
        context.end()
        print("Stopped; what was done is kept.", file=sys.stderr)
        return 130
    except EngineError as error:
        context.end()
        context.failed(error)
        return 1
    context.end()
    return int(context.status)


def parser() -> argparse.ArgumentParser:
    """The whole grammar of the command line."""
    top = argparse.ArgumentParser(prog="coursewright", description=__doc__.split("\n")[0])
    top.add_argument("--home", type=Path, help="folder with all state of this installation")
    top.add_argument("--json", action="store_true", help="one JSON document on stdout")
    top.add_argument("--quiet", action="store_true", help="no progress")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="VERB")
    groups = (
        machine,
        course,
        model,
        lesson,
        align,
        prompts,
        learner,
        grading,
        report,
        housekeeping,
    )
    for group in groups:
        group.add_verbs(verbs)
    return top
