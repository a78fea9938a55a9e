"""What HTML, EPUB and CNXML say of a block by their elements, classes and types."""

from __future__ import annotations

import re
from typing import Any

from engine.documents.roles import note_role, title_role

_ELEMENTS = {
    "exercise": "exercise", "problem": "exercise", "solution": "solution", "answer": "solution",
    "definition": "definition", "example": "example", "glossary": "definition",
    "figcaption": "caption", "equation": "formula", "bibliography": "reference",
}  # fmt: skip
_BOXES = {
    "note", "aside", "div", "section", "details", "blockquote", "p", "ol", "ul", "dl", "list",
    "article", "pre", "para", "rule", "proof", "injected-exercise",
}  # fmt: skip
_PREFIX = re.compile(r"^(?:admonition|callout|alert|box|os|doc|epub|note|is|theme|markdown-alert)-")
_SAYS_TITLE = ("title", "summary", "h2", "h3", "h4", "h5", "h6", "label", "p")


def element_role(node: Any, name: str) -> str:
    """The role that an element gives the blocks inside it, or nothing (see ``roles.assign``)."""
    if found := _ELEMENTS.get(name):
        return found
    if name not in _BOXES:
        return ""
    return _by_names(node) or (_by_title(node) if name in ("note", "aside", "details") else "")


def is_exercise(node: Any, name: str) -> bool:
    """Whether the element is one exercise, not a section or a page of them."""
    if name in ("exercise", "problem", "injected-exercise"):
        return True
    words = [*str(node.get("data-type") or "").split(), *(node.get("class") or ())]
    return "exercise" in (_PREFIX.sub("", str(word).lower()) for word in words)


def _by_names(node: Any) -> str:
    """By class, type and role: «admonition warning», «review-questions», ``data-type``."""
    for key in ("data-type", "epub:type", "role", "type", "class"):
        value = node.get(key) or ""
        words = value if isinstance(value, list) else str(value).split()
        for word in words:
            plain = _PREFIX.sub("", str(word).lower())
            if role := note_role(plain) or _titled(plain):
                return role
    return ""


def _titled(word: str) -> str:
    """A class such as ``review-questions`` read as a title; single words are too common."""
    return title_role(word.replace("-", " ").replace("_", " ")) if re.search(r"[-_]", word) else ""


def _by_title(node: Any) -> str:
    title = box_title(node)
    return title_role(title) or note_role(title) if title else ""


def box_title(node: Any) -> str:
    """The title of a box: its first element, where that is one for titles."""
    first = next((c for c in node.children if c.name), None)
    if first is None or first.name not in _SAYS_TITLE:
        return ""
    classes = " ".join(first.get("class") or ())
    if first.name == "p" and "title" not in classes:
        return ""
    return " ".join(first.get_text().split())[:80]


def says_only(title: str, role: str) -> bool:
    """Whether a box's title only names what the box is: «Solution», «参考答案»."""
    return bool(role) and role in (title_role(title), note_role(title.strip(" :：")))
