"""DOCX and PPTX to pieces, by way of markitdown's Markdown."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from engine.documents.guard import check_office
from engine.documents.markdown import read_markdown
from engine.documents.tree import Draft, Piece
from engine.errors import BadDocument
from engine.schema import Warn
from engine.settings import Settings

_SLIDE = re.compile(r"^<!-- Slide number: (\d+) -->\s*$", re.MULTILINE)
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")


def read_docx(path: Path, settings: Settings) -> Draft:
    """The pieces of a Word file; pages are 0, for Word only knows them when it prints.

    Raises:
        BadDocument: ``docx.corrupt``, and those of ``check_office``.
    """
    from markitdown.converters import DocxConverter

    text = _PICTURE.sub("", _converted(path, settings, DocxConverter(), "docx"))
    draft = read_markdown(text)
    if not any(p.level for p in draft.pieces):
        _promote(draft)
    _core_title(path, draft)
    return draft


def read_pptx(path: Path, settings: Settings) -> Draft:
    """The pieces of a slide deck: one section a slide, and slides as pages.

    Raises:
        BadDocument: ``pptx.corrupt``, and those of ``check_office``.
    """
    from markitdown.converters import PptxConverter

    text = _converted(path, settings, PptxConverter(), "pptx")
    draft = read_markdown(_PICTURE.sub("", text))
    draft.pages = len(_SLIDE.findall(text))
    draft.pieces = _slides(draft.pieces)
    _core_title(path, draft)
    return draft


def _converted(path: Path, settings: Settings, converter: Any, kind: str) -> str:
    from markitdown import StreamInfo

    check_office(path, settings)
    try:
        result = converter.convert(io.BytesIO(path.read_bytes()), StreamInfo(extension=f".{kind}"))
    except Exception as error:  # the converters raise whatever their XML libraries raise
        raise BadDocument(
            f"{path.name} is damaged and cannot be read as {kind.upper()} ({error}).",
            code=f"{kind}.corrupt",
            next="Open it in its program, save it again and upload that.",
            filename=path.name,
        ) from error
    return str(result.text_content)


def _core_title(path: Path, draft: Draft) -> None:
    """The title that the file's properties name, unless it is a template's."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        if "docProps/core.xml" not in archive.namelist():
            return
        text = archive.read("docProps/core.xml").decode("utf-8", "replace")
    found = re.search(r"<dc:title>([^<]+)</dc:title>", text)
    title = found[1].strip() if found else ""
    if title and title.lower() not in ("word document", "powerpoint presentation", "untitled"):
        draft.title = title


def _promote(draft: Draft) -> None:
    """Headings of a Word file without styles: short bold lines come out as plain paragraphs."""
    message = "The file has no heading styles; everything is one section."
    draft.warnings.append(Warn(code="headings.none", message=message))


def _slides(pieces: list[Piece]) -> list[Piece]:
    """Every slide begins with a heading: its own title, else its number."""
    found: list[Piece] = []
    page = 0
    for piece in pieces:
        if piece.page != page:
            page = piece.page
            if not piece.level:
                found.append(Piece(f"Slide {page}", "heading", 1, page, page))
        found.append(piece)
    return found
