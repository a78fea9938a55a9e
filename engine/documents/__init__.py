"""Files to section trees: one public verb, ``read_document``, and its plural, ``read_all``.

    formats    which format a file has, by content
    guard      what may not come in: too large, exploding, climbing out
    encoding   bytes of unknown encoding to text
    pdf/       lines with geometry -> reading order -> headings -> paragraphs
    damage     what of a PDF cannot be read; ocr: pages as pictures to lines (an extra)
    markdown   plain   markup (HTML, CNXML)   epub   office (DOCX, PPTX)   folder (mkdocs trees)
    marks      what elements of HTML, EPUB and CNXML say of a block; mathml: their formulas
    roles      what each block is for: marks, titles, texts; openings, tasks (exercises)
    tree       pieces in reading order -> Document
    books      the verbs

Every reader hands over a ``tree.Draft``; only ``tree`` makes sections.
"""

from __future__ import annotations

from pathlib import Path

from engine.documents.books import read_all, read_document
from engine.documents.damage import Damage, damage_of
from engine.documents.folder import packed
from engine.documents.formats import SUFFIXES, Format, detect_format
from engine.documents.tree import READER

__all__ = [
    "READER",
    "SUFFIXES",
    "Damage",
    "Format",
    "damage_of",
    "detect_format",
    "packed",
    "page_image",
    "read_all",
    "read_document",
]


def page_image(path: Path, page: int, scale: float = 1.5, quote: str = "") -> bytes:
    """A PNG of one page of a PDF (number from 1), a quote marked; ``scale`` 1 is 72 dots an inch.

    Raises:
        BadInput: ``page``, where the file has no such page.
        BadDocument: ``pdf.encrypted``, ``pdf.corrupt``.
    """
    from engine.documents.pdf import page_image as render

    return render(path, page, scale, quote)
