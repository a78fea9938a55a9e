"""What each block of a book is for: from the reader's marks, its section's title, and its text.

Three sources, the surer one first: a mark that the format itself makes (an element, a directive, a
box), the title of the section or of one above it (Glossary, 习题), and how the text opens or ends
(«Figure 3.1:», an attribution). What none of them tells is prose, or what its kind says.
The words are in ``documents.toml`` of each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from engine.documents.damage import flat_formula
from engine.documents.openings import bare, label_of, label_pattern, opens
from engine.documents.tasks import labelled, number_groups, parted
from engine.documents.tree import Piece
from engine.language import alternatives, any_pattern, any_words, languages

QUESTION = "question"
"""A reader's mark of a box that asks: an exercise where it is set as one, else an example."""
_TITLED = ("solution", "definition", "exercise", "objective", "warning", "reference", "credit",
           "example", "summary")  # fmt: skip
_BY_KIND = {"code": "code", "table": "table"}
_TITLE_NUMBER = r"(?:(?:(?:{label})[.:：]?\s*)|(?:\d+|[A-Z])(?:\.\d+)*[.、]?\s+)?"
_ITEM = re.compile(r"^\s*(?:[-•*]|\(?\d{1,3}[.)、．]|（\d{1,3}）)\s*")
_ENTRY = re.compile(r"^\s*(?:[-•*]\s+)?(?P<term>[^:：\n]{1,60}?)\s*(?:[:：]|\s[—–-]\s|——)\s*(?=\S)")
_NAMED = (
    r"(?:[—–―]{1,2}|--)\s*(?:attributed to )?[A-Z\u4e00-\u9fff“《\[]"
    r"[^\n—–]{1,110}(?<![.。!?！？:：,，])$"
)
_SIGNED = re.compile(rf"^{_NAMED}")
_ATTRIBUTION = re.compile(rf"(?<=[.!?…。！？”\"’」])\s*{_NAMED}|\n\s*{_NAMED}")
_FORMULA = re.compile(
    r"^\s*(?:\$\$.+\$\$|\$[^$]+\$|\\\[.+\\\]|\\begin\{.+\})\s*[.,，。;；]?\s*$", re.S
)
_TRACE = re.compile(r"^\s*Traceback \(")
_PROMPT = re.compile(r"^(?:>>>|In \[\d+\]:|\$ )", re.M)
_CODE = re.compile(
    r"^\s*(?:def|class|import|from|for|while|if|return|print|#include|public|let|var|const)\b"
    r"|[^=!<>]=[^=]",
    re.M,
)
_END = re.compile(r"[a-z\u4e00-\u9fff][.:;!?]$|[。：；！？]$")
_STOP = re.compile(r"[。．.!！?？;；]$")
_LONGEST_CAPTION = 160
_MOTTO = 300


def assign(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with their roles and groups; glossaries come out as one piece an entry.

    A piece's ``role`` is one of ``schema.BlockRole``; ``group`` names, within its section, the
    exercise to which a question and its solution belong.
    """
    found: list[Piece] = []
    open_at: list[tuple[int, str]] = []
    for head, body in _sections(pieces):
        if head is not None:
            while open_at and open_at[-1][0] >= head.level:
                open_at.pop()
            above = open_at[-1][1] if open_at else ""
            open_at.append((head.level, title_role(head.text) or above))
            found.append(head)
        found += _section(body, open_at[-1][1] if open_at else "")
    return found


def _sections(pieces: Sequence[Piece]) -> Iterator[tuple[Piece | None, list[Piece]]]:
    head: Piece | None = None
    body: list[Piece] = []
    for piece in pieces:
        if piece.level:
            if head is not None or body:
                yield head, body
            head, body = piece, []
        else:
            body.append(replace(piece))
    yield head, body


def title_role(title: str) -> str:
    """What the title of a section says of its blocks, or nothing."""
    text = bare(title)
    return next((role for role in _TITLED if _titles(role).match(text)), "")


@cache
def _title_pattern(role: str, _codes: tuple[str, ...]) -> re.Pattern[str]:
    number = _TITLE_NUMBER.replace("{label}", alternatives("headings", "label"))
    form = rf"^{number}(?:{{}})\s*[:：]?$"
    return any_pattern("documents", "titles", role, form=form)


def _titles(role: str) -> re.Pattern[str]:
    return _title_pattern(role, languages())


def note_role(*names: str) -> str:
    """What the name of a directive, admonition or class says of a box (``QUESTION`` too), or ''."""
    known = _note_words(languages())
    for name in names:
        for word in name.lower().split():
            if role := known.get(word) or known.get(word.removesuffix("s")):
                return role
    return ""


@cache
def _note_words(_codes: tuple[str, ...]) -> dict[str, str]:
    roles = (QUESTION, *(r for r in _NOTED))
    return {word: role for role in roles for word in any_words("documents", "notes", role)}


_NOTED = ("definition", "exercise", "solution", "objective", "summary", "warning", "reference",
          "example", "epigraph", "credit", "caption", "output", "formula")  # fmt: skip


# ------------------------------------------------------------------ one section


def _section(body: list[Piece], title: str) -> list[Piece]:
    if not body:
        return []
    body = _entries(parted(body, title), title)
    _texts(body, title)
    _epigraphs(body)
    _objectives(body)
    _outputs(body)
    _asked(body, title)
    _drawings(body)
    if title:
        _by_title(body, title)
    labelled(body, title)
    for piece in body:
        scrap = "formula" if piece.unread and flat_formula(piece.text) else "prose"
        piece.role = piece.role or _BY_KIND.get(piece.kind, scrap)
    number_groups(body)
    return body


def _by_title(body: list[Piece], title: str) -> None:
    """Blocks without a surer sign do what their section's title says."""
    for piece in body:
        if piece.role or (title == "definition"):
            continue
        if piece.kind in ("code", "table") and title not in ("exercise", "solution", "reference"):
            continue
        piece.role = title


def _texts(body: list[Piece], title: str) -> None:
    """Captions, credits, formulas, labelled definitions and the like, by how a text opens."""
    for piece in body:
        if piece.role or piece.kind in ("code", "table"):
            continue
        text = bare(piece.text)
        if _is_caption(text):
            piece.role = "caption"
        elif opens("credit", text) and len(text) < 240:
            piece.role = "credit"
        elif _FORMULA.match(text):
            piece.role = "formula"
        elif opens("warning", text):
            piece.role = "warning"
        elif title != "exercise":
            piece.role = next((r for r in ("definition", "example") if label_of(r, text)), "")


def _is_caption(text: str) -> bool:
    """«Figure 3.1: …», «图 5-1 栈的操作»: a label and its number, then no sentence of the text."""
    found = label_pattern("caption", languages()).match(text)
    if not found or len(text) > 4 * _LONGEST_CAPTION:
        return False
    rest = text[found.end() :]
    if not rest.strip() or re.match(r"\s*[.:：．]+\s*\S|\s*\(|\s*（", rest):
        return bool(found["number"]) or len(text) < _LONGEST_CAPTION
    if len(rest) > _LONGEST_CAPTION or _STOP.search(rest.strip()):
        return False
    # without a mark after the number a title follows: never a verb in lower case
    return bool(re.match(r"\s+(?![a-z])\S", rest)) and len(rest.split()) < 15


def _drawings(body: list[Piece]) -> None:
    """In a PDF the words of a drawing come as scraps of text just above its caption."""
    for at, piece in enumerate(body):
        if piece.role != "caption" or not piece.page:
            continue
        for scrap in reversed(body[:at]):
            if not (scrap.unread or (not scrap.role and _is_scrap(scrap))):
                break
            if scrap.page != piece.page:
                break
            scrap.role = "caption"


def _is_scrap(piece: Piece) -> bool:
    if piece.kind == "table":
        return all(len(cell) < 14 for cell in re.split(r" \| |\n", piece.text))
    text = piece.text.strip()
    return (
        piece.kind == "prose" and len(text.split()) < 7 and len(text) < 60 and not _END.search(text)
    )


def _epigraphs(body: list[Piece]) -> None:
    """Mottos at the very top of a section: texts with an attribution below or at their end."""
    if all(p.role == "summary" for p in body) and sum(len(p.text) for p in body) < _MOTTO:
        for piece in body:  # all that a chapter's own page says is one short box: its motto
            piece.role = "epigraph"
        return
    for last, piece in zip([None, *body], body, strict=False):
        if piece.role == "epigraph" and last is not None and last.role != "epigraph":
            piece.role = "prose"  # a quotation within the text
    free = [p for p in body if p.role not in ("caption", "credit")]
    at = 0
    while at < len(free) and free[at].kind in ("prose", "list") and not free[at].role:
        until = next((i for i in range(at, min(at + 4, len(free))) if _signs(free[i])), -1)
        if until < 0 or any(p.role or len(p.text) > 500 for p in free[at : until + 1]):
            return
        for piece in free[at : until + 1]:
            piece.role = "epigraph"
        at = until + 1


def _signs(piece: Piece) -> bool:
    text = piece.text.strip()
    if piece.kind != "prose":
        return False
    return bool(_SIGNED.match(text)) or (len(text) < 500 and bool(_ATTRIBUTION.search(text)))


def _objectives(body: list[Piece]) -> None:
    """«After this chapter you will be able to:» and the list below it."""
    opening = any_pattern("documents", "openings", "objective", form="^(?:{})")
    for piece, following in zip(body, [*body[1:], None], strict=True):
        first, _, rest = piece.text.partition("\n")
        if piece.role or not opening.match(first.strip()):
            continue
        if rest or (following is not None and following.kind == "list"):
            piece.role = "objective"
            if following is not None and following.kind == "list" and not following.role:
                following.role = "objective"


def _outputs(body: list[Piece]) -> None:
    """A listing that a program printed: after words that say so, or a traceback."""
    before = any_pattern("documents", "outputs", "before", form="(?:{})$")
    shown = False
    for last, piece in zip([None, *body], body, strict=False):
        if piece.kind != "code" or piece.role:
            shown = shown or piece.kind == "code"
            continue
        told = last is not None and last.kind == "prose" and before.search(last.text.strip())
        plain = not _PROMPT.search(piece.text)
        if plain and (
            _TRACE.match(piece.text) or (told and shown and not _CODE.search(piece.text))
        ):
            piece.role = "output"
        shown = True


def _asked(body: list[Piece], title: str) -> None:
    """A reader's ``question`` is an exercise among exercises or before a solution, else a case."""
    for at, piece in enumerate(body):
        if piece.role != QUESTION:
            continue
        until = next((i for i in range(at, len(body)) if body[i].role != QUESTION), len(body))
        solved = until < len(body) and body[until].role == "solution"
        role = "exercise" if title == "exercise" or solved else "example"
        for each in body[at:until]:
            each.role = role


# ------------------------------------------------------------------ glossaries


def _entries(body: list[Piece], title: str) -> list[Piece]:
    """A glossary's pieces, one an entry; what goes on in lower case belongs to the entry above."""
    found: list[Piece] = []
    for piece in body:
        marked = piece.role == "definition" or (not piece.role and title == "definition")
        if piece.kind not in ("prose", "list") or not marked:
            found.append(piece)
            continue
        for row in _rows(piece):
            last = found[-1] if found else None
            entry = _ENTRY.match(row)
            goes_on = last is not None and last.role == "definition" and last.kind != "table"
            if goes_on and last is not None and not piece.role and _continues(row, last):
                last.text, last.end = f"{last.text} {row}", max(last.end, piece.end)
                continue
            role = "definition" if entry or piece.role else ""
            found.append(
                replace(piece, text=row.strip(), kind="prose" if entry else piece.kind, role=role)
            )
    return found


def _rows(piece: Piece) -> list[str]:
    """A list of entries by its items, else the whole text."""
    rows = piece.text.split("\n")
    entries = [bool(_ENTRY.match(row)) for row in rows]
    if piece.kind == "list" and sum(entries) >= 0.6 * len(rows):
        return [_ITEM.sub("", row) for row in rows if row.strip()]
    return [piece.text]


def _continues(row: str, last: Piece) -> bool:
    entry = _ENTRY.match(row)
    if row[:1].islower() and not (entry and entry["term"].count(" ") < 5):
        return True
    return not entry and not _STOP.search(last.text.strip()) and not _ITEM.match(row)
