"""Lines of a page with the little geometry that layout needs.

One call gives a page's whole text; a handful of calls per *line* (never per character) give its
place, size and font. That keeps reading within a small factor of the bare text extraction.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from typing import Any

_MONO = re.compile(
    r"mono|courier|consol|typewriter|inconsol|menlo|sourcecode|firacode|cmtt|cmsltt|cmitt|ectt|txtt"
    r"|sltt|zi4|pcr[rb]|andale|fixed|lettergothic|\btt\b",
    re.IGNORECASE,
)
_BOLD = re.compile(r"bold|black|heavy|semibd|cmbx|ecbx|sfbx|medi\b|-bd\b", re.IGNORECASE)
_MATH = re.compile(
    r"cmmi|cmsy|cmex|cmbsy|msam|msbm|math|eufm|symbol|stix|rsfs|wasy|dingbat", re.IGNORECASE
)
SOFT = "\ufffe"
"""PDFium's mark for a hyphen at a line's end; the next line follows without a line break."""


@dataclass(frozen=True, slots=True)
class Font:
    """What a font's name and flags tell."""

    name: str
    mono: bool
    bold: bool
    math: bool


@dataclass(slots=True)
class Line:
    """One printed line: text and place in points, origin at the page's lower left corner.

    ``y`` is the baseline; ``left`` and ``right`` are the edges of its column. ``hyphen`` says that
    the line ended in a hyphen, which is no longer in ``text``. ``cells`` are the parts of a line
    with wide gaps. ``pitch`` is a fixed font's advance.
    """

    text: str
    page: int
    x0: float
    x1: float
    y: float
    size: float
    font: Font
    hyphen: bool = False
    mono: bool = False
    left: float = 0.0
    right: float = 0.0
    pitch: float = 0.0
    column: int = 0
    cells: tuple[str, ...] = ()


_NO_FONT = Font("", False, False, False)


class LineReader:
    """Reads the lines of pages; keeps reusable C buffers and the fonts of the current page."""

    def __init__(self) -> None:
        import pypdfium2.raw as raw

        self._raw: Any = raw
        self._a, self._b, self._c, self._d = (ctypes.c_double() for _ in range(4))
        self._f = ctypes.c_float()
        self._matrix = raw.FS_MATRIX()
        self._name = ctypes.create_string_buffer(256)
        self._named: dict[tuple[bytes, int], Font] = {}
        self._fonts: dict[int, Font] = {}

    def read(self, textpage: Any, page: int) -> list[Line]:
        """The lines of one page (number from 1), in the order of the content stream."""
        text: str = textpage.get_text_range()
        # A font's address is only unique while the page that uses it is open.
        self._fonts.clear()
        exact = len(text) == textpage.count_chars()
        handle = textpage.raw
        if SOFT in text:
            text = self._unmapped(handle, text, exact)
        lines: list[Line] = []
        at = 0
        for physical in text.split("\r\n"):
            parts = physical.split(SOFT)
            for number, part in enumerate(parts):
                if part and not part.isspace():
                    hyphen = number < len(parts) - 1
                    lines.append(self._line(handle, part, at, exact, page, hyphen))
                at += len(part) + 1
            at += 1
        return lines

    def _unmapped(self, handle: Any, text: str, exact: bool) -> str:
        """PDFium writes the same mark for a glyph that its font does not name: tell them apart."""
        raw = self._raw
        characters = list(text)
        at = text.find(SOFT)
        while at >= 0:
            index = at if exact else raw.FPDFText_GetCharIndexFromTextIndex(handle, at)
            if raw.FPDFText_IsHyphen(handle, index) != 1:
                characters[at] = "\ufffd"
            at = text.find(SOFT, at + 1)
        return "".join(characters)

    def _line(self, handle: Any, part: str, at: int, exact: bool, page: int, hyphen: bool) -> Line:
        raw = self._raw
        stripped = part.rstrip()
        lead = len(part) - len(part.lstrip())
        first, last = at + lead, at + len(stripped) - 1
        if not exact:
            first = raw.FPDFText_GetCharIndexFromTextIndex(handle, first)
            last = raw.FPDFText_GetCharIndexFromTextIndex(handle, last)
        a, b, c, d, m = self._a, self._b, self._c, self._d, self._matrix
        raw.FPDFText_GetCharOrigin(handle, first, a, b)
        x0, y = a.value, b.value
        font = self._font(handle, first)
        probe = first
        if font.math and last > first + 3:  # an ornament, bullet or symbol opens the line
            probe = (first + last) // 2
            font = self._font(handle, probe)
        raw.FPDFText_GetMatrix(handle, probe, m)
        size = raw.FPDFText_GetFontSize(handle, probe) * (m.c * m.c + m.d * m.d) ** 0.5
        if abs(m.b) > abs(m.a):  # turned by a quarter: a margin stamp or a turned table
            size = -size
        raw.FPDFText_GetCharBox(handle, last, a, b, c, d)
        line = Line(stripped[lead:], page, x0, b.value, y, size, font, hyphen)
        if font.mono:
            self._measure_mono(handle, line, first, last)
        if not line.mono and line.x1 - x0 > 0.7 * size * len(line.text) > 0 and exact:
            line.cells = self._cells(handle, line, first)
        return line

    def _cells(self, handle: Any, line: Line, first: int) -> tuple[str, ...]:
        """The parts between gaps wider than 1.2 times the font's size; only for sparse lines."""
        raw, a, b, c, d = self._raw, self._a, self._b, self._c, self._d
        cells, start = [], 0
        for at in (i for i, character in enumerate(line.text) if character == " "):
            raw.FPDFText_GetCharBox(handle, first + at - 1, a, b, c, d)
            end = b.value
            raw.FPDFText_GetCharBox(handle, first + at + 1, a, b, c, d)
            if a.value - end > 1.2 * line.size:
                cells.append(line.text[start:at].strip())
                start = at + 1
        return (*cells, line.text[start:].strip()) if cells else ()

    def _measure_mono(self, handle: Any, line: Line, first: int, last: int) -> None:
        count = last - first
        probes = {first + count * k // 4 for k in (1, 2, 3, 4)}
        line.mono = all(f.mono for i in probes if (f := self._font(handle, i)) is not _NO_FONT)
        if line.mono and count > 2:
            self._raw.FPDFText_GetCharOrigin(handle, last, self._a, self._b)
            line.pitch = (self._a.value - line.x0) / count

    def _font(self, handle: Any, index: int) -> Font:
        raw = self._raw
        thing = raw.FPDFText_GetTextObject(handle, index)
        font = raw.FPDFTextObj_GetFont(thing) if thing else None
        if not font:
            return _NO_FONT
        address = ctypes.cast(font, ctypes.c_void_p).value or 0
        found = self._fonts.get(address)
        if found is None:
            found = self._fonts[address] = self._describe(font)
        return found

    def _describe(self, font: Any) -> Font:
        self._raw.FPDFFont_GetBaseFontName(font, self._name, 256)
        flags = max(0, self._raw.FPDFFont_GetFlags(font))
        key = (self._name.value, flags)
        if key not in self._named:
            name = key[0].decode("utf-8", "replace").rsplit("+", 1)[-1]
            weight = self._raw.FPDFFont_GetWeight(font)
            self._named[key] = Font(
                name,
                bool(flags & 1) or bool(_MONO.search(name)),
                bool(_BOLD.search(name)) or weight >= 600,
                bool(_MATH.search(name)),
            )
        return self._named[key]
