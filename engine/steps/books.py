"""Books into the course: read, split into passages, index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.course import make_passages
from engine.errors import EngineError
from engine.progress import Report, silent
from engine.schema import Document, content_id
from engine.steps.workspace import Workspace, open_index
from engine.store import Result


def read_books(
    workspace: Workspace, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Read the files in ``plan["files"]`` into the course, then make passages and their index.

    A file that cannot be read does not stop the others; its error stands in the result.

    Raises:
        EngineError: none of the files could be read; the first one's error.
    """
    from engine.documents import read_all

    known = set(workspace.store.document_ids(workspace.course.id))
    added: list[Document] = []
    repeated: list[str] = []
    failed: list[tuple[Path, EngineError]] = []
    for path, outcome in read_all([Path(f) for f in plan["files"]], workspace.settings, report):
        if isinstance(outcome, Document):
            if outcome.id in known:
                repeated.append(outcome.title)
            else:
                added.append(outcome)
            _keep_file(workspace, path, outcome)
            workspace.store.add_document(workspace.course.id, outcome)
        else:
            failed.append((path, outcome))
    if failed and not added and not known:
        raise failed[0][1]
    index_books(workspace, report)
    return {
        "added": [d.id for d in added],
        "repeated": repeated,
        "failed": [{"file": path.name, **error.as_dict()} for path, error in failed],
    }


def _keep_file(workspace: Workspace, path: Path, document: Document) -> None:
    """Keep a PDF beside the course: its pages are shown again."""
    if path.is_file() and path.suffix.lower() == ".pdf":
        target = workspace.folder / "books" / f"{document.id}.pdf"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".part")
            partial.write_bytes(path.read_bytes())
            partial.replace(target)


def index_books(workspace: Workspace, report: Report = silent) -> None:
    """Passages of all books, and their search index."""
    documents = workspace.store.documents(workspace.course.id)
    passages = make_passages(documents)
    workspace.store.replace_passages(workspace.course.id, passages)
    open_index(workspace, report)
    workspace.store.save_result(
        workspace.course.id,
        Result(
            stage="books",
            inputs=content_id([d.id for d in documents]),
            data={
                "books": len(documents),
                "sections": sum(len(d.sections) for d in documents),
                "passages": len(passages),
                "tokens": sum(p.tokens for p in passages),
            },
        ),
    )


def remove_book(workspace: Workspace, document: str) -> None:
    """Take a book out of the course, with its passages; pairs stay until the corpus is remade."""
    workspace.store.remove_document(workspace.course.id, document)
    (workspace.folder / "books" / f"{document}.pdf").unlink(missing_ok=True)
    index_books(workspace)
