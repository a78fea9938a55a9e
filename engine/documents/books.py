"""The verbs: one file to a document, and many files, folders and zips to many."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.documents.encoding import decode
from engine.documents.folder import hidden, is_book, natural, read_folder
from engine.documents.formats import BY_SUFFIX, SUFFIXES, Format, detect_format
from engine.documents.guard import Budget, check_file, open_zip
from engine.documents.markdown import read_markdown
from engine.documents.plain import read_plain
from engine.documents.roles import assign
from engine.documents.tree import Draft, bytes_id, document_of
from engine.errors import BadDocument, EngineError, Missing
from engine.progress import Report, silent
from engine.schema import Document, Warn
from engine.settings import Settings

_DEPTH = 3
"""How many zips inside zips are opened."""
_UNREAD = (".doc", ".ppt", ".rtf", ".mobi", ".azw", ".azw3", ".djvu", ".odt", ".odp", ".ps", ".rar")
"""Books of formats that are not read: named as an error where they lie in a folder."""


def read_document(path: Path, settings: Settings, report: Report = silent) -> Document:
    """The section tree of one book: a file, a folder of Markdown, or a zip of one of these.

    Raises:
        Missing: ``file``, where there is nothing at ``path``.
        BadDocument: what is wrong with it, by its code: ``empty``, ``too_large``, ``max_pages``,
            ``unsupported``, ``binary``, ``encoding``, ``pdf.encrypted``, ``pdf.corrupt``,
            ``pdf.scanned``, ``office.encrypted``, ``docx.corrupt``, ``pptx.corrupt``,
            ``epub.corrupt``, ``epub.encrypted``, ``cnxml.corrupt``, ``zip.corrupt``,
            ``zip.encrypted``, ``zip.traversal``, ``zip.bomb``, ``zip.many``.
    """
    path = Path(path)
    if path.is_dir():
        return _one(list(_in_folder(path, path)), path, settings, report)
    check_file(path, settings)
    kind = detect_format(path)
    if kind != "zip":
        return _file(path, kind, settings, report)
    with ExitStack() as stack:
        units = list(_in_zip(path, path, settings, Budget(settings), stack, 1))
        return _one(units, path, settings, report)


def read_all(
    paths: Sequence[Path], settings: Settings, report: Report = silent
) -> Iterator[tuple[Path, Document | EngineError]]:
    """Every book in files, folders and zips, in a stable order, each with its document or error.

    A book inside a zip has the path ``archive.zip/inner/name``. The second of two equal books is
    the error ``duplicate``. Only ``Cancelled``, from ``report``, stops the work.
    """
    from engine.errors import Cancelled

    seen: dict[str, Path] = {}
    for given in map(Path, paths):
        with ExitStack() as stack:
            for shown, read in _units(given, settings, stack):
                try:
                    result: Document | EngineError = read(report)
                except Cancelled:
                    raise
                except EngineError as error:
                    result = error
                if isinstance(result, Document):
                    first = seen.setdefault(result.id, shown)
                    if first is not shown:
                        result = _duplicate(shown, first)
                yield shown, result


_Read = Callable[[Report], Document]
_Unit = tuple[Path, Path | EngineError]
"""Where a book is shown to be, and where it lies (or why it cannot be read)."""


def _units(given: Path, settings: Settings, stack: ExitStack) -> Iterator[tuple[Path, _Read]]:
    try:
        units = _found(given, settings, stack)
    except EngineError as error:
        units = [(given, error)]
    if not units:
        units = [(given, _nothing(given))]
    for shown, real in units:
        yield shown, _reader(shown, real, settings)


def _found(given: Path, settings: Settings, stack: ExitStack) -> list[_Unit]:
    if not given.is_dir():
        check_file(given, settings)
        if detect_format(given) != "zip":
            return [(given, given)]
    return list(_opened(given, given, settings, Budget(settings), stack, 0))


def _opened(
    shown: Path, real: Path, settings: Settings, budget: Budget, stack: ExitStack, depth: int
) -> Iterator[_Unit]:
    """The books at ``real``, with the zips among them opened."""
    units: Iterable[_Unit] = [(shown, real)] if real.is_file() else _in_folder(shown, real)
    for name, place in units:
        if isinstance(place, EngineError) or not zipfile.is_zipfile(place):
            yield name, place
            continue
        try:
            inner = detect_format(place) == "zip"
        except EngineError as error:
            yield name, error
            continue
        if inner:
            yield from _in_zip(name, place, settings, budget, stack, depth + 1)
        else:
            yield name, place


def _in_zip(
    shown: Path, path: Path, settings: Settings, budget: Budget, stack: ExitStack, depth: int
) -> Iterator[_Unit]:
    """Unpacks a zip into a temporary folder that lives as long as ``stack``; yields its books."""
    if depth > _DEPTH:
        raise BadDocument(
            f"{shown.name} holds zips inside zips, more than {_DEPTH} deep.",
            code="zip.bomb",
            next="Upload the books themselves.",
            filename=shown.name,
        )
    target = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coursewright-")))
    with open_zip(path, settings) as archive:
        for member in archive.infolist():
            place = target / _member_name(member)
            if member.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                file.writelines(budget.chunks(archive, member, shown.name))
    root = _sole_folder(target)
    if root.is_dir() and is_book(root):
        yield shown, root
        return
    yield from _opened(shown, target, settings, budget, stack, depth)


def _member_name(member: zipfile.ZipInfo) -> str:
    """A member's path; names written by old Chinese Windows tools are GBK, not code page 437."""
    name = member.filename.replace("\\", "/")
    if member.flag_bits & 0x800 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("gb18030")
    except UnicodeError:
        return name


def _sole_folder(folder: Path) -> Path:
    """The folder itself, or the one folder that alone lies in it."""
    inside = [x for x in folder.iterdir() if not hidden(x)]
    return _sole_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder


def _in_folder(shown: Path, folder: Path) -> Iterator[_Unit]:
    """The books below a folder; a Markdown tree is one book, links are not followed."""
    if is_book(folder):
        yield shown, folder
        return
    children = [x for x in folder.iterdir() if not hidden(x) and not x.is_symlink()]
    for path in sorted(children, key=natural):
        if path.is_dir():
            yield from _in_folder(shown / path.name, path)
        elif path.suffix.lower() in SUFFIXES:
            yield shown / path.name, path
        elif path.suffix.lower() in _UNREAD:
            yield shown / path.name, _unsupported(path)


def _one(units: list[_Unit], path: Path, settings: Settings, report: Report) -> Document:
    if not units:
        raise _nothing(path)
    if len(units) > 1:
        raise BadDocument(
            f"{path.name} holds {len(units)} books; here one is expected.",
            code="zip.many",
            next="Add the books one by one, or all together as the books of a course.",
            filename=path.name,
            books=len(units),
        )
    return _reader(*units[0], settings)(report)


def _reader(shown: Path, real: Path | EngineError, settings: Settings) -> _Read:
    def read(report: Report) -> Document:
        if isinstance(real, EngineError):
            raise real
        if real.is_dir():
            draft, id = read_folder(real, settings, report)
            return _document(draft, id, shown.name)
        check_file(real, settings)
        return _file(real, detect_format(real), settings, report)

    return read


def _file(path: Path, kind: Format, settings: Settings, report: Report) -> Document:
    draft = _draft(path, kind, settings, report)
    claimed = BY_SUFFIX.get(path.suffix.lower())
    if claimed != kind:
        message = f"{path.name} is {kind} by its content, whatever its name says; read as {kind}."
        draft.warnings.insert(0, Warn(code="format.extension", message=message))
    with path.open("rb") as file:
        id = bytes_id(iter(lambda: file.read(2**20), b""))
    return _document(draft, id, path.name)


def _document(draft: Draft, id: str, filename: str) -> Document:
    draft.pieces = assign(draft.pieces)
    return document_of(draft, id, filename)


def _draft(path: Path, kind: Format, settings: Settings, report: Report) -> Draft:
    if kind == "pdf":
        from engine.documents.pdf import read_pdf

        return read_pdf(path, settings, report)
    if kind in ("docx", "pptx"):
        from engine.documents import office

        read = office.read_docx if kind == "docx" else office.read_pptx
        return read(path, settings)
    if kind == "epub":
        from engine.documents.epub import read_epub

        return read_epub(path, settings, report)
    text = decode(path.read_bytes(), path.name)
    if kind in ("html", "cnxml"):
        from engine.documents import markup

        return markup.read_html(text) if kind == "html" else markup.read_cnxml(text)
    return read_markdown(text) if kind == "markdown" else read_plain(text)


def _nothing(path: Path) -> EngineError:
    if not path.exists():
        return Missing(f"{path} does not exist.", code="file", next="Check the path.")
    return BadDocument(
        f"{path.name} holds no file of a format that is read here.",
        code="empty",
        next=f"Formats: {', '.join(SUFFIXES)}.",
        filename=path.name,
    )


def _unsupported(path: Path) -> BadDocument:
    return BadDocument(
        f"{path.name}: files of the kind {path.suffix} are not read.",
        code="unsupported",
        next="Save it as PDF, DOCX, PPTX, EPUB, HTML, Markdown or TXT.",
        filename=path.name,
    )


def _duplicate(path: Path, first: Path) -> BadDocument:
    return BadDocument(
        f"{path.name} is the same book as {first.name}.",
        code="duplicate",
        next="Nothing to do: the book is read once.",
        filename=path.name,
        first=str(first),
    )
