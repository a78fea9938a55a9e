"""Headings of a PDF: from its outline, or from the size, weight and numbering of its lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.documents.pdf.flow import Body
from engine.documents.pdf.lines import Line
from engine.documents.tree import Piece, clean, heading
from engine.language import any_pattern

_NOT_WORD = re.compile(r"[\W_]+")
_LABEL = r"^(?:{}|\d{1,3}|[IVX]{1,5}|[A-Z])[.:]?$"
_NUMBERED = re.compile(r"^(?:[^\w\s(\[\"“‘]\s*)?((?:\d{1,2}|[A-Z](?=\.))(?:\.\d{1,3})*)[.:]?\s+\S")
_SUBNUMBERED = re.compile(r"^(?:\d{1,2}|[A-Z])\.\d{1,2}[.:]?(?:\d{1,2}[.:]?)*\s*[^\W\d]")
_ORNAMENTS = "\ufffd™♥♦♣♠§*•■▪ "
Mark = tuple[int, int, Piece]
"""A heading that replaces the lines from the first index up to the second one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One outline entry: ``level`` from 1, ``page`` from 1, ``y`` in points or None."""

    title: str
    level: int
    page: int
    y: float | None


def outline(document: Any) -> list[Entry]:
    """The outline's entries that lead to a page, in reading order."""
    found: list[Entry] = []
    for item in document.get_toc(max_depth=12):
        dest = item.get_dest()
        index = dest.get_index() if dest else None
        title = clean(" ".join((item.get_title() or "").split()))
        if index is None or not title:
            continue
        found.append(Entry(title, item.level + 1, index + 1, _top_of(dest)))
    if any(a.page > b.page for a, b in zip(found, found[1:], strict=False)):
        found.sort(key=lambda e: (e.page, -(e.y if e.y is not None else 1e9)))
    return found


def _top_of(dest: Any) -> float | None:
    """The y of a destination: PDF's views XYZ (1), FitH (3), FitR (5) and FitBH (7) have one."""
    mode, view = dest.get_view()
    place = {1: 1, 3: 0, 5: 3, 7: 0}.get(mode)
    if place is None or place >= len(view):
        return None
    value = view[place]
    return float(value) if value else None


def place(entries: Sequence[Entry], pages: Sequence[list[Line]], body: Body) -> list[Mark]:
    """For each entry the lines (indices into all pages' lines) that its heading takes."""
    starts = [0]
    for lines in pages:
        starts.append(starts[-1] + len(lines))
    marks: list[Mark] = []
    free = 0
    for entry in entries:
        number = min(entry.page, len(pages))
        lines, base = pages[number - 1], starts[number - 1]
        low = max(0, free - base)
        first, last = _find(entry, lines, low, body)
        if first == last == len(lines) and number < len(pages):
            # the destination is a page's foot, the heading itself opens the next page
            over = pages[number][:4]
            more = _find(replace(entry, y=None), over, max(0, free - starts[number]), body)
            if more[1] > more[0]:
                first, last = len(lines) + more[0], len(lines) + more[1]
        marks.append((base + first, base + last, heading(entry.title, entry.level, entry.page)))
        free = base + last
    return marks


def _find(entry: Entry, lines: Sequence[Line], low: int, body: Body) -> tuple[int, int]:
    """First and past-last line of the heading; an empty range where only its place is known."""
    wanted = _letters(entry.title)
    best: tuple[float, int, int] | None = None
    for i in range(low, len(lines)):
        text = ""
        for j in range(i, min(i + 4, len(lines))):
            text += lines[j].text
            got = _letters(text)
            if len(got) > len(wanted) + 24:
                break
            if got.endswith(wanted) and wanted:
                cost = _cost(entry, lines[i], got, wanted, body)
                if best is None or cost < best[0]:
                    best = (cost, i, j + 1)
                break
    if best and best[0] < 1000:
        return _with_label(lines, low, best[1]), best[2]
    return (at := _by_height(entry, lines, low)), at


def _cost(entry: Entry, line: Line, got: str, wanted: str, body: Body) -> float:
    """How unlike a heading at the right place a matching line is; 1000 and more: no heading."""
    cost = 20.0 * (len(got) - len(wanted))
    if entry.y is not None:
        below = entry.y - line.y
        cost += below if below > -2 else 300 - below
    if not line.font.bold and line.size < 1.08 * body.size:
        cost += 150
    return cost


def _with_label(lines: Sequence[Line], low: int, first: int) -> int:
    """Takes in a line «Chapter 3» or a lone number that stands just above the title."""
    above = first - 1
    if above < low or not _is_label(lines[above].text):
        return first
    gap = lines[above].y - lines[first].y
    larger = lines[above].size >= 0.75 * lines[first].size
    return above if larger and 0 <= gap < 6 * lines[first].size else first


def _by_height(entry: Entry, lines: Sequence[Line], low: int) -> int:
    if entry.y is None:
        return low
    for i in range(low, len(lines)):
        if lines[i].y <= entry.y + 1:
            return i
    return len(lines)


def _letters(text: str) -> str:
    return _NOT_WORD.sub("", clean(text)).lower()


def guess(lines: Sequence[Line], body: Body) -> list[Mark]:
    """Headings of a book without outline: larger, bolder or numbered lines that stand alone."""
    groups = _candidates(lines, body)
    levels = _levels([lines[first] for first, _ in groups], body)
    marks: list[Mark] = []
    for first, last in groups:
        line = lines[first]
        title = clean(" ".join(x.text for x in lines[first:last])).strip(_ORNAMENTS)
        start = _with_label(lines, marks[-1][1] if marks else 0, first)
        if start < first:
            title = f"{clean(lines[start].text)} {title}"
        marks.append((start, last, heading(title, levels[_style(line, body)], line.page)))
    return marks


def _candidates(lines: Sequence[Line], body: Body) -> list[tuple[int, int]]:
    """Runs of one to three lines of one style that read like a heading."""
    found: list[tuple[int, int]] = []
    i = 0
    while i < len(lines):
        style = _style(lines[i], body)
        j = i + 1
        if style is None or not _stands_alone(lines, i, body):
            i = j
            continue
        while j < len(lines) and _same_heading(lines[j - 1], lines[j], style, body):
            j += 1
        text = " ".join(x.text for x in lines[i:j])
        if j - i <= 3 and _reads_like_heading(text):
            found.append((i, j))
        i = j
    return found


def _same_heading(last: Line, line: Line, style: tuple[float, bool] | None, body: Body) -> bool:
    close = 0 <= last.y - line.y < 1.6 * last.size and last.page == line.page
    return close and _style(line, body) == style and not _NUMBERED.match(line.text)


def _style(line: Line, body: Body) -> tuple[float, bool] | None:
    """Size (in half points) and weight of a line that may be a heading; None for running text."""
    if line.mono:
        return None
    size = round(line.size * 2) / 2
    seen = line.font.name == "ocr"  # the height of a box, no font's size
    if line.size > (1.25 if seen else 1.12) * body.size:
        return size, line.font.bold
    if seen:
        return (size, False) if _SUBNUMBERED.match(line.text) else None
    if line.font.bold and line.size > 0.97 * body.size:
        return size, True
    numbered = _opens_chapter(line.text) or ("." in line.text[:4] and _NUMBERED.match(line.text))
    return (size, False) if numbered and line.size > 0.97 * body.size else None


def _stands_alone(lines: Sequence[Line], i: int, body: Body) -> bool:
    """Space above (or a page's top), and no ordinary text going on at the same pitch above."""
    line = lines[i]
    if line.size > 1.3 * body.size:
        return True
    above = lines[i - 1] if i and lines[i - 1].page == line.page else None
    below = lines[i + 1] if i + 1 < len(lines) and lines[i + 1].page == line.page else None
    ample = 1.25 * body.pitch * body.size
    if above and 0 <= above.y - line.y < ample and _style(above, body) is None:
        return False
    if below and abs(below.y - line.y) < 0.5 * line.size:
        return False
    if line.size <= 1.12 * body.size:  # weight or number only: it must also leave its line unfilled
        return line.x1 < line.right - 4 * line.size or bool(below and line.y - below.y > ample)
    return True


def _reads_like_heading(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    if letters < 2 or len(text) > 120 or _is_caption(text) or "\ufffd" in text.strip("\ufffd "):
        return False
    if text[-1] in ".,;!。，；！" and not re.match(r"^[\d.]+$", text):
        return False
    text = text.strip(_ORNAMENTS)
    return letters > 0.5 * len(text.replace(" ", "")) and not text[0].islower()


def _levels(heads: Sequence[Line], body: Body) -> dict[tuple[float, bool] | None, int]:
    """Level of each style: numbering tells it where there is any, else size and weight."""
    depths: dict[tuple[float, bool] | None, Counter[int]] = defaultdict(Counter)
    for line in heads:
        if found := _NUMBERED.match(line.text):
            depths[_style(line, body)][found[1].count(".") + 1] += 1
        elif _opens_chapter(line.text):
            depths[_style(line, body)][1] += 1
    styles = sorted({s for x in heads if (s := _style(x, body))}, reverse=True)
    levels: dict[tuple[float, bool] | None, int] = {}
    level = 0
    for style in styles:
        known = depths[style].most_common(1)
        level = max(known[0][0], 1) if known else level + 1
        levels[style] = level
    return levels


def _is_label(text: str) -> bool:
    """Whether a line only says which chapter or part begins: «Chapter 3», «IV»."""
    return any_pattern("headings", "label", form=_LABEL).match(text.strip()) is not None


def _opens_chapter(text: str) -> bool:
    """Whether a line begins with the words of a chapter and its number."""
    return any_pattern("headings", "chapter_start", form="^(?:{})").match(text) is not None


def _is_caption(text: str) -> bool:
    """Whether a line begins like a caption: «Figure 3»."""
    return any_pattern("headings", "caption", form=r"^({})\s*\d").match(text) is not None
