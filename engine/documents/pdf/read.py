"""One PDF file to a draft: opens it, reads its pages, finds its headings, re-flows its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.documents import damage
from engine.documents.pdf import contents, flow, layout
from engine.documents.pdf import outline as headings
from engine.documents.pdf.lines import Line, LineReader
from engine.documents.pdf.marked import marked_page
from engine.documents.tree import Draft, Piece, heading
from engine.errors import BadDocument, BadInput
from engine.progress import Report, silent
from engine.schema import Progress, Warn
from engine.settings import Settings

_PASSWORD = 4  # FPDF_ERR_PASSWORD
_FEW = 25  # characters: less is a page number or a stamp
_NO_TITLE = ("untitled", "microsoft word", "powerpoint", ".doc", ".tex", ".indd", ".pdf", "title")


def read_pdf(path: Path, settings: Settings, report: Report = silent) -> Draft:
    """The pieces of a PDF.

    Raises:
        BadDocument: ``pdf.encrypted``, ``pdf.corrupt``, ``pdf.scanned``, ``max_pages``, ``empty``.
    """
    with _opened(path) as document:
        count = len(document)
        if count > settings.max_pages:
            raise BadDocument(
                f"{path.name} has {count} pages; at most {settings.max_pages} are read.",
                code="max_pages",
                next="Split the file, or raise the setting max_pages.",
                pages=count,
                limit=settings.max_pages,
            )
        pages, warnings = _pages(document, path.name, settings.ocr, report)
        entries = headings.outline(document)
        title = _metadata_title(document)
    pages = layout.drop_furniture(pages)
    first = next((lines for lines in pages if lines), [])
    pages, dropped = contents.drop_pointers(pages)
    draft = Draft(title=title or _printed_title(first), pages=count, warnings=warnings + dropped)
    draft.pieces = _pieces(pages, entries, draft)
    damage.mark(draft.pieces)
    draft.warnings += _unread(draft.pieces)
    if _truncated(path):
        message = f"{path.name} seems cut off at its end; what could be recovered was read."
        draft.warnings.append(Warn(code="pdf.truncated", message=message))
    return draft


def page_image(path: Path, page: int, scale: float = 1.5, quote: str = "") -> bytes:
    """A PNG of one page (number from 1), a quote marked; ``scale`` 1 is 72 dots an inch.

    Raises:
        BadInput: ``page``, where the file has no such page.
        BadDocument: as ``read_pdf`` for files that do not open.
    """
    with _opened(path) as document:
        if not 1 <= page <= len(document):
            raise BadInput(
                f"{path.name} has pages 1 to {len(document)}, not {page}.",
                code="page",
                next="Choose a page inside the book.",
                page=page,
            )
        return marked_page(document[page - 1], quote, scale)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower():
            raise BadDocument(
                f"{path.name} is protected with a password.",
                code="pdf.encrypted",
                next="Save a copy without a password and upload that.",
                filename=path.name,
            ) from error
        raise BadDocument(
            f"{path.name} is damaged and cannot be opened as PDF ({error}).",
            code="pdf.corrupt",
            next="Open it in a PDF reader, print it to a new PDF file and upload that.",
            filename=path.name,
        ) from error
    try:
        yield document
    finally:
        document.close()


@dataclass
class _Seen:
    """What was met on the pages: numbers (from 1) of scans and of those that do not open.

    ``read`` holds the confidence of the pages that were read by OCR, ``pictures`` the lines of
    those that had no text of their own.
    """

    scanned: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    read: dict[int, float] = field(default_factory=dict)
    pictures: list[list[Line]] = field(default_factory=list)


def _pages(
    document: Any, name: str, ocr: bool, report: Report
) -> tuple[list[list[Line]], list[Warn]]:
    import pypdfium2

    reader = LineReader()
    pages: list[list[Line]] = []
    seen = _Seen()
    count = len(document)
    for index in range(count):
        if ocr or index % 10 == 0:
            report(Progress(stage="pages", done=index, total=count, message=name))
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            seen.broken.append(index + 1)
            pages.append([])
            continue
        pages.append(_page(reader, page, index + 1, ocr, seen))
        page.close()
    report(Progress(stage="pages", done=count, total=count, message=name))
    if seen.pictures:
        from engine.documents.ocr import even

        even(seen.pictures)
    return pages, _page_warnings(pages, seen, name)


def _page(reader: LineReader, page: Any, number: int, ocr: bool, seen: _Seen) -> list[Line]:
    """The lines of a page: its own text, or what OCR reads where that is lacking or damaged."""
    textpage = page.get_textpage()
    lines = layout.page_lines(reader, page, textpage, number)
    scan = sum(len(line.text) for line in lines) < _FEW and _has_image(page)
    if ocr and (scan or _damaged(lines)):
        from engine.documents.ocr import read_page

        found, sure = read_page(page, number, () if scan else lines)
        if found:
            seen.read[number] = sure
            lines = layout.in_order(found, page, None)
        if found and scan:
            seen.pictures.append(lines)
        scan = False  # a picture without a word is no loss
    textpage.close()
    if scan:
        seen.scanned.append(number)
    return lines


def _damaged(lines: Sequence[Line]) -> bool:
    """Whether a page's text has holes, or formulas that lost their layout."""
    formulas = sum(line.font.math for line in lines)
    return damage.holes(line.text for line in lines) + formulas >= damage.PAGE_HOLES


def _has_image(page: Any) -> bool:
    import pypdfium2.raw as raw

    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _page_warnings(pages: Sequence[list[Line]], seen: _Seen, name: str) -> list[Warn]:
    scanned, broken = seen.scanned, seen.broken
    readable = sum(bool(lines) for i, lines in enumerate(pages, 1) if i not in set(scanned))
    if scanned and (not readable or len(scanned) > 0.9 * len(pages)):
        raise BadDocument(
            f"{name} holds pictures of pages, no text ({len(scanned)} of {len(pages)} pages).",
            code="pdf.scanned",
            next="Add it again with text recognition (OCR) switched on.",
            filename=name,
            pages=len(scanned),
        )
    warnings = []
    if scanned:
        where = contents.ranges(scanned)
        message = f"Pages {where} are pictures without text; nothing was read there."
        warnings.append(Warn(code="pdf.scanned_pages", message=message, page=scanned[0]))
    if broken:
        where = contents.ranges(broken)
        message = f"Pages {where} are damaged and were left out."
        warnings.append(Warn(code="pdf.broken_pages", message=message, page=broken[0]))
    if seen.read:
        warnings.append(_by_ocr(seen.read))
    return warnings


def _by_ocr(read: dict[int, float]) -> Warn:
    mean, least = sum(read.values()) / len(read), min(read.values())
    message = (
        f"Pages {contents.ranges(sorted(read))} were read by text recognition (OCR), with a"
        f" confidence of {mean:.0%} (lowest page: {least:.0%})."
    )
    values = {
        "pages": contents.ranges(sorted(read)),
        "mean": f"{mean:.0%}",
        "least": f"{least:.0%}",
    }
    return Warn(code="pdf.ocr", message=message, page=min(read), values=values)


def _unread(pieces: Sequence[Piece]) -> list[Warn]:
    """Says on which pages text was left out because it is damaged."""
    bad = [p for p in pieces if p.unread]
    if not bad:
        return []
    whole = sum(len(p.text) for p in pieces if not p.level) or 1
    share = sum(len(p.text) for p in bad) / whole
    pages = sorted({p.page for p in bad})
    message = (
        f"{share:.1%} of the text, on pages {contents.ranges(pages)}, is unreadable (lost letters"
        " or formulas) and is left out of everything that is taught."
    )
    values = {"share": f"{share:.1%}", "pages": contents.ranges(pages)}
    return [Warn(code="pdf.unread", message=message, page=pages[0], values=values)]


def _metadata_title(document: Any) -> str:
    title = str(document.get_metadata_dict().get("Title", "")).strip()
    lowered = title.lower()
    useless = len(title) < 3 or any(mark in lowered for mark in _NO_TITLE)
    return "" if useless else title


def _printed_title(lines: Sequence[Line]) -> str:
    """The largest text of the first page, where it is clearly larger than the rest."""
    if not lines:
        return ""
    sizes = sorted(line.size for line in lines)
    if sizes[-1] < 1.15 * sizes[len(sizes) // 3]:
        return ""
    words = [line.text for line in lines if line.size > 0.97 * sizes[-1]]
    title = " ".join(words)
    return title if len(words) <= 3 and sum(c.isalpha() for c in title) > 2 else ""


def _pieces(
    pages: Sequence[list[Line]], entries: list[headings.Entry], draft: Draft
) -> list[Piece]:
    lines = [line for page in pages for line in page]
    body = flow.measure(lines)
    if entries:
        marks = headings.place(entries, pages, body)
    else:
        marks = headings.guess(lines, body)
        if not marks and draft.pages > 1:
            marks = _by_pages(lines)
            message = "No headings were found; the text is cut into runs of ten pages."
            draft.warnings.append(Warn(code="headings.none", message=message))
    return _flowed(lines, marks, body)


def _flowed(lines: Sequence[Line], marks: Sequence[headings.Mark], body: flow.Body) -> list[Piece]:
    out = flow.Flow(body)
    at = 0
    for first, last, piece in marks:
        for line in lines[at:first]:
            out.add(line)
        out.head(piece)
        at = max(at, last)
    for line in lines[at:]:
        out.add(line)
    return out.finish()


def _by_pages(lines: Sequence[Line]) -> list[headings.Mark]:
    marks: list[headings.Mark] = []
    for i, line in enumerate(lines):
        run = (line.page - 1) // 10
        if not marks or run != (marks[-1][2].page - 1) // 10:
            title = f"Pages {run * 10 + 1}-{run * 10 + 10}"
            marks.append((i, i, heading(title, 1, line.page)))
    return marks


def _truncated(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2048))
        return b"%%EOF" not in file.read()
