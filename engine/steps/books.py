"""Books into the course: read, split into passages, index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.course import make_passages
from engine.errors import EngineError
from engine.files import write_bytes
from engine.progress import Report, silent
from engine.schema import Document, content_id
from engine.steps.room import Room, open_index
from engine.store import Result


def read_books(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Read the files in ``plan["files"]`` into the course, then make passages and their index.

    A file that cannot be read does not stop the others; its error stands in the result.

    Raises:
        EngineError: none of the files could be read; the first one's error.
    """
    from engine.documents import read_all

    known = set(room.store.document_ids(room.course.id))
    added: list[Document] = []
    repeated: list[str] = []
    failed: list[tuple[Path, EngineError]] = []
    for path, outcome in read_all([Path(f) for f in plan["files"]], room.settings, report):
        if isinstance(outcome, Document):
            if outcome.id in known:
                repeated.append(outcome.title)
            else:
                added.append(outcome)
            _keep_file(room, path, outcome)
            room.store.add_document(room.course.id, outcome)
        else:
            failed.append((path, outcome))
    if failed and not added and not known:
        raise failed[0][1]
    index_books(room, report)
    return {
        "added": [d.id for d in added],
        "repeated": repeated,
        "failed": [{"file": path.name, **error.as_dict()} for path, error in failed],
    }


def _keep_file(room: Room, path: Path, document: Document) -> None:
    """Keep a PDF beside the course: its pages are shown again."""
    if path.is_file() and path.suffix.lower() == ".pdf":
        target = room.folder / "books" / f"{document.id}.pdf"
        if not target.exists():
            write_bytes(target, path.read_bytes(), durable=True)


def index_books(room: Room, report: Report = silent) -> None:
    """Passages of all books, and their search index."""
    documents = room.store.documents(room.course.id)
    passages = make_passages(documents)
    room.store.replace_passages(room.course.id, passages)
    open_index(room, report)
    room.store.save_result(
        room.course.id,
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


def remove_book(room: Room, document: str) -> None:
    """Take a book out of the course, with its passages; pairs stay until the corpus is remade."""
    room.store.remove_document(room.course.id, document)
    (room.folder / "books" / f"{document}.pdf").unlink(missing_ok=True)
    index_books(room)
