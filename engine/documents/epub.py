"""EPUB to pieces: chapters in the order of the spine, titles from the book's own navigation."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from engine.documents.encoding import decode
from engine.documents.guard import Budget, open_zip
from engine.documents.markup import plain_text, read_html, soup_of
from engine.documents.tree import Draft, heading
from engine.errors import BadDocument
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

_SKIPPED = re.compile(r"(^|[/_-])(cover|toc|nav|titlepage|contents|copyright)([._-]|$)", re.I)


def read_epub(path: Path, settings: Settings, report: Report = silent) -> Draft:
    """The pieces of an EPUB.

    Raises:
        BadDocument: ``epub.corrupt``, ``epub.encrypted``, and those of ``open_zip``.
    """
    with open_zip(path, settings) as archive:
        book = _Book(archive, path.name, Budget(settings))
        draft = Draft(title=book.title())
        chapters = book.spine()
        named = book.navigation()
        for number, href in enumerate(chapters):
            report(Progress(stage="chapters", done=number, total=len(chapters), message=path.name))
            _chapter(book, href, named, draft)
    return draft


def _chapter(book: _Book, href: str, named: dict[str, tuple[str, int]], draft: Draft) -> None:
    name = posixpath.basename(href)
    if _SKIPPED.search(name) and href not in named:
        return
    chapter = read_html(book.text(href))
    pieces, (title, level) = chapter.pieces, named.get(href, ("", 1))
    draft.warnings += chapter.warnings
    top = min((p.level for p in pieces if p.level), default=0)
    if title and not any(_same(p.text, title) for p in pieces[:4] if p.level):
        draft.pieces.append(heading(title, level))
        shift = level + 1 - top if top else 0
    else:
        shift = level - top if top and href in named else 0
    for piece in pieces:
        if piece.level:
            piece.level = max(1, piece.level + shift)
    draft.pieces += pieces


def _same(one: str, other: str) -> bool:
    letters = [re.sub(r"[\W_\d]+", "", x).lower() for x in (one, other)]
    return bool(letters[0]) and (letters[0] in letters[1] or letters[1] in letters[0])


class _Book:
    """The package inside the zip: where the files are and in which order."""

    def __init__(self, archive: zipfile.ZipFile, name: str, budget: Budget) -> None:
        self._archive, self._name, self._budget = archive, name, budget
        if "META-INF/encryption.xml" in archive.namelist():
            text = self.text("META-INF/encryption.xml")
            if re.search(r"EncryptedData", text) and not re.search(r"obfuscation|RC", text):
                raise BadDocument(
                    f"{name} is protected against copying.",
                    code="epub.encrypted",
                    next="Ask the publisher for a copy without protection.",
                    filename=name,
                )
        root = soup_of(self.text("META-INF/container.xml"), "xml").find("rootfile")
        self._opf = str(root.get("full-path", "")) if root else ""
        self._package: Any = soup_of(self.text(self._opf), "xml")
        items = self._package.find_all("item")
        self._items = {str(x.get("id")): x for x in items if x.get("id") and x.get("href")}

    def text(self, href: str) -> str:
        try:
            data = self._budget.read(self._archive, href, self._name)
        except KeyError as error:
            raise BadDocument(
                f"{self._name} is damaged: its part {href or 'content.opf'} is missing.",
                code="epub.corrupt",
                next="Download the book again.",
                filename=self._name,
            ) from error
        text = decode(data, href)
        if "<!ENTITY" in text:
            text = re.sub(r"<!DOCTYPE[^\[>]*\[.*?\]\s*>", "", text, flags=re.DOTALL)
        return text

    def title(self) -> str:
        found = self._package.find("dc:title") or self._package.find("title")
        return plain_text(found) if found else ""

    def _path(self, href: str) -> str:
        base = posixpath.dirname(self._opf)
        return posixpath.normpath(posixpath.join(base, unquote(href.split("#")[0])))

    def spine(self) -> list[str]:
        references = (str(x.get("idref")) for x in self._package.find_all("itemref"))
        items = (self._items[x] for x in references if x in self._items)
        return [
            self._path(str(x["href"])) for x in items if "nav" not in str(x.get("properties", ""))
        ]

    def navigation(self) -> dict[str, tuple[str, int]]:
        """Title and level of each file that the navigation (EPUB 3) or the NCX (EPUB 2) names."""
        for item in self._items.values():
            if "nav" in str(item.get("properties", "")).split():
                path = self._path(str(item["href"]))
                soup = soup_of(self.text(path), "html.parser")
                nav = soup.find("nav", attrs={"epub:type": "toc"}) or soup.find("nav")
                return _targets(path, nav.find_all("a", href=True) if nav else (), "li", "href")
        for item in self._items.values():
            if str(item.get("media-type")) == "application/x-dtbncx+xml":
                path = self._path(str(item["href"]))
                points = soup_of(self.text(path), "xml").find_all("content", src=True)
                return _targets(path, points, "navPoint", "src")
        return {}


def _targets(
    path: str, links: Iterable[Any], parent: str, attribute: str
) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for link in links:
        target = str(link[attribute]).split("#")[0]
        href = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(target)))
        label = link if attribute == "href" else link.parent.find("navLabel")
        if label is not None:
            found.setdefault(href, (plain_text(label), max(1, len(link.find_parents(parent)))))
    return found
