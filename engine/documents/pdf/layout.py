"""From the lines of pages to one stream of lines in reading order, without running heads."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.documents.pdf.lines import Line, LineReader
from engine.language import alternatives, languages

EDGE = 3
"""How many lines from a page's top and bottom may be running heads."""
_DIGITS = re.compile(r"\d+")
_EDGE_NUMBER = re.compile(r"^\W{0,3}(\d{1,4})\b|\b(\d{1,4})\W{0,3}$")
_ROMAN = re.compile(r"^[ivxlc]{1,8}$", re.IGNORECASE)


@cache
def _folio(_codes: tuple[str, ...]) -> re.Pattern[str]:
    """A line that holds a page's number only, with «page» or «of 20» of any language."""
    before = alternatives("headings", "folio", "before")
    after = alternatives("headings", "folio", "after")
    return re.compile(rf"^\W{{0,3}}({before})?\s*\d{{1,4}}\s*({after})?\W{{0,3}}$", re.IGNORECASE)


def page_lines(reader: LineReader, page: Any, textpage: Any, number: int) -> list[Line]:
    """Lines of one page in reading order; turned text goes where it is not the page's own."""
    lines = reader.read(textpage, number)
    if any(line.size <= 0 for line in lines):
        upright = [line for line in lines if line.size > 0]
        if len(upright) * 2 < len(lines):  # a turned page: keep it as it comes
            for line in lines:
                line.size = abs(line.size) or 1.0
            return lines
        lines = upright
    return in_order(lines, page, textpage)


def in_order(lines: list[Line], page: Any, textpage: Any) -> list[Line]:
    """Upright lines of one page in reading order, with the edges of their columns.

    ``textpage`` is None for lines that were seen in a picture of the page.
    """
    if len(lines) < 2:
        return _with_edges(lines)
    return _with_edges(_by_column(_joined(lines), page, textpage))


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Fragments that stand side by side on one baseline become one line again."""
    found = [lines[0]]
    for line in lines[1:]:
        last = found[-1]
        size = max(line.size, last.size)
        gap = line.x0 - last.x1
        if abs(line.y - last.y) < 0.45 * size and -0.3 * size < gap < 2.0 * size:
            last.text += ("" if gap < 0.12 * size else " ") + line.text
            last.x1, last.hyphen, last.cells = line.x1, line.hyphen, ()
            last.mono = last.mono and line.mono
            if line.size > last.size:
                last.size, last.y, last.font = line.size, line.y, line.font
        else:
            found.append(line)
    return found


def _by_column(lines: list[Line], page: Any, textpage: Any) -> list[Line]:
    """Reading order of a page: its gutter, where it has one, separates two columns."""
    if len(lines) >= 8:
        left, right = min(x.x0 for x in lines), max(x.x1 for x in lines)
        middle = _gutter(lines, left, right)
        if middle and _empty_gutter(lines, middle, textpage):
            return _two_columns(lines, middle, textpage)
    return _top_down(lines)


def _empty_gutter(lines: Sequence[Line], middle: float, textpage: Any) -> bool:
    """Whether hardly a word stands in the gutter; lines seen in a picture do not cross it."""
    if textpage is None:
        return sum(x.x0 < middle < x.x1 for x in lines) < 0.2 * len(lines)
    top = max(x.y for x in lines) + 50
    return len(textpage.get_text_bounded(middle - 2, 0, middle + 2, top).split()) <= 2


def _gutter(lines: Sequence[Line], left: float, right: float) -> float:
    """Where a gutter would be: beside the left edge of lines that begin in the middle; else 0."""
    span = right - left
    if span < 200:
        return 0.0
    starts = [x.x0 for x in lines if 0.35 < (x.x0 - left) / span < 0.65]
    if len(starts) >= max(4, len(lines) // 4):
        common, count = Counter(round(x) for x in starts).most_common(1)[0]
        if count >= 4:
            return min(x for x in starts if abs(x - common) < 3) - 4.0
        return 0.0
    full = sum(x.x1 - x.x0 > 0.8 * span for x in lines)
    return (left + right) / 2 if full >= max(4, len(lines) // 3) else 0.0


def _two_columns(lines: list[Line], middle: float, textpage: Any) -> list[Line]:
    """Bands of two columns between lines that cross the gutter; lines over both are cut."""
    cut: list[Line] = []
    for line in lines:
        if line.x0 < middle < line.x1:
            cut.extend(_cut(line, middle, textpage))
        else:
            cut.append(line)
    for line in cut:
        line.column = 1 if line.x1 <= middle else 2 if line.x0 >= middle else 0
    if not all(any(x.column == side for x in cut) for side in (1, 2)):
        return _top_down(cut)
    crossing = sorted((x.y for x in cut if x.column == 0), reverse=True)

    def order(line: Line) -> tuple[int, int]:
        band = sum(y > line.y for y in crossing)
        return (2 * band, 0) if line.column == 0 else (2 * band + 1, line.column)

    return (
        sorted(sorted(cut, key=lambda x: -x.y), key=order)
        if crossing
        else sorted(cut, key=lambda x: x.column)
    )


def _cut(line: Line, middle: float, textpage: Any) -> list[Line]:
    """The two halves of a line that PDFium read across an empty gutter."""
    if textpage is None:
        return [line]
    low, high = line.y - 0.25 * line.size, line.y + 0.9 * line.size
    sides = [(line.x0 - 2, middle), (middle, line.x1 + 2)]
    texts = [textpage.get_text_bounded(a, low, b, high).strip() for a, b in sides]
    texts = [" ".join(t.replace("\ufffe", "-").split()) for t in texts]
    if not all(texts) or "".join(texts).replace(" ", "") != line.text.replace(" ", ""):
        return [line]
    halves = []
    for text, (a, b) in zip(texts, sides, strict=True):
        half = Line(text, line.page, max(a, line.x0), min(b, line.x1), line.y, line.size, line.font)
        half.mono = line.mono
        halves.append(half)
    halves[0].x1, halves[1].x0 = middle - 4, middle + 4
    return halves


def _top_down(lines: list[Line]) -> list[Line]:
    """Sorted from top to bottom, only where the stream jumps up within one column."""
    for last, line in zip(lines, lines[1:], strict=False):
        overlap = min(last.x1, line.x1) - max(last.x0, line.x0)
        narrow = min(last.x1 - last.x0, line.x1 - line.x0)
        if line.y - last.y > 3 * line.size and overlap > 0.5 * narrow > 0:
            step = 0.5 * sorted(x.size for x in lines)[len(lines) // 2]
            return sorted(lines, key=lambda x: (-round(x.y / step), x.x0))
    return lines


def _with_edges(lines: list[Line]) -> list[Line]:
    left: dict[int, float] = defaultdict(lambda: 1e9)
    right: dict[int, float] = defaultdict(float)
    for line in lines:
        left[line.column] = min(left[line.column], line.x0)
        right[line.column] = max(right[line.column], line.x1)
    for line in lines:
        line.left, line.right = left[line.column], right[line.column]
    return lines


def drop_furniture(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Running heads, feet and page numbers out: lines at an edge that return or that number."""
    edges = [_edges(lines) for lines in pages]
    rules = _Rules(edges)
    kept: list[list[Line]] = []
    for lines, edge in zip(pages, edges, strict=True):
        gone = {id(line) for line, rank, top in edge if rules.running(line, rank, top)}
        kept.append([line for line in lines if id(line) not in gone])
    return kept


_Edge = list[tuple[Line, int, bool]]


def _edges(lines: Sequence[Line]) -> _Edge:
    """The outermost lines with their rank from the edge and whether it is the top."""
    ordered = sorted(lines, key=lambda x: -x.y)
    top = [(line, rank, True) for rank, line in enumerate(ordered[:EDGE])]
    return top + [(line, rank, False) for rank, line in enumerate(ordered[: -EDGE - 1 : -1])]


class _Rules:
    """What makes a line at a page's edge a running head in this book."""

    def __init__(self, edges: Sequence[_Edge]) -> None:
        sizes = sorted(line.size for edge in edges for line, _, _ in edge) or [10.0]
        self._large = 1.25 * sizes[len(sizes) // 2]
        self._heights: set[tuple[int, bool]] = set()
        self._offset = _offset(edges)
        self._repeated = self._find_repeated(edges)
        self._heights = self._find_heights(edges)

    def running(self, line: Line, rank: int, top: bool) -> bool:
        """Whether the line, ``rank`` lines from the edge, is a head, foot or page number."""
        if rank == 0 and not line.mono and line.size <= self._large:
            if _ROMAN.match(line.text) or _folio(languages()).match(line.text):
                return True
            if self._offset is not None and line.page + self._offset in _numbers(line.text):
                return True
        if line.mono:
            return False
        text, near = self._key(line), round(line.y / 4)
        if any((text, top, near + d) in self._repeated for d in (-1, 0, 1)):
            return True
        return rank <= 1 and any((round(line.y) + d, top) in self._heights for d in (-1, 0, 1))

    def _key(self, line: Line) -> str:
        """The text with its own page's number left open; other numbers tell lines apart."""
        if line.size > self._large:  # «Chapter 1» on page 1 is a heading
            return line.text.lower()
        own = {line.page, line.page + (self._offset or 0)}
        text = _DIGITS.sub(lambda m: "#" if int(m[0][:9]) in own else m[0], line.text)
        return text.strip().lower()

    def _find_repeated(self, edges: Sequence[_Edge]) -> set[tuple[str, bool, int]]:
        """Texts that return at the same height near one edge on several pages."""
        seen: dict[tuple[str, bool, int], set[int]] = defaultdict(set)
        for edge in edges:
            for line, _, top in edge:
                seen[self._key(line), top, round(line.y / 4)].add(line.page)
        need = 2 if len(edges) <= 3 else 3
        return {key for key, pages in seen.items() if len(pages) >= need}

    def _find_heights(self, edges: Sequence[_Edge]) -> set[tuple[int, bool]]:
        """Heights at which running heads stand on many pages: whatever stands there is one."""
        seen: Counter[tuple[int, bool]] = Counter()
        for edge in edges:
            seen.update((round(x.y), top) for x, rank, top in edge if self.running(x, rank, top))
        return {key for key, count in seen.items() if count >= max(4, 0.2 * len(edges))}


def _offset(edges: Sequence[_Edge]) -> int | None:
    """Printed page number minus page index, where most outermost lines agree on one."""
    votes: Counter[int] = Counter()
    for edge in edges:
        votes.update(
            {n - line.page for line, rank, _ in edge if rank == 0 for n in _numbers(line.text)}
        )
    if not votes:
        return None
    best, count = votes.most_common(1)[0]
    return best if count >= max(3, 0.3 * len(edges)) else None


def _numbers(text: str) -> list[int]:
    return [int(a or b) for a, b in _EDGE_NUMBER.findall(text)]
