"""The verb about everything at once: report."""

from __future__ import annotations

from pathlib import Path

from engine.cli.context import Context, Verbs
from engine.steps import Workspace


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    verb = verbs.add_parser("report", help="a course, or one learner of it, as one HTML file")
    verb.add_argument("course")
    verb.add_argument("--learner", help="pseudonym or name")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    verb.set_defaults(run=_report)


def _report(context: Context) -> None:
    options = context.options
    path = write_report(context.workspace, options.out, options.learner)
    context.show({"out": str(path)}, f"Wrote the report to {path}.")


def write_report(workspace: Workspace, path: Path, learner: str | None = None) -> Path:
    """Write a report and return its path."""
    from engine.report import report

    text = report(workspace, learner)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
