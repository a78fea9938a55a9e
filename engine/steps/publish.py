"""The student leaves the house: files to take away, and an API."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from engine.progress import Report, silent
from engine.schema import Progress
from engine.steps.workspace import Workspace, finished_run, student_model
from engine.store import Result


def export_student(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Write the current student as ``plan["format"]`` into ``plan["out"]``."""
    from engine.publish import export

    folder = finished_run(workspace)
    out = Path(plan.get("out") or workspace.folder / "exports" / folder.name / plan["format"])
    files = export(folder, plan["format"], out, settings=workspace.settings, report=report)
    data = {"format": plan["format"], "folder": str(out), "files": [str(f) for f in files]}
    workspace.store.save_result(
        workspace.course.id,
        Result(stage="publish", name=plan["format"], inputs=folder.name, data=data),
    )
    return data


def serve_student(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Serve the current student on 127.0.0.1 until stopped (``report`` raises ``Cancelled``)."""
    from engine.serve.api import make_app, serving

    folder = finished_run(workspace)
    chat = student_model(workspace.settings, folder)
    report(Progress(stage="serve", message="Loading the student"))
    chat.load()
    port = int(plan.get("port", 8600))
    app = make_app(
        chat, workspace.store, workspace.course.id, per_minute=plan.get("per_minute", 120)
    )
    with serving(app, port):
        while True:
            report(Progress(stage="serve", message=f"http://127.0.0.1:{port}/v1"))
            time.sleep(1.0)
