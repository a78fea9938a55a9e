"""Which format a file has, by its content; the suffix only breaks ties between kinds of text."""

from __future__ import annotations

import codecs
import re
import zipfile
from pathlib import Path
from typing import Literal

from engine.documents.encoding import decode
from engine.errors import BadDocument

Format = Literal[
    "pdf", "docx", "pptx", "epub", "html", "cnxml", "markdown", "text", "zip", "folder"
]
SUFFIXES: tuple[str, ...] = (
    ".pdf", ".md", ".markdown", ".txt", ".docx", ".pptx", ".epub", ".html", ".htm", ".xhtml",
    ".cnxml", ".zip",
)  # fmt: skip
"""Suffixes of the files that are read out of folders and zips."""
BY_SUFFIX: dict[str, Format] = {
    ".pdf": "pdf", ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".docx": "docx",
    ".pptx": "pptx", ".epub": "epub", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".cnxml": "cnxml", ".zip": "zip", ".mdown": "markdown", ".mkd": "markdown",
}  # fmt: skip
_HEAD = 64 * 1024
_HTML = re.compile(r"<!doctype html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_HTML_PIECE = re.compile(r"<(p|h[1-6]|div|section|article)[\s>]", re.IGNORECASE)
_CNXML = re.compile(r"<(?:\w+:)?document\b[^>]*cnx|http://cnx\.rice\.edu/cnxml", re.IGNORECASE)
_MARKDOWN = re.compile(r"^#{1,6} \S|^```|^\s*!\[|^[=-]{4,}\s*$", re.MULTILINE)


def detect_format(path: Path) -> Format:
    """The format of a file or folder.

    Raises:
        BadDocument: ``empty``, ``binary``, ``encoding``, or ``unsupported`` for formats that are
            known but not read (old Office files, RTF, pictures, other archives).
    """
    if path.is_dir():
        return "folder"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _of_zip(path)
    if known := _unsupported(head, path.name):
        raise known
    return _of_text(path, head)


def _of_zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        # damaged: its reader says so, with the right name for what it should have been
        claimed = BY_SUFFIX.get(path.suffix.lower(), "zip")
        return claimed if claimed in ("docx", "pptx", "epub") else "zip"
    if "word/document.xml" in names:
        return "docx"
    if "ppt/presentation.xml" in names:
        return "pptx"
    if "META-INF/container.xml" in names:
        return "epub"
    if "xl/workbook.xml" in names:
        raise _not_read(path.name, "an Excel workbook")
    return "zip"


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", "an RTF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"AT&TFORM", "a DjVu file"),
    (b"%!PS", "a PostScript file"),
)


def _unsupported(head: bytes, name: str) -> BadDocument | None:
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in head or name.lower().endswith("x"):
            return BadDocument(
                f"{name} is protected with a password.",
                code="office.encrypted",
                next="Save a copy without a password and upload that.",
                filename=name,
            )
        return _not_read(name, "an old Office file (before 2007)")
    what = next((what for magic, what in _MAGIC if head.startswith(magic)), "")
    if head[60:68] == b"BOOKMOBI":
        what = "a Mobipocket or Kindle book"
    return _not_read(name, what) if what else None


def _not_read(name: str, what: str) -> BadDocument:
    return BadDocument(
        f"{name} is {what}; that format is not read.",
        code="unsupported",
        next="Save it as PDF, DOCX, PPTX, EPUB, HTML, Markdown or TXT.",
        filename=name,
        what=what,
    )


def _beginning(head: bytes, name: str) -> str:
    """The first bytes as text, though the last character may be cut."""
    if head.strip() and b"\0" not in head:
        try:
            return codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        except UnicodeDecodeError:
            pass  # another encoding: below
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    cut = head.rfind(b"\n") if len(head) == _HEAD and not wide else len(head)
    return decode(head[:cut] if cut > 0 else head, name)


def _of_text(path: Path, head: bytes) -> Format:
    text = _beginning(head, path.name)
    claimed = BY_SUFFIX.get(path.suffix.lower())
    if _CNXML.search(text[:4096]):
        return "cnxml"
    if _HTML.search(text[:4096]) and claimed not in ("markdown", "text"):
        return "html"
    if re.match(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype html|<html)", text, re.I | re.S):
        return "html"
    if claimed == "html" and _HTML_PIECE.search(text):
        return "html"
    if claimed in ("markdown", "text"):
        return claimed
    return "markdown" if len(_MARKDOWN.findall(text)) >= 2 else "text"
