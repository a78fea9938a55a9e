"""Examples: what a session shows of a function, a method or an operator that is named before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place
from engine.distil.offline.sessions import closed
from engine.distil.offline.terms import called
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

_MOST_LINES = 9


def in_example(place: Place, blocks: Sequence[Block], number: int) -> Iterator[Find]:
    """The session after a sentence that names what it uses, where nothing it needs is unsaid."""
    block = blocks[number]
    before = blocks[number - 1] if number else None
    if before is None or before.kind == "code" or not before.text.rstrip().endswith((":", "：")):
        return
    code = block.text.strip()
    if code.count("\n") >= _MOST_LINES or not closed(code):
        return
    said = sentences(before.text, place.language)[-1]
    name = _used(place, said, code)
    if name:
        parts = {"x": called(name, place.terms), "bare": name}
        yield Find("example", "fact", "shows", parts, code, [code], block.page, place.section)


def _used(place: Place, said: str, code: str) -> str:
    """The name of code that a sentence speaks of and a session calls; the last one named."""
    known = place.terms.within(said)
    own = [name for name in known if re.search(rf"\b{re.escape(name)}\(", code)]
    named = rules(place.language).pattern("forms", "code", "named")
    for match in named.finditer(said) if named else ():
        if re.search(rf"(?<!\w){re.escape(match.group('x'))}(?!\w)", code):
            own.append(match.group(0))
    return max(own, key=said.rfind, default="")
