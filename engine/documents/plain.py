"""Plain text to pieces: paragraphs by blank lines, headings where a line can only be one."""

from __future__ import annotations

import re

from engine.documents.tree import Draft, Piece, clean, heading
from engine.language import any_pattern
from engine.text import CJK

_SECTION = r"^(?:(\d{1,2}(?:\.\d{1,2}){1,3})\.?[ \t]+(?=[^\W\d])[^.!?。！？]{2,80}|{})$"
_NUMBERED = re.compile(r"^\d{1,2}\.?\s+[A-Z\u4e00-\u9fff][^.!?;。！？；]{2,60}$")
_UNDERLINE = re.compile(r"^(={3,}|-{3,}|~{3,})\s*$")
_ITEM = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+\S")
_END = re.compile(r"[.!?:。！？：”\"]\s*$")
_WIDE_JOIN = re.compile(rf"(?<=[{CJK}，。；：、！？）”])\n(?=[{CJK}“（])")


def read_plain(text: str) -> Draft:
    """The pieces of a plain text."""
    lines = [line.rstrip() for line in text.replace("\f", "\n\n").split("\n")]
    draft = Draft()
    each = _line_is_paragraph(lines)
    block: list[str] = []
    for i, line in enumerate(lines):
        found = _heading(lines, i)
        if found or not line.strip() or (each and block):
            _close(draft, block)
            block = []
        if found:
            draft.pieces.append(heading(clean(line.strip()), found))
        elif line.strip() and not _under_heading(lines, i):
            block.append(line)
    _close(draft, block)
    return draft


def _line_is_paragraph(lines: list[str]) -> bool:
    """Whether each line is a whole paragraph, as in most Chinese text files."""
    full = [line for line in lines if len(line.strip()) > 20]
    return bool(full) and sum(bool(_END.search(x)) for x in full) > 0.7 * len(full)


def _heading(lines: list[str], i: int) -> int:
    """The level of a heading in line ``i``, or 0."""
    line = lines[i].strip()
    if not line or len(line) > 100:
        return 0
    after = lines[i + 1] if i + 1 < len(lines) else ""
    opens = i == 0 or not lines[i - 1].strip()
    if (under := _UNDERLINE.match(after)) and not _UNDERLINE.match(line) and len(line) > 1:
        return (1 if under[1][0] == "=" else 2) if opens else 0
    alone = opens and not after.strip()
    chapter = any_pattern("headings", "chapter", form="^(?:{})$")
    if chapter.match(line) and (alone or len(line) < 50) and not re.search(r"[.,;。，；]$", line):
        return 1
    if found := any_pattern("headings", "section", form=_SECTION, flags=0).match(line):
        return 2 if alone or len(line) < 60 else 0 if not found[1] else found[1].count(".") + 1
    if alone and (_NUMBERED.match(line) or (line.isupper() and 3 < len(line) < 60)):
        return 1
    return 0


def _under_heading(lines: list[str], i: int) -> bool:
    return i > 0 and bool(_UNDERLINE.match(lines[i])) and _heading(lines, i - 1) > 0


def _close(draft: Draft, block: list[str]) -> None:
    if not block:
        return
    if all(re.match(r"^(?: {4}|\t)", line) for line in block):
        text = "\n".join(line.expandtabs(4)[4:] for line in block)
        draft.pieces.append(Piece(text, "code"))
    elif _ITEM.match(block[0]):
        draft.pieces.append(Piece(_items(block), "list"))
    else:
        text = _WIDE_JOIN.sub("", "\n".join(x.strip() for x in block))
        text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
        draft.pieces.append(Piece(clean(text.replace("\n", " ")), "prose"))


def _items(block: list[str]) -> str:
    rows: list[str] = []
    for line in block:
        if _ITEM.match(line) or not rows:
            rows.append(clean(line.strip()))
        else:
            rows[-1] += " " + clean(line.strip())
    return "\n".join(rows)
