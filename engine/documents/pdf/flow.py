"""Lines and headings to pieces: paragraphs re-flowed, listings kept, lists and captions apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.documents.pdf.lines import Line
from engine.documents.tree import Piece, clean, unspaced
from engine.text import CJK

_WIDE_END = re.compile(rf"[{CJK}\u3000-\u303f\uff00-\uffef]$")
_WIDE_START = re.compile(rf"^[{CJK}\u3000-\u303f\uff00-\uffef]")
_STOPS = re.compile(r"[.!?:;。！？：；…][\"”’)\]]*$")
_MARK = re.compile(
    r"^(?:[•◦▪‣●○■□–∙·*➢✓-]|\ufffd[.)]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]|（[\d一二三四五六七八九十]+）)\s+\S"
)
_BULLET = re.compile(r"^[•◦▪‣●○■□–∙·*➢✓]\s+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LOST_FFI = re.compile(r"(?<=[A-Za-z])\ufffd(?=[cnxd][a-z])")
_LOST_FF = re.compile(r"(?<=[A-Za-z])\ufffd(?=[a-z])")
_LOST_END = re.compile(r"\b([oO]|cuto|trade-?o|payo|takeo|sta|stu|blu|cli)\ufffd(?=s?[ .,;:-])")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_FIRST_WORD = re.compile(r"^[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Body:
    """Facts about the running text of one book: size in points, line pitch in sizes, words."""

    size: float
    pitch: float
    words: Counter[str]


def measure(lines: Sequence[Line]) -> Body:
    """Size and line pitch of most of the text, and how often each word stands in it."""
    sizes: Counter[float] = Counter()
    pitches: Counter[float] = Counter()
    last: Line | None = None
    for line in lines:
        if not line.mono:
            sizes[round(line.size * 4) / 4] += len(line.text)
            if last and last.page == line.page and last.size == line.size:
                gap = (last.y - line.y) / line.size
                if 0.9 < gap < 2.5:
                    pitches[round(gap, 2)] += 1
        last = line
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    pitch = _smallest_common(pitches)
    words: Counter[str] = Counter()
    for line in lines:
        words.update(_WORD.findall(line.text.lower()))
    return Body(size, pitch, words)


def _smallest_common(pitches: Counter[float]) -> float:
    """The line pitch inside paragraphs: the tightest of the frequent ones."""
    if not pitches:
        return 1.2
    most = pitches.most_common(1)[0][1]
    return min(p for p, n in pitches.items() if n >= 0.3 * most)


class Flow:
    """Builds pieces from lines that come in reading order; ``add`` each, then take ``pieces``."""

    def __init__(self, body: Body) -> None:
        self.pieces: list[Piece] = []
        self._body = body
        self._run: list[Line] = []
        self._kind = "prose"
        self._paragraph: tuple[Piece, Line] | None = None

    def head(self, piece: Piece) -> None:
        """A heading: closes what is open."""
        self._close()
        self._paragraph = None
        self.pieces.append(piece)

    def add(self, line: Line) -> None:
        """The next line of the text."""
        kind = self._kind_of(line)
        if self._run and (kind != self._kind or self._breaks(self._run[-1], line)):
            self._close()
        self._kind = kind
        self._run.append(line)

    def finish(self) -> list[Piece]:
        """All pieces, the last one closed."""
        self._close()
        return self.pieces

    def _kind_of(self, line: Line) -> str:
        if line.mono:
            return "prose" if self._wraps(line) else "code"
        if line.cells:
            return "table"
        if _MARK.match(line.text):
            return "list"
        if self._kind == "list" and self._run and not self._breaks(self._run[-1], line):
            return "list"
        return "prose"

    def _wraps(self, line: Line) -> bool:
        """Whether a monospaced line is the tail of a sentence that names code."""
        if not self._run or self._kind == "code":
            return False
        last = self._run[-1]
        tight = 0 < last.y - line.y < 1.15 * self._body.pitch * last.size
        full = last.x1 > last.right - 0.12 * (last.right - last.x0)
        return (
            tight and full and abs(line.x0 - last.x0) < last.size and not _STOPS.search(last.text)
        )

    def _breaks(self, last: Line, line: Line) -> bool:
        if self._kind in ("code", "table"):
            return self._code_breaks(last, line)
        if last.page != line.page or last.column != line.column:
            return not self._continues(last, line)
        size = max(last.size, line.size)
        gap = last.y - line.y
        if abs(gap) < 0.6 * size and line.x0 >= last.x0:
            return False  # raised or lowered bits of one line
        if gap < 0 or gap > 1.25 * self._body.pitch * size:
            return True
        if _MARK.match(line.text) and (self._kind == "list" or last.x1 < last.right - 3 * size):
            return True
        if abs(last.size - line.size) > 0.2 * size and len(line.text) > 3 < len(last.text):
            return True
        return self._indented(last, line)

    def _indented(self, last: Line, line: Line) -> bool:
        size = line.size
        ended = bool(_STOPS.search(last.text))
        short = last.x1 < last.right - 2.5 * size
        if line.x0 > last.x0 + 0.8 * size:
            return ended or short
        if line.x0 < last.x0 - 0.8 * size and len(self._run) > 1:
            # back to the margin: a new item after a hanging paragraph
            return self._run[0].x0 < last.x0 - 0.8 * size
        return ended and last.x1 < last.right - 6 * size and len(self._run) > 1

    @staticmethod
    def _code_breaks(last: Line, line: Line) -> bool:
        if last.page != line.page:
            return False
        gap = last.y - line.y
        return gap < 0 or gap > 4.0 * line.size

    @staticmethod
    def _continues(last: Line, line: Line) -> bool:
        """Whether a paragraph goes on over a page or column break."""
        if abs(last.size - line.size) > 0.1 * last.size or _MARK.match(line.text):
            return False
        if last.hyphen:
            return True
        full = last.x1 > last.right - 0.15 * max(1.0, last.right - last.x0)
        return full and not _STOPS.search(last.text)

    def _close(self) -> None:
        run, self._run = self._run, []
        if not run:
            return
        if self._kind == "code":
            self._paragraph = None
            self.pieces.append(_listing(run))
            return
        if self._kind == "table" and _is_table(run):
            self._paragraph = None
            self.pieces.append(_table(run))
            return
        text = self._flowed(run)
        if not text:
            return
        if self._kind == "list":
            self._list_item(run, text)
        else:
            self._prose(run, text)

    def _prose(self, run: list[Line], text: str) -> None:
        """A paragraph; one that was cut by a page with footnotes is joined to its first half."""
        first, last = run[0], run[-1]
        note = first.size < 0.93 * self._body.size
        if self._paragraph and not note:
            piece, line = self._paragraph
            if line.page + 1 == first.page and self._continues(line, first):
                piece.text = _join(piece.text, text, line.hyphen, self._body.words)
                piece.end = last.page
                self._paragraph = (piece, last)
                return
        piece = Piece(text, "prose", 0, first.page, last.page)
        self.pieces.append(piece)
        if not note:
            self._paragraph = (piece, last)

    def _list_item(self, run: list[Line], text: str) -> None:
        item = _BULLET.sub("- ", text)
        last = self.pieces[-1] if self.pieces else None
        if last and last.kind == "list" and last.end >= run[0].page - 1:
            last.text += "\n" + item
            last.end = run[-1].page
        else:
            self.pieces.append(Piece(item, "list", 0, run[0].page, run[-1].page))
        self._paragraph = None

    def _flowed(self, run: Iterable[Line]) -> str:
        text = ""
        last: Line | None = None
        for line in run:
            if last and _stops_early(last) and not last.hyphen and abs(last.y - line.y) > 3:
                text += "\n" + line.text
            else:
                text = _join(text, line.text, bool(last and last.hyphen), self._body.words)
            last = line
        return _mended(unspaced(text + ("-" if last and last.hyphen else "")).strip())


def _stops_early(line: Line) -> bool:
    """Whether a line ends long before its column does: verse, pseudocode or an address."""
    return line.x1 < line.left + 0.55 * (line.right - line.left)


def _mended(text: str) -> str:
    """Unnamed glyphs inside words are ligatures: «ffi» where a consonant follows, else «ff»."""
    if "\ufffd" not in text:
        return text
    text = _LOST_FFI.sub("ffi", text)
    text = _LOST_FF.sub("ff", text)
    return _LOST_END.sub(r"\1ff", text)


def _join(text: str, more: str, hyphen: bool, words: Counter[str]) -> str:
    """Two lines as one text: hyphens resolved, no blank between Chinese characters."""
    if not text:
        return more
    if not hyphen and text[-1] in "-\u2010\xad" and text[-2:-1].isalpha() and more[:1].islower():
        text, hyphen = text[:-1], True
    if hyphen:
        return text + ("-" if _keeps_hyphen(text, more, words) else "") + more
    if _WIDE_END.search(text) and _WIDE_START.search(more):
        return text + more
    if text.endswith("/") or (text.endswith("_") and text[-2:-1].isalnum()):
        return text + more
    if text.endswith(("—", "–")) and not text.endswith((" —", " –")):
        return text + more
    return f"{text} {more}"


def _keeps_hyphen(text: str, more: str, words: Counter[str]) -> bool:
    """Whether the hyphen at a line's end belongs to the word, judged by the book's own words."""
    before, after = _LAST_WORD.search(text), _FIRST_WORD.search(more)
    if not before or not after:
        return True
    left, right = before[0].lower(), after[0].lower()
    solid, dashed = words[left + right], words[f"{left}-{right}"]
    if solid or dashed:
        return dashed > solid
    if more[:1].isupper():
        return True
    if len(left) == 1:
        return True
    short, rare = min(len(left), len(right)), min(words[left], words[right])
    return (short > 3 and rare > 1) or (short == 3 and rare > 2)


def _listing(run: Sequence[Line]) -> Piece:
    """Code line by line, with indentation from the left edge and blank lines from the gaps."""
    margin = min(line.x0 for line in run)
    pitch = _advance(run)
    step = _line_step(run)
    rows: list[str] = []
    last: Line | None = None
    for line in run:
        if last and last.page == line.page and last.y - line.y > 1.6 * step:
            rows.append("")
        indent = max(0, round((line.x0 - margin) / pitch))
        rows.append(" " * indent + clean(line.text) + ("-" if line.hyphen else ""))
        last = line
    return Piece("\n".join(rows), "code", 0, run[0].page, run[-1].page)


def _is_table(run: Sequence[Line]) -> bool:
    """Three rows of cells, or two rows with three: less is a formula or a line with a number."""
    return len(run) >= 3 or (len(run) == 2 and min(len(line.cells) for line in run) >= 3)


def _table(run: Sequence[Line]) -> Piece:
    rows = (" | ".join(clean(cell) for cell in line.cells) for line in run)
    return Piece("\n".join(rows), "table", 0, run[0].page, run[-1].page)


def _advance(run: Sequence[Line]) -> float:
    found = sorted(line.pitch for line in run if line.pitch > 0)
    return found[len(found) // 2] if found else 0.6 * run[0].size


def _line_step(run: Sequence[Line]) -> float:
    gaps = [a.y - b.y for a, b in zip(run, run[1:], strict=False) if a.page == b.page and a.y > b.y]
    return min(gaps) if gaps else 1.2 * run[0].size
