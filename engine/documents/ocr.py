"""Text recognition of pages that are pictures or whose text is damaged: RapidOCR on this machine.

One model for English and Chinese, inside the wheel (PP-OCRv6 small, Apache-2.0, 31 MB), run by
OpenVINO, which is installed anyway. The package is an extra (``ocr``).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.documents.pdf.lines import Font, Line
from engine.installed import need_ocr

SCALE = 2.0
"""Of the picture that is read: 144 dots an inch, a page in about a second on two cores."""
LEAST = 0.6
"""Confidence below which a line is not taken over."""
_FONT = Font("ocr", mono=False, bold=False, math=False)
_BOX = 0.72
"""A font's size as a share of the height of the box around a line."""
_ALIKE = 0.22
"""Heights within this share of the page's usual one are the running text's."""


def read_page(page: Any, number: int, layer: Sequence[Line] = ()) -> tuple[list[Line], float]:
    """The lines of a page of a PDF (number from 1) as they look, and their mean confidence.

    Places and sizes are in points, as ``pdf.lines`` gives them. Lines below ``LEAST`` are left out.
    ``layer`` are the lines of the page's own damaged text: they know fonts and places better.

    Raises:
        Missing: ``ocr.missing``, where the extra is not installed.
    """
    picture = page.render(scale=SCALE).to_numpy()
    height = page.get_height()
    found = _engine()(picture)
    if found is None or found.txts is None or found.boxes is None:
        return [], 0.0
    rows = zip(found.boxes, found.txts, found.scores, strict=True)
    kept = [(box, text, float(score)) for box, text, score in rows if score >= LEAST and text]
    if not kept:
        return [], 0.0
    lines = [_line(box, text, number, height) for box, text, _ in kept]
    weights = [len(text) for _, text, _ in kept]
    sure = sum(score * w for (_, _, score), w in zip(kept, weights, strict=True)) / sum(weights)
    return _rows(_dressed(lines, layer)), sure


@cache
def _engine() -> Any:
    need_ocr()
    from rapidocr import EngineType, RapidOCR

    parts = ("Det", "Cls", "Rec")
    engines = {f"{part}.engine_type": EngineType.OPENVINO for part in parts}
    return RapidOCR(params={**engines, "Global.log_level": "error", "Global.use_cls": False})


def _line(box: Any, text: str, number: int, height: float) -> Line:
    """A line from the four corners of its box, in pixels from the upper left corner."""
    xs, ys = [float(p[0]) / SCALE for p in box], [float(p[1]) / SCALE for p in box]
    tall = max(ys) - min(ys)
    baseline = height - max(ys) + 0.22 * tall
    return Line(text.strip(), number, min(xs), max(xs), baseline, _BOX * tall, _FONT)


def _dressed(lines: Sequence[Line], layer: Sequence[Line]) -> list[Line]:
    """The lines with font, size and baseline of the page's own text at the same place."""
    for line in lines:
        near = [own for own in layer if abs(own.y - line.y) < 0.5 * line.size]
        own = max(near, key=lambda own: _overlap(own, line), default=None)
        if own is not None and _overlap(own, line) > 0:
            line.y, line.size, line.font = own.y, own.size, own.font
            line.mono, line.pitch = own.mono, own.pitch
    return list(lines)


def _rows(lines: Sequence[Line]) -> list[Line]:
    """From top to bottom, and from left to right where lines stand beside each other."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: -line.y):
        if rows and rows[-1][0].y - line.y < 0.45 * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.x0)]


def _overlap(one: Line, other: Line) -> float:
    return min(one.x1, other.x1) - max(one.x0, other.x0)


def even(pages: Sequence[Sequence[Line]]) -> None:
    """Gives lines of scans the book's usual size and each page's usual pitch, in place.

    The boxes around lines vary with their letters; without this a line with a long word in it
    would look like a heading, and every second line like a new paragraph.
    """
    sizes = [line.size for lines in pages for line in lines]
    if not sizes:
        return
    usual = statistics.median(sizes)
    for lines in pages:
        for line in lines:
            if abs(line.size - usual) < _ALIKE * usual:
                line.size = usual
        _even_pitch(sorted(lines, key=lambda line: -line.y), usual)


def _even_pitch(lines: Sequence[Line], size: float) -> None:
    """Lines from top to bottom; a page of columns stays as it is."""
    pairs = list(zip(lines, lines[1:], strict=False))
    gaps = [a.y - b.y for a, b in pairs]
    span = max((line.x1 for line in lines), default=0) - min((x.x0 for x in lines), default=0)
    beside = sum(
        gap < 0.5 * size and min(a.x1 - a.x0, b.x1 - b.x0) > 0.3 * span
        for gap, (a, b) in zip(gaps, pairs, strict=True)
    )
    steps = [gap for gap in gaps if gap > 0.8 * size]
    if beside > 3 or not steps:
        return
    pitch = statistics.median_low(steps)
    for gap, (last, line) in zip(gaps, pairs, strict=True):
        usual = abs(gap - pitch) < _ALIKE * pitch
        line.y = last.y - (pitch if usual else gap if gap > 0.5 * size else 0.0)
