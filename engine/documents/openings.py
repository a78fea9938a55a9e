"""How the text of a block opens: with a label and its number, or with words that say what it is."""

from __future__ import annotations

import re
from functools import cache

from engine.language import alternatives, any_pattern, languages

MARKS = re.compile(r"^[\s>*_#]+|[*_]+(?=\s|$|[:：])")
"""Marks of emphasis and of quotation that may stand before what a text says."""
_NUMBER = r"\s*(?P<number>[A-Z]?\d+(?:[.\-–]\d+)*)"


def bare(text: str) -> str:
    """The text without marks before it."""
    return MARKS.sub("", text).strip()


def label_of(role: str, text: str) -> re.Match[str] | None:
    """The label that opens a block: «Exercise 3.1.», «例 2»; not «Exercise 3.1 asks …»."""
    found = label_pattern(role, languages()).match(text)
    if not found:
        return None
    rest = text[found.end() :]
    return None if re.match(r"\s*[a-z,;)]", rest) else found


def opens(name: str, text: str) -> bool:
    """Whether a text opens with the words under this name («Solution:», «注意：»)."""
    return any_pattern("documents", "openings", name, form="^(?:{})").match(text) is not None


@cache
def label_pattern(role: str, _codes: tuple[str, ...]) -> re.Pattern[str]:
    """The label of a role with its number, in any language; ``number`` is the number."""
    words = alternatives("documents", "labels", role)
    if role == "caption":  # mkdocs leaves the number to its site: «表 常见的术语»
        number = r"(?:\s*(?P<number>[A-Z]?\d+(?:[.\-–]\d+)*[a-z]?)(?!\d)|(?=[\s\u3000]+\S))"
        return re.compile(rf"^(?:{words}){number}", re.IGNORECASE)
    form = rf"^(?:{words}){_NUMBER}\s*(?=$|[.:：．。(（\s])"
    return re.compile(form, re.IGNORECASE)
