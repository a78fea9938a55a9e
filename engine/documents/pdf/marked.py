"""A page of a PDF as a picture, with a passage of it marked as by a pen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

_PEN = (255, 236, 120)
_LEAST = 12
"""Characters, white space aside, below which a run of a quote is not looked for by itself."""


def marked_page(page: Any, quote: str, scale: float) -> bytes:
    """The PNG of a page of pypdfium2 with what it holds of the quote marked; ``scale`` 1 is 72 dpi.

    Where the quote runs over to another page, or the page's text differs, what is found is marked;
    that may be nothing.
    """
    from PIL import Image, ImageChops, ImageDraw

    picture = page.render(scale=scale).to_pil().convert("RGB")
    pen = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(pen)
    height = page.get_height()
    for left, bottom, right, top in _boxes(page.get_textpage(), quote):
        draw.rectangle(
            (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale), _PEN
        )
    buffer = io.BytesIO()
    ImageChops.multiply(picture, pen).save(buffer, format="PNG")
    return buffer.getvalue()


def _boxes(text: Any, quote: str) -> list[tuple[float, float, float, float]]:
    """Boxes (left, bottom, right, top; points) of the lines that hold the quote."""
    there = text.get_text_range()
    places = [i for i, character in enumerate(there) if character.isalnum()]
    plain = "".join(there[i].lower() for i in places)
    found: list[tuple[float, float, float, float]] = []
    for run in _runs(quote):
        at = plain.find(run)
        if at >= 0:
            first, last = places[at], places[at + len(run) - 1]
            lines = text.count_rects(first, last - first + 1)
            found += [text.get_rect(n) for n in range(lines)]
    return found


def _runs(quote: str) -> Sequence[str]:
    """The quote's lines and sentences as letters and digits only, as they are looked for."""
    parts = quote.replace("\n", "\0").replace(". ", "\0").replace("。", "\0").split("\0")
    plain = ("".join(c.lower() for c in part if c.isalnum()) for part in parts)
    return [run for run in plain if len(run) >= _LEAST]
