"""Exercises among the blocks of a section: where each begins, what answers it, what is one."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from engine.documents.openings import bare, label_of, opens
from engine.documents.tree import Piece
from engine.language import alternatives, any_pattern, languages

_LINK = re.compile(r"^(?:https?:\s?//|www\.)\S+")
_LONGEST_TAIL = 14
"""Blocks after the last label of an exercise that may still be its text, in a taught section."""


def labelled(body: list[Piece], title: str) -> None:
    """Exercises within a taught section: from their label («Exercise 3.1.») to its end."""
    if title in ("exercise", "solution"):
        _answers(body)
        return
    labels = [i for i, p in enumerate(body) if p.kind == "prose" and label_of("exercise", p.text)]
    labels = [i for i in labels if body[i].role in ("", "prose", "exercise", title)]
    for number, start in enumerate(labels):
        end = labels[number + 1] if number + 1 < len(labels) else len(body)
        if end - start > _LONGEST_TAIL:
            end = start + 1
        for piece in body[start:end]:
            if piece.role not in ("caption", "credit", "solution"):
                piece.role = "exercise"
    _openings(body)
    _answers(body)


def _openings(body: list[Piece]) -> None:
    for piece in body:
        if piece.kind == "prose" and not piece.role and opens("exercise", piece.text):
            piece.role = "exercise"


def parted(body: list[Piece], title: str) -> list[Piece]:
    """Paragraphs parted where an exercise begins within one: «… both? Exercise 1.2. Start …».

    Among exercises also before «Solution:».
    """
    found: list[Piece] = []
    for piece in body:
        texts = [piece.text]
        if piece.kind in ("prose", "list"):
            texts = _inner_label(languages()).split(piece.text)
            asks = title == "exercise" or label_of("exercise", texts[-1])
            if asks:
                texts = [part for x in texts for part in _inner_solution(languages()).split(x)]
        found += [replace(piece, text=text.strip()) for text in texts[:1]]
        for text in texts[1:]:
            first, *rest = text.strip().split("\n") if piece.kind == "list" else [text.strip()]
            found.append(replace(piece, text=first, kind="prose"))
            if rest:
                found.append(replace(piece, text="\n".join(rest)))
    return found


@cache
def _inner_label(_codes: tuple[str, ...]) -> re.Pattern[str]:
    words = alternatives("documents", "labels", "exercise")
    number = r"\s*\d+(?:[.\-–]\d+)+[.:：．]\s*"
    return re.compile(rf"(?<=[.:?!。：？！])[ \n]+(?=(?:(?i:{words})){number}[A-Z\u4e00-\u9fff])")


@cache
def _inner_solution(_codes: tuple[str, ...]) -> re.Pattern[str]:
    words = alternatives("documents", "openings", "solution")
    return re.compile(rf"(?<=[.:?!)。：？！）])[ \n]+(?=(?i:{words})\s*\S)")


def _answers(body: list[Piece]) -> None:
    """«Solution:» and «A:» below an exercise; in a Q & A all that follows «Q:» up to the next."""
    asked = False
    texts = [bare(p.text) for p in body if p.role == "exercise"]
    whole = sum(opens("question", x) for x in texts) > 1 or not any(map(_answers_it, texts))
    for last, piece in zip([None, *body], body, strict=False):
        text = bare(piece.text)
        below = piece.role == "exercise"
        if below and opens("question", text):
            asked = True
            continue
        below = below or (not piece.role and last is not None and last.role == "exercise")
        if below and (_answers_it(text) or (asked and whole and piece.role)):
            piece.role = "solution"  # a lone «Q:» with its «A:» is a joke among other exercises
        if piece.role == "solution" and _only_a_link(text):
            piece.role = "reference"


def _answers_it(text: str) -> bool:
    return opens("answer", text) or opens("solution", text)


def _only_a_link(text: str) -> bool:
    """Whether a solution lies elsewhere: «Solution: http://…»."""
    opening = any_pattern("documents", "openings", "solution", form=r"^(?:{})\s*")
    return _LINK.match(opening.sub("", text)) is not None


def number_groups(body: list[Piece]) -> None:
    """Gives the blocks of one exercise one name; a reader's own names stay."""
    number, last, bare = 0, "", False
    named = any(_starts(p) for p in body)
    for piece in body:
        if piece.role not in ("exercise", "solution") or piece.group:
            last = piece.role if piece.role in ("exercise", "solution") else last
            continue
        fresh = piece.role == "exercise" and (
            _starts(piece) if named else number == 0 or last == "solution" or _numbered(piece, bare)
        )
        bare = _numbered(piece, True) if fresh else bare
        number += fresh
        piece.group = str(number or "")
        last = piece.role


def _starts(piece: Piece) -> bool:
    """Whether an exercise begins here, by its own label."""
    text = bare(piece.text)
    return piece.role == "exercise" and bool(label_of("exercise", text) or opens("question", text))


def _numbered(piece: Piece, bare: bool) -> bool:
    """Among exercises without labels a numbered paragraph is one of its own.

    So is a list of one item, where the exercise before was numbered too (``bare``), for else it is
    a part of the task above.
    """
    rows = piece.text.split("\n")
    first = re.match(r"^\s*\(?\d{1,3}[.)、．]\s*\S", piece.text)
    return bool(first) and (piece.kind == "prose" or (bare and len(rows) == 1))
