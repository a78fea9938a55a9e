"""HTML, EPUB chapters and CNXML modules to pieces: one walk over the element tree."""

from __future__ import annotations

import re
from typing import Any

from engine.documents.tree import Draft, Piece, clean, heading, unspaced
from engine.errors import BadDocument
from engine.schema import BlockKind, Warn

_GONE = {
    "script", "style", "nav", "template", "noscript", "iframe", "svg", "button", "form", "head",
    "metadata", "img", "image", "media", "video", "audio", "object", "input", "select", "canvas",
}  # fmt: skip
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "del", "dfn", "em", "emphasis", "font", "i", "ins",
    "kbd", "label", "link", "mark", "q", "quote", "ruby", "s", "samp", "small", "span", "strong",
    "sub", "sup", "term", "time", "tt", "u", "var", "wbr", "br", "newline", "foreign", "footnote",
    "math", "cnxn", "code-inline", "big", "strike", "acronym", "space",
}  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_LANDMARKS = {"navigation", "banner", "contentinfo", "search", "doc-toc", "doc-pagebreak"}


def read_html(text: str) -> Draft:
    """The pieces of a web page: its main part, without navigation, headers and footers."""
    soup = soup_of(text, "lxml")
    draft = Draft(title=plain_text(soup.title) if soup.title else "")
    body = soup.find("main") or soup.find("article") or soup.body or soup
    if body.name in ("main", "article") and len(plain_text(body)) < 0.3 * len(
        plain_text(soup.body or soup)
    ):
        body = soup.body or soup
    walker = _Walker(draft)
    walker.walk(body, 1)
    walker.finish()
    return draft


def read_cnxml(text: str) -> Draft:
    """The pieces of an OpenStax module.

    Raises:
        BadDocument: ``cnxml.corrupt`` where it is not XML of that kind or declares entities.
    """
    if "<!ENTITY" in text:
        raise _bad_cnxml("it declares entities")
    soup = soup_of(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), "xml")
    root = soup.find("document")
    if root is None:
        raise _bad_cnxml("it has no <document>")
    title = root.find("title", recursive=False)
    draft = Draft(title=plain_text(title) if title else "")
    walker = _Walker(draft)
    if draft.title:
        draft.pieces.append(heading(draft.title, 1))
    content = root.find("content", recursive=False) or root
    walker.walk(content, 2)
    if glossary := root.find("glossary", recursive=False):
        walker.finish()
        draft.pieces.append(heading("Glossary", 2))
        walker.walk(glossary, 3)
    walker.finish()
    return draft


def _bad_cnxml(why: str) -> BadDocument:
    return BadDocument(
        f"The CNXML file cannot be read: {why}.",
        code="cnxml.corrupt",
        next="Download the module again.",
    )


def soup_of(text: str, parser: str) -> Any:
    """BeautifulSoup's tree; ``parser`` is ``lxml``, ``html.parser`` or ``xml``."""
    import warnings

    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        return BeautifulSoup(text, parser)


def _name(node: Any) -> str:
    return (node.name or "").rsplit(":", 1)[-1].lower()


class _Walker:
    """Goes through the tree; loose inline text becomes a paragraph when a block element comes."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._loose: list[str] = []
        self._formulas = 0

    def finish(self) -> None:
        """Closes the last paragraph and reports formulas that have no text."""
        self._flush()
        if self._formulas:
            message = f"{self._formulas} formulas have no text form and were left out."
            self._draft.warnings.append(Warn(code="formulas.lost", message=message))
            self._formulas = 0

    def walk(self, node: Any, level: int) -> None:
        """All children of ``node``; ``level`` is that of CNXML's next nested section title."""
        for child in node.children:
            name = _name(child)
            if child.name is None:
                if type(child).__name__ in ("NavigableString", "CData"):
                    self._loose.append(str(child))
            elif self._skipped(child, name):
                continue
            elif name in _INLINE or (name == "code" and child.get("display") != "block"):
                self._loose.append(self._inline(child))
            else:
                self._flush()
                self._block(child, name, level)
        self._flush()

    def _skipped(self, node: Any, name: str) -> bool:
        role = str(node.get("role") or node.get("epub:type") or "")
        page_part = name in ("header", "footer", "aside") and node.find_parent("article") is None
        hidden = "display:none" in str(node.get("style", "")).replace(" ", "")
        return (
            name in _GONE
            or role in _LANDMARKS
            or hidden
            or node.has_attr("hidden")
            or (page_part and node.find(["h1", "h2"]) is None)
        )

    def _block(self, node: Any, name: str, level: int) -> None:
        if name in _HEADINGS:
            self._head(node, _HEADINGS[name])
        elif name == "title":
            self._title(node, level)
        elif name == "section":
            # in CNXML a section's level is its depth; HTML headings carry their own
            self.walk(node, level + 1 if node.find("title", recursive=False) else level)
        elif name in ("pre", "code", "listing"):
            self._put(_verbatim(node), "code")
        elif name in ("ul", "ol", "list", "dl"):
            self._list(node, name)
        elif name == "table":
            self._table(node)
        elif name == "equation":
            self._put(self._inline(node), "prose")
        elif name in ("figure", "subfigure"):
            caption = node.find(["figcaption", "caption"])
            if node.find(["pre", "table"]):
                self.walk(node, level)
            elif caption:
                self._put(self._inline(caption), "prose")
        else:
            self.walk(node, level)

    def _head(self, node: Any, level: int) -> None:
        text = clean(" ".join(self._inline(node).split()))
        if text:
            self._draft.pieces.append(heading(text.strip("¶# "), level))

    def _title(self, node: Any, level: int) -> None:
        if _name(node.parent) == "section":
            self._head(node, level - 1)
        else:
            self._put(self._inline(node), "prose")

    def _list(self, node: Any, name: str) -> None:
        rows: list[str] = []
        items = [c for c in node.children if _name(c) in ("li", "item", "dt", "dd")]
        ordered = name == "ol" or node.get("list-type") == "enumerated"
        listings: list[str] = []
        for number, item in enumerate(items, 1):
            listings += [_verbatim(x) for x in item.find_all("pre")]
            text = clean(" ".join(self._inline(item, skip={"pre"}).split()))
            if _name(item) == "dd" and rows:
                rows[-1] += f": {text}"
            elif text:
                rows.append((f"{number}. " if ordered else "" if name == "dl" else "- ") + text)
        self._put("\n".join(rows), "list")
        for listing in listings:
            self._put(listing, "code")

    def _table(self, node: Any) -> None:
        rows = []
        for row in node.find_all(["tr", "row"]):
            cells = [c for c in row.children if _name(c) in ("td", "th", "entry")]
            texts = [clean(" ".join(self._inline(c).split())) for c in cells]
            if any(texts):
                rows.append(" | ".join(texts))
        self._put("\n".join(rows), "table")

    def _inline(self, node: Any, skip: frozenset[str] | set[str] = frozenset()) -> str:
        name = _name(node)
        if name in ("br", "newline", "space"):
            return " "
        if name == "math":
            return self._formula(node)
        if name in ("sup", "sub"):
            inside = "".join(self._child(c, skip) for c in node.children).strip()
            return inside if not inside.isalnum() else ("^" if name == "sup" else "_") + inside
        return "".join(self._child(c, skip) for c in node.children)

    def _child(self, child: Any, skip: frozenset[str] | set[str]) -> str:
        if child.name is None:
            return str(child) if type(child).__name__ in ("NavigableString", "CData") else ""
        name = _name(child)
        if name in _GONE or name in skip:
            return ""
        text = self._inline(child, skip)
        return text if name in _INLINE or name == "code" else f" {text} "

    def _formula(self, node: Any) -> str:
        """A formula as its own LaTeX note or label, else as the row of its characters."""
        for note in node.find_all(lambda x: _name(x) == "annotation"):
            if "tex" in str(note.get("encoding", "")).lower():
                return f"${plain_text(note)}$"
        if label := node.get("alttext"):
            return f"${label}$"
        text = " ".join(plain_text(node).split())
        if not text:
            self._formulas += 1
        return text

    def _flush(self) -> None:
        text, self._loose = "".join(self._loose), []
        self._put(text, "prose")

    def _put(self, text: str, kind: BlockKind) -> None:
        if kind == "prose":
            text = " ".join(text.split())
        if kind != "code":
            text = unspaced(text) if "\n" not in text else clean(text)
        if text.strip():
            self._draft.pieces.append(Piece(text if kind == "code" else text.strip(), kind))


def plain_text(node: Any) -> str:
    """All text of an element on one line."""
    return " ".join(node.get_text().split())


def _verbatim(node: Any) -> str:
    text = str(node.get_text())
    return text.strip("\n").rstrip()
