"""Pages that only point to other pages: tables of contents and back-of-book indexes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.documents.pdf.lines import Line
from engine.language import any_words
from engine.schema import Warn

_LEADER = re.compile(r"(?:\.\s?){4,}|…{2,}|(?:·\s?){4,}|_{6,}")
_ENDS_IN_PAGE = re.compile(r"[\s.…·](\d{1,4}|[ivxlc]{1,6})$")
_INDEX_ENTRY = re.compile(r"(?:, ?\d{1,4}(?:[–-]\d{1,4})?)+,?$|^\W{0,2}\d{1,4}(?:, ?\d{1,4})*$")
_SEE = re.compile(r"\bsee( also)?\b", re.IGNORECASE)


def drop_pointers(pages: Sequence[list[Line]]) -> tuple[list[list[Line]], list[Warn]]:
    """The pages with contents and index pages emptied, and one warning for each kind."""
    contents = _contents(pages)
    index = _index(pages, contents)
    kept = [[] if i in contents or i in index else lines for i, lines in enumerate(pages)]
    warnings = []
    if contents:
        warnings.append(_warn("pdf.contents", "table of contents", contents))
    if index:
        warnings.append(_warn("pdf.index", "index", index))
    return kept, warnings


def _warn(code: str, what: str, pages: set[int]) -> Warn:
    return Warn(
        code=code,
        message=f"The {what} (pages {ranges(n + 1 for n in sorted(pages))}) is left out.",
        page=min(pages) + 1,
    )


def ranges(numbers: object) -> str:
    """Numbers in order as «3-7, 9»."""
    spans: list[list[int]] = []
    for n in numbers:  # type: ignore[attr-defined]
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _contents(pages: Sequence[list[Line]]) -> set[int]:
    """Pages where most lines have dotted leaders, and their neighbours that end in page numbers."""
    found: set[int] = set()
    for i, lines in enumerate(pages):
        if len(lines) < 4:
            continue
        leaders = sum(bool(_LEADER.search(x.text)) for x in lines)
        numbers = sum(bool(_ENDS_IN_PAGE.search(x.text)) for x in lines)
        titled = any(x.text.strip().lower() in any_words("headings", "contents") for x in lines[:3])
        follows = (titled or i - 1 in found) and numbers >= 0.6 * len(lines)
        if leaders >= 0.4 * len(lines) or follows:
            found.add(i)
    return found


def _index(pages: Sequence[list[Line]], contents: set[int]) -> set[int]:
    """Pages in the last third where most lines end in page numbers after a comma."""
    found: set[int] = set()
    for i in range(int(len(pages) * 0.66), len(pages)):
        lines = pages[i]
        if i in contents or len(lines) < (1 if i - 1 in found else 8):
            continue
        hits = sum(bool(_INDEX_ENTRY.search(x.text) or _SEE.search(x.text)) for x in lines)
        short = sum(len(x.text) < 60 for x in lines)
        if hits >= 0.5 * len(lines) and short >= 0.8 * len(lines):
            found.add(i)
    return found
