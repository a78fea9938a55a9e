"""Books into the course: read, split into passages, index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.course import make_passages
from engine.errors import BadDocument, EngineError, Missing
from engine.files import write_bytes
from engine.progress import Report, silent
from engine.schema import Document, Value, content_id
from engine.steps.step import Step
from engine.store import ResultKind, Store
from engine.workspace import Workspace, open_index


class ReadPlan(Value):
    """The files and folders to read, as absolute paths.

    ``ocr`` has scanned and damaged pages read by text recognition. ``again`` reads books that the
    course holds already anew, by today's reader, from the files that were kept.
    """

    files: tuple[str, ...]
    ocr: bool = False
    again: bool = False


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
    old, failed = kept_files(workspace) if plan.again else ({}, [])
    with_ocr = [path for path, document in old.items() if _was_ocr(document)]
    for ocr, paths in _by_ocr(plan, old, with_ocr):
        settings = replace(workspace.settings, ocr=ocr)
        for path, outcome in read_all(paths, settings, report):
            if isinstance(outcome, EngineError):
                failed.append((path, outcome))
                continue
            (repeated if outcome.id in known else added).append(
                outcome.title if outcome.id in known else outcome.id
            )
            _keep_file(workspace, path, outcome)
            workspace.store.add_document(workspace.course.id, outcome)
    rows = tuple(
        FailedFile(file=path.name, **error.as_dict(), values=error.values) for path, error in failed
    )
    if failed and not added and not repeated:
        raise failed[0][1] if len(failed) == 1 else _none_read(rows)
    index_books(workspace, report)
    return BooksRead(added=tuple(added), repeated=tuple(repeated), failed=rows)


def _by_ocr(
    plan: ReadPlan, old: Mapping[Path, Document], with_ocr: Sequence[Path]
) -> list[tuple[bool, list[Path]]]:
    """The files by whether text recognition may read their pages: what was so, stays so."""
    fresh = [Path(file) for file in plan.files]
    plain = [path for path in old if path not in with_ocr]
    ocr = [*fresh, *plain] if plan.ocr else []
    groups = [(True, [*ocr, *with_ocr]), (False, [] if plan.ocr else [*fresh, *plain])]
    return [(flag, paths) for flag, paths in groups if paths]


def _was_ocr(document: Document) -> bool:
    return any(warning.code == "pdf.ocr" for warning in document.warnings)


def outdated(documents: Iterable[Document]) -> list[Document]:
    """The books that an older reader read: what today's finds in them is not in the course."""
    from engine.documents import READER

    return [document for document in documents if document.reader < READER]


def kept_files(workspace: Workspace) -> tuple[dict[Path, Document], list[tuple[Path, EngineError]]]:
    """The kept file of every book, and an error for each book whose file was not kept."""
    found: dict[Path, Document] = {}
    lost: list[tuple[Path, EngineError]] = []
    for document in workspace.store.documents(workspace.course.id):
        files = sorted((workspace.folder / "books").glob(f"{document.id}.*"))
        if files:
            found[files[0]] = document
        else:
            lost.append((Path(document.filename), _not_kept(document)))
    return found, lost


def _not_kept(document: Document) -> Missing:
    return Missing(
        f"The file of “{document.title}” was not kept.",
        code="read.source",
        next="Add the same file again: it takes the place of the old reading.",
        title=document.title,
    )


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
    """Keep a book's file beside the course: its pages are shown, and it can be read again.

    Of a folder the texts are kept, as a zip; a book inside a zip is not kept by itself.
    """
    from engine.documents import packed

    folder = workspace.folder / "books"
    if path.parent == folder or any(folder.glob(f"{document.id}.*")):
        return
    if path.is_file():
        target = folder / f"{document.id}{path.suffix.lower()}"
        write_bytes(target, path.read_bytes(), durable=True)
    elif path.is_dir():
        write_bytes(folder / f"{document.id}.zip", packed(path), durable=True)


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
    inputs = content_id(workspace.store.readings(workspace.course.id))
    workspace.store.save(workspace.course.id, BOOKS, figures, inputs=inputs)


def remove_book(workspace: Workspace, document: str) -> None:
    """Take a book out of the course, with its passages; pairs stay until the corpus is remade."""
    workspace.store.remove_document(workspace.course.id, document)
    for path in (workspace.folder / "books").glob(f"{document}.*"):
        path.unlink()
    index_books(workspace)


def _files_now(store: Store, course: str, plan: ReadPlan) -> str:
    """Names the files as they are now: a changed file is read again."""
    found = [Path(file) for file in plan.files]
    if plan.again:
        return content_id(store.readings(course), plan.ocr)
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
