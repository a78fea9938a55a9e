"""Formulas that the book names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place
from engine.gates import leans_back
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

_FORMULA = re.compile(r"^\$\$?[^$=]+=[^$=]+\$\$?$")
"""One equation, not a chain of steps that only its page explains."""


def in_formula(place: Place, blocks: Sequence[Block], number: int) -> Iterator[Find]:
    """A formula with what stands beside it: its name before it, its letters after it."""
    block = blocks[number]
    if not _FORMULA.match(" ".join(block.text.split())) or not number:
        return
    own = rules(place.language)
    names = own.pattern("forms", "patterns", "formula", flags=re.IGNORECASE)
    before = sentences(blocks[number - 1].text, place.language)[-1:]
    match = names.search(before[0]) if names and before else None
    if not match:
        return
    x = next(text for text in match.groups() if text).strip(" ,，")
    if not place.terms.within(x) or leans_back(x, place.language):
        return
    text = block.text.strip()
    answer, quotes = text, [text]
    letters = own.pattern("forms", "patterns", "letters")
    after = blocks[number + 1 : number + 2]
    if after and letters and letters.match(after[0].text):
        said = sentences(after[0].text, place.language)[0]
        answer, quotes = f"{text}\n{said}", [text, said]
    yield Find(
        "formula", "fact", "formula", {"x": place.lowered(x)}, answer, quotes, block.page,
        place.section,
    )  # fmt: skip
