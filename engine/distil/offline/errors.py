"""Errors: what the name of an error means, where the book explains it by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place
from engine.gates import readable
from engine.schema import Block
from engine.text import sentences

NAME = re.compile(r"(?<![\w.])[A-Z]\w+(?:Error|Exception|Iteration|Interrupt)\b")
_ENTRY = re.compile(rf"^(?:[-*•]\s*)?\**(?P<x>{NAME.pattern})\**[:：]\**\s*(?P<y>\S.+)$", re.DOTALL)
_MOST = 2


def in_errors(place: Place, block: Block) -> Iterator[Find]:
    """``NameError: you are trying …``, line by line of a list."""
    lines = block.text.split("\n") if block.kind == "list" else [" ".join(block.text.split())]
    for line in lines:
        match = _ENTRY.match(line)
        if match:
            yield from _explained(place, match.group("x"), match.group("y"), block.page)


def _explained(place: Place, name: str, text: str, page: int) -> Iterator[Find]:
    said: list[str] = []
    for sentence in sentences(text, place.language)[:_MOST]:
        if not place.alone(sentence) or sentence.endswith(("?", "？", ":", "：")):
            break
        said.append(sentence)
    answer = place.joined(*said)
    if said and readable(answer, place.language, longest=60):
        parts = {"x": name, "bare": name}
        yield Find("error", "cause", "error", parts, answer, said, page, place.section)


def error_in(text: str) -> str:
    """The one error that a text names, or an empty string."""
    found = set(NAME.findall(text))
    return found.pop() if len(found) == 1 else ""
