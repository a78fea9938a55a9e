"""Pieces in reading order to a section tree: the last step of every format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from engine.documents.bilingual import with_languages
from engine.errors import BadDocument
from engine.schema import Block, BlockKind, BlockRole, Document, Section, Warn
from engine.text import CJK, language_of

_LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\xa0": " ", "\xad": "", "\u200b": "", "\u200c": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
_TABLE = str.maketrans(_LIGATURES)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_GARBLED = re.compile("[\ufffd\ue000-\uf8ff]")
_SYMBOLS = re.compile(r"\$[^$\n]+\$|https?://\S+|\b[A-Za-z_]+\(|\w+_\w+")
_WIDE = rf"[{CJK}\u3000-\u303f\uff00-\uffef]"
_CJK_GAP = re.compile(rf"(?<={_WIDE})[ \t]+(?={_WIDE})")
_CJK_STOP = re.compile("(?<=\\S)[ \\t]+(?=[，。：；！？、）])")
READER = 2
"""Version of what readers find in a book; a course whose books an older one read can read again."""
FRONT_WORDS = 25
"""Text before the first heading that is shorter than this is a title page, not a section."""


@dataclass(slots=True)
class Piece:
    """One block or heading on its way into the tree.

    ``level`` is 0 for a block and 1, 2, ... for a heading. ``page`` and ``end`` are the pages
    (1-based; 0: none) on which it starts and ends. ``role`` and ``group`` are the reader's marks
    (see ``roles``), where the format tells; ``roles.assign`` fills in the rest.
    """

    text: str
    kind: BlockKind = "prose"
    level: int = 0
    page: int = 0
    end: int = 0
    role: str = ""
    group: str = ""
    unread: bool = False


@dataclass
class Draft:
    """What a reader of one format hands over: pieces, a title if the file names one, warnings."""

    pieces: list[Piece] = field(default_factory=list)
    title: str = ""
    pages: int = 0
    warnings: list[Warn] = field(default_factory=list)


def heading(text: str, level: int, page: int = 0) -> Piece:
    """A heading at ``level`` (from 1)."""
    return Piece(text, "heading", max(1, level), page, page)


def clean(text: str) -> str:
    """Ligatures expanded, invisible characters and blanks before Chinese punctuation gone."""
    text = text.translate(_TABLE)
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    return text if text.isascii() else _CJK_STOP.sub("", text)


def unspaced(text: str) -> str:
    """``clean``, and no blanks between Chinese characters: where layout or line ends made them."""
    text = clean(text)
    return text if text.isascii() else _CJK_GAP.sub("", text)


def document_of(draft: Draft, id: str, filename: str) -> Document:
    """The document of a draft.

    Raises:
        BadDocument: ``empty``, where no piece holds any text.
    """
    pieces = [p for p in draft.pieces if p.text.strip()]
    if not any(p.level == 0 for p in pieces):
        raise BadDocument(
            f"{filename} holds no text that can be taught.",
            code="empty",
            next="Give a file whose text can be selected and copied in a reader.",
            filename=filename,
        )
    title = _one_line(draft.title) or _first_heading(pieces) or _stem(filename)
    text = "\n".join(p.text for p in pieces)
    language = language_of(_worded(pieces) or text)
    return Document(
        id=id,
        title=title,
        filename=filename,
        language=language,
        pages=draft.pages,
        sections=with_languages(_sections(pieces, id, title, draft.pages), language),
        reader=READER,
        warnings=(*draft.warnings, *_garbled(text)),
    )


def _worded(pieces: Sequence[Piece]) -> str:
    """What says the language of a book: its prose without listings, formulas and references."""
    kept = [p.text for p in pieces if p.kind != "code" and p.role not in ("reference", "output")]
    return _SYMBOLS.sub(" ", "\n".join(kept))


def bytes_id(parts: Iterable[bytes]) -> str:
    """16 hex digits: the content hash of a file's bytes, given in parts."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _one_line(text: str) -> str:
    return clean(" ".join(text.split()))


def _stem(filename: str) -> str:
    return re.sub(r"\.\w{1,8}$", "", filename.rsplit("/", 1)[-1]) or filename


def _first_heading(pieces: Sequence[Piece]) -> str:
    return next((_one_line(p.text) for p in pieces if p.level), "")


def _sections(pieces: Sequence[Piece], id: str, title: str, pages: int) -> tuple[Section, ...]:
    groups = _groups(pieces, title)
    ends = _ends(groups, pages)
    open_at: list[tuple[int, str]] = []
    found: list[Section] = []
    for ordinal, ((head, body), end) in enumerate(zip(groups, ends, strict=True), 1):
        while open_at and open_at[-1][0] >= head.level:
            open_at.pop()
        name = f"{id[:8]}-{ordinal:03d}"
        found.append(
            Section(
                id=name,
                title=_one_line(head.text),
                level=len(open_at) + 1,
                parent=open_at[-1][1] if open_at else None,
                page_start=head.page,
                page_end=end,
                blocks=tuple(map(_block, body)),
            )
        )
        open_at.append((head.level, name))
    return tuple(found)


def _block(piece: Piece) -> Block:
    return Block(
        text=piece.text,
        page=piece.page,
        kind=piece.kind,
        role=cast(BlockRole, piece.role or "prose"),
        group=piece.group,
        unread=piece.unread,
    )


def _groups(pieces: Sequence[Piece], title: str) -> list[tuple[Piece, list[Piece]]]:
    first = next((p.page for p in pieces), 0)
    groups: list[tuple[Piece, list[Piece]]] = [(heading(title, 1, first), [])]
    for piece in pieces:
        if piece.level:
            groups.append((piece, []))
        else:
            groups[-1][1].append(piece)
    return _without_front(groups)


def _without_front(groups: list[tuple[Piece, list[Piece]]]) -> list[tuple[Piece, list[Piece]]]:
    """Text before the first heading: an epigraph joins the heading, a title page goes."""
    if len(groups) == 1:
        return groups
    (_, front), (head, body), *rest = groups
    text = " ".join(p.text for p in front)
    words = len(text.split()) + sum(ord(c) > 0x2E80 for c in text)
    same = head.page and all(p.page == head.page for p in front)
    if not front or (head.page and words < FRONT_WORDS):
        return groups[1:]
    return [(head, [*front, *body]), *rest] if same else groups


def _ends(groups: Sequence[tuple[Piece, list[Piece]]], pages: int) -> list[int]:
    """Last page of each section with all its descendants."""
    ends = [max([head.page, *(p.end for p in body)]) for head, body in groups]
    for i in range(len(groups) - 1, -1, -1):
        for j in range(i + 1, len(groups)):
            if groups[j][0].level <= groups[i][0].level:
                break
            ends[i] = max(ends[i], ends[j])
    return [min(end, pages) if pages else end for end in ends]


def _garbled(text: str) -> list[Warn]:
    bad = len(_GARBLED.findall(text))
    share = bad / max(1, len(text))
    if bad < 5 or share < 0.002:
        return []
    message = f"{share:.1%} of the characters ({bad}) are unreadable: this file's fonts hide them."
    return [Warn(code="garbled", message=message)]
