"""Tables: what a row says of each column, and tables that explain terms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.distil.offline.entries import asked_as
from engine.distil.offline.find import Find
from engine.distil.offline.place import Place, size
from engine.gates import leans_back
from engine.language import any_pattern, rules
from engine.schema import Block

_CELL = " | "
_LEAST_SAID = 8
"""Words (or characters) of what is said of a member: «is the heap empty» says its name again."""
_LONGEST_HEAD = 14
"""Of the name of a row or column, in words or Chinese characters."""
Rows = Sequence[Sequence[str]]


def in_table(place: Place, block: Block) -> Iterator[Find]:
    """Definitions where a column is headed so; else one comparison a row, or one fact a cell."""
    rows = [[cell.strip() for cell in line.split("|")] for line in block.text.split("\n")]
    rows = [row for row in rows if any(row)]
    if len(rows) < 2 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return
    meaning = _meaning_column(rows[0])
    if meaning:
        yield from _defined(place, block, rows, meaning)
    elif _compares(rows[0]) and len(rows[0]) <= 5:
        yield from _compared(place, block, rows)


def _meaning_column(head: Sequence[str]) -> int:
    """The column that explains the first one, or 0."""
    pattern = any_pattern("forms", "tables", "meaning", form="^(?:{})$")
    return next((i for i, cell in enumerate(head) if i and pattern.match(cell)), 0)


def _compares(head: Sequence[str]) -> bool:
    """Whether rows are aspects of what heads the columns: nothing in the corner, or «Feature»."""
    pattern = any_pattern("forms", "tables", "corner", form="^(?:{})$")
    return not head[0] or pattern.match(head[0]) is not None


def _defined(place: Place, block: Block, rows: Rows, column: int) -> Iterator[Find]:
    for row in rows[1:]:
        term, meaning = _bare(row[0]), row[column]
        if not term or size(meaning) < 6 or leans_back(meaning, place.language):
            continue
        wording, parts = asked_as(term, meaning, place)
        if term.endswith("()"):
            chapter = place.terms.chapters.get(place.section.id, "")
            member = str(rules(place.language).table("forms")["code"]["member"])
            wording, parts = "does", {**parts, "x": member.format(x=term, y=chapter)}
            if not place.terms.source(chapter) or size(meaning) < _LEAST_SAID:
                continue
        yield Find(
            "table", "definition", wording, parts, meaning, [meaning], block.page, place.section
        )


def _bare(cell: str) -> str:
    """A name without its translation in brackets."""
    return cell.split("（")[0].split("(")[0].strip() if not cell.endswith("()") else cell


def _compared(place: Place, block: Block, rows: Rows) -> Iterator[Find]:
    """One question a row: in what the things that head the columns differ there."""
    own = rules(place.language)
    things = [place.lowered(thing) for thing in rows[0][1:]]
    if not all(_is_name(thing) for thing in things) or not _known(things, place):
        return
    comma = own.clause_mark if own.spaced else own.focus_mark
    head = own.conjunction.join([comma.join(things[:-1]), things[-1]])
    for row in rows[1:]:
        if not _is_name(row[0]) or not all(row[1:]) or len(set(row[1:])) == 1:
            continue
        if any(place.strange(cell) or not re.search(r"\w", cell) for cell in row[1:]):
            continue
        if all(re.fullmatch(r"[\d\s.,/%-]+", cell) for cell in row[1:]):
            continue
        said = [f"{thing}: {cell}" if own.spaced else f"{thing}：{cell}"
                for thing, cell in zip(things, row[1:], strict=True)]  # fmt: skip
        answer = own.list_mark.join(said) + own.stop
        parts = {"x": head, "y": place.lowered(row[0])}
        yield Find(
            "row", "comparison", "row", parts, answer, [_CELL.join(row)], block.page, place.section
        )


def _is_name(cell: str) -> bool:
    return 0 < size(cell) <= _LONGEST_HEAD and any(c.isalpha() for c in cell) and "$" not in cell


def _known(things: Sequence[str], place: Place) -> bool:
    """Whether most of what heads the columns are terms of the course."""
    known = sum(bool(place.terms.within(thing)) for thing in things)
    return 2 * known > len(things)
