"""Text of a PDF that is damaged beyond use: lost glyphs, and formulas as rows of characters.

A font without names for its glyphs leaves holes («in ����», «2n � 1»), and a formula that was laid
out in two dimensions comes as scraps of one. Such blocks are marked: they are shown to the
designer, and are in no passage, corpus or quote. What is only a footnote's mark is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.documents.tree import Piece
from engine.schema import Document, Value

LOST = "\ufffd"
_LOST = re.compile("[\ufffd\ue000-\uf8ff]")
_FOOTNOTE = re.compile("(?<=[\\w.,;:!?”\"')])[\ufffd]{1,2}(?=\\s|$)(?!\\s[\\d=<>+−-])")
_OPENING = re.compile("^[\ufffd]{1,2}(?=[A-Z“])", re.MULTILINE)
_BULLET = re.compile("^[\ufffd]{1,3}[.)]?[ \t]+(?=\\S)", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{3,}")
_MATHS = re.compile(r"[=<>≤≥≠≈∑∏∫√∞+−·×÷⌊⌋⌈⌉∈⊆∪∩→πΘΩλ∂{}|^/]|\bd[nx]/|\b[a-z]\(|\d\s*[-*]\s*[a-z]")
_SENTENCE = re.compile(r"[a-z]{2}[.:;,!?]|[。，：；]")
_PROMPT = re.compile(r">>> ?\S")
_LONGEST_SCRAP = 90
PAGE_HOLES = 2
"""Lines with lost glyphs, or of formulas, from which on a page is worth reading by OCR."""


class Damage(Value):
    """How much of a book cannot be read: pages (from 1), and the share of its characters."""

    pages: tuple[int, ...] = ()
    share: float = 0.0


def damage_of(document: Document) -> Damage:
    """What of the document is left out because its text is damaged."""
    blocks = [block for section in document.sections for block in section.blocks]
    bad = [block for block in blocks if block.unread]
    whole = sum(len(block.text) for block in blocks)
    share = sum(len(block.text) for block in bad) / whole if whole else 0.0
    return Damage(pages=tuple(sorted({b.page for b in bad if b.page})), share=round(share, 4))


def mark(pieces: Sequence[Piece]) -> None:
    """Marks the damaged pieces of a PDF, in place; marks of footnotes and lists are mended."""
    for last, piece in zip([None, *pieces], pieces, strict=False):
        if piece.level or not piece.text:
            continue
        if LOST in piece.text:
            piece.text = _mended(piece.text, first=last is None or bool(last.level))
        if piece.kind == "prose" and _PROMPT.match(piece.text):
            piece.kind = "code"  # a scan does not tell fonts
        if _LOST.search(piece.text) or piece.kind == "prose" and flat_formula(piece.text):
            piece.unread = True


def _mended(text: str, *, first: bool) -> str:
    """Without marks of footnotes; a lost bullet or number of a list becomes a dash."""
    text = _BULLET.sub("- ", text)
    text = _OPENING.sub("", text)
    return _FOOTNOTE.sub("", text)


def flat_formula(text: str) -> bool:
    """Whether a paragraph is but a scrap of a formula: signs of mathematics and hardly a word."""
    if len(text) > _LONGEST_SCRAP or _SENTENCE.search(text):
        return False
    words = _WORD.findall(text)
    if not words:
        return bool(_MATHS.search(text)) or not re.search(r"\w{2}", text)
    return len(words) <= 2 and bool(_MATHS.search(text)) and len(words) * 8 < len(text)


def holes(lines: Iterable[str]) -> int:
    """How many lines of a page have lost glyphs that are no mark of a footnote or a list."""
    return sum(bool(_LOST.search(_mended(line, first=False))) for line in lines)
