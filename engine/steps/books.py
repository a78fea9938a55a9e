"""Books into the course: read, split into passages, index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.course import make_passages
from engine.errors import BadDocument, EngineError
from engine.files import write_bytes
from engine.progress import Report, silent
from engine.schema import Document, Value, content_id
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import Workspace, open_index


class ReadPlan(Value):
    """The files and folders to read, as absolute paths."""

    files: tuple[str, ...]


class FailedFile(Value):
    """A file that could not be read, and why."""

    file: str
    code: str
    message: str
    next: str = ""
    values: dict[str, Any] = {}


class BooksRead(Value):
    """Ids of the books that were added, titles that the course had already, files that failed."""

    added: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    failed: tuple[FailedFile, ...] = ()


class BookFigures(Value):
    """How much the books of a course hold."""

    books: int
    sections: int
    passages: int
    tokens: int


BOOKS = ResultKind("books", BookFigures)


def read_books(workspace: Workspace, plan: ReadPlan, report: Report = silent) -> BooksRead:
    """Read files into the course, then make passages and their index.

    A file that cannot be read does not stop the others; its error stands in the result.

    Raises:
        EngineError: none of the files could be read: the only file's error, or all in one.
    """
    from engine.documents import read_all

    known = set(workspace.store.document_ids(workspace.course.id))
    added: list[str] = []
    repeated: list[str] = []
    failed: list[tuple[Path, EngineError]] = []
    paths = [Path(file) for file in plan.files]
    for path, outcome in read_all(paths, workspace.settings, report):
        if isinstance(outcome, EngineError):
            failed.append((path, outcome))
            continue
        if outcome.id in known:
            repeated.append(outcome.title)
        else:
            added.append(outcome.id)
        _keep_file(workspace, path, outcome)
        workspace.store.add_document(workspace.course.id, outcome)
    rows = tuple(
        FailedFile(file=path.name, **error.as_dict(), values=error.values) for path, error in failed
    )
    if failed and not added and not repeated:
        raise failed[0][1] if len(failed) == 1 else _none_read(rows)
    index_books(workspace, report)
    return BooksRead(added=tuple(added), repeated=tuple(repeated), failed=rows)


def _none_read(failed: Sequence[FailedFile]) -> BadDocument:
    listed = " ".join(f"{row.file}: {row.message}" for row in failed)
    return BadDocument(
        f"None of the {len(failed)} files could be read. {listed}",
        code="read.none",
        next="Mend or leave out these files, then add the others.",
        n=len(failed),
        listed=listed,
        failed=[row.model_dump(mode="json") for row in failed],
    )


def _keep_file(workspace: Workspace, path: Path, document: Document) -> None:
    """Keep a PDF beside the course: its pages are shown again."""
    if path.is_file() and path.suffix.lower() == ".pdf":
        target = workspace.folder / "books" / f"{document.id}.pdf"
        if not target.exists():
            write_bytes(target, path.read_bytes(), durable=True)


def index_books(workspace: Workspace, report: Report = silent) -> None:
    """Passages of all books, and their search index."""
    documents = workspace.store.documents(workspace.course.id)
    passages = make_passages(documents)
    workspace.store.replace_passages(workspace.course.id, passages)
    open_index(workspace, report)
    figures = BookFigures(
        books=len(documents),
        sections=sum(len(d.sections) for d in documents),
        passages=len(passages),
        tokens=sum(p.tokens for p in passages),
    )
    inputs = content_id([d.id for d in documents])
    workspace.store.save(workspace.course.id, BOOKS, figures, inputs=inputs)


def remove_book(workspace: Workspace, document: str) -> None:
    """Take a book out of the course, with its passages; pairs stay until the corpus is remade."""
    workspace.store.remove_document(workspace.course.id, document)
    (workspace.folder / "books" / f"{document}.pdf").unlink(missing_ok=True)
    index_books(workspace)


def _files_now(store: Store, course: str, plan: ReadPlan) -> str:
    """Names the files as they are now: a changed file is read again."""
    found = [Path(file) for file in plan.files]
    stats = [path.stat() for path in found if path.exists()]
    return content_id([(stat.st_size, stat.st_mtime_ns) for stat in stats])


READ = Step(
    name="read",
    label="Reading the books",
    plan=ReadPlan,
    result=BooksRead,
    run=read_books,
    inputs=_files_now,
    default=lambda workspace: ReadPlan(files=()),
    stages=("course",),
)
