"""HTML, EPUB chapters and CNXML modules to pieces: one walk over the element tree."""

from __future__ import annotations

import re
from typing import Any

from engine.documents.marks import element_role, is_exercise, says_only
from engine.documents.mathml import latex
from engine.documents.tree import Draft, Piece, clean, heading, unspaced
from engine.errors import BadDocument
from engine.language import rules
from engine.schema import BlockKind, Warn
from engine.text import language_of

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
_TEX = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_POINTED = {
    "figure": "figure", "subfigure": "figure", "table": "table", "equation": "equation",
    "section": "section", "document": "chapter", "exercise": "other", "note": "other",
    "example": "other", "list": "other", "para": "other",
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
    walker = _Walker(draft, soup)
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
    walker = _Walker(draft, soup)
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

    def __init__(self, draft: Draft, soup: Any) -> None:
        self._draft = draft
        self._soup = soup
        self._loose: list[str] = []
        self._formulas = 0
        self._roles: list[str] = []
        self._exercises = 0
        self._group = ""
        self._language = ""

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
                self._boxed(child, name, level)
        self._flush()

    def _boxed(self, node: Any, name: str, level: int) -> None:
        """A block element; what its name, class or title says it is holds for all inside."""
        role = element_role(node, name)
        within = self._group
        if role == "exercise" and not within and is_exercise(node, name):
            self._exercises += 1
            self._group = f"x{self._exercises}"
        if role:
            self._roles.append(role)
        self._block(node, name, level)
        self._flush()
        if role:
            self._roles.pop()
        if not (role == "solution" and not within):
            self._group = within

    def _skipped(self, node: Any, name: str) -> bool:
        role = str(node.get("role") or node.get("epub:type") or "")
        if name == "summary" or "admonition-title" in (node.get("class") or ()):
            return bool(self._roles) and says_only(plain_text(node), self._roles[-1])
        page_part = name in ("header", "footer", "aside") and node.find_parent("article") is None
        hidden = "display:none" in str(node.get("style", "")).replace(" ", "")
        return (
            name in _GONE
            or role in _LANDMARKS
            or hidden
            or node.has_attr("hidden")
            or (page_part and node.find(["h1", "h2"]) is None and not element_role(node, name))
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
        elif name == "definition" and node.find(["meaning", "term"]):
            self._definition(node)
        elif name in ("figure", "subfigure"):
            self._figure(node, level)
        else:
            self.walk(node, level)

    def _figure(self, node: Any, level: int) -> None:
        """A figure's caption; a figure that holds a listing or table as its parts."""
        caption = node.find(["figcaption", "caption"])
        if node.find(["pre", "table", "code"]):
            self.walk(node, level)
        elif caption:
            self._roles.append("caption")
            self._put(self._inline(caption), "prose")
            self._roles.pop()

    def _definition(self, node: Any) -> None:
        """An entry of CNXML's glossary, on one line: «term: meaning»."""
        term = node.find("term")
        named = " ".join(self._inline(term).split()) if term else ""
        rest = (self._inline(c) for c in node.children if c.name and c is not term)
        self._put(f"{named}: {' '.join(rest)}", "prose")

    def _head(self, node: Any, level: int) -> None:
        text = clean(" ".join(self._inline(node).split()))
        if text:
            self._draft.pieces.append(heading(text.strip("¶# "), level))

    def _title(self, node: Any, level: int) -> None:
        if _name(node.parent) == "section":
            self._head(node, level - 1)
        elif not (self._roles and says_only(plain_text(node), self._roles[-1])):
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
        if name in ("link", "cnxn", "xref") and not node.get_text(strip=True):
            return self._pointed(node)
        if name in ("sup", "sub"):
            inside = "".join(self._child(c, skip) for c in node.children).strip()
            return inside if not inside.isalnum() else ("^" if name == "sup" else "_") + inside
        return "".join(self._child(c, skip) for c in node.children)

    def _child(self, child: Any, skip: frozenset[str] | set[str]) -> str:
        if child.name is None:
            return str(child) if type(child).__name__ in ("NavigableString", "CData") else ""
        name = _name(child)
        if name == "script" and "math/tex" in str(child.get("type", "")):
            return f"${child.get_text().strip()}$"
        if name in _GONE or name in skip or "katex-html" in (child.get("class") or ()):
            return ""
        text = self._inline(child, skip)
        return text if name in _INLINE or name == "code" else f" {text} "

    def _pointed(self, node: Any) -> str:
        """What a link without a text points to: its title, or «the figure»."""
        target = node.get("target-id") or node.get("target") or node.get("linkend")
        found = self._soup.find(id=target) if target else None
        self._language = self._language or language_of(self._soup.get_text()[:20000])
        says = rules(self._language).table("documents")["references"]
        title = found.find("title", recursive=False) if found is not None else None
        if title is not None:
            return str(says["titled"]).format(title=plain_text(title))
        kind = _POINTED.get(_name(found), "other") if found is not None else "other"
        return str(says[kind])

    def _formula(self, node: Any) -> str:
        """A formula as LaTeX: its own note or label, else made from its MathML."""
        for note in node.find_all(lambda x: _name(x) == "annotation"):
            if "tex" in str(note.get("encoding", "")).lower():
                return f"${plain_text(note)}$"
        if label := node.get("alttext"):
            return f"${label}$"
        if text := latex(node).strip():
            return f"${text}$"
        self._formulas += 1
        return ""

    def _flush(self) -> None:
        text, self._loose = "".join(self._loose), []
        self._put(text, "prose")

    def _put(self, text: str, kind: BlockKind) -> None:
        if kind == "prose":
            text = " ".join(text.split())
        if kind != "code":
            text = _TEX.sub(_dollars, text)
            text = unspaced(text) if "\n" not in text else clean(text)
        if not text.strip():
            return
        role = self._roles[-1] if self._roles else ""
        group = self._group if role in ("exercise", "solution") else ""
        kept = text if kind == "code" else text.strip()
        self._draft.pieces.append(Piece(kept, kind, role=_fitting(role, kind), group=group))


def _dollars(found: re.Match[str]) -> str:
    """MathJax's marks of a formula as those of Markdown."""
    return f"${found[1].strip()}$" if found[1] else f"$${found[2].strip()}$$"


def _fitting(role: str, kind: BlockKind) -> str:
    """Listings and tables in an example or a warning stay what they are."""
    boxes = ("example", "warning", "definition", "summary", "formula")
    return "" if kind in ("code", "table") and role in boxes else role


def plain_text(node: Any) -> str:
    """All text of an element on one line."""
    return " ".join(node.get_text().split())


def _verbatim(node: Any) -> str:
    text = str(node.get_text())
    return text.strip("\n").rstrip()
