"""Questions that the book itself asks and answers: headings, «Q & A», boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place, size
from engine.distil.offline.terms import plain_title
from engine.gates import readable
from engine.language import any_pattern
from engine.schema import Block
from engine.text import sentences

_SENTENCES = 3


def in_heading(place: Place) -> Iterator[Find]:
    """The section's title where it is a question; its first paragraph answers."""
    title = plain_title(place.section.title)
    first = next((block for block in place.blocks[:1] if block.kind == "prose"), None)
    if title.endswith(("?", "？")) and first:
        found = _answered(place, title, [first], first.page)
        if found:
            yield found


def in_questions(place: Place, blocks: Sequence[Block], number: int) -> Find | None:
    """A block that is one question, answered by the paragraph after it."""
    text = " ".join(blocks[number].text.split())
    marked = any_pattern("forms", "patterns", "asked", form="^(?:{})")
    question = marked.sub("", text).strip()
    after = blocks[number + 1 : number + 2]
    further = blocks[number + 2 : number + 3]
    if further and further[0].kind == "list":
        return None
    if not question.endswith(("?", "？")) or not after or after[0].kind != "prose":
        return None
    if not marked.match(text) and len(sentences(question, place.language)) > 1:
        return None
    return _answered(place, question, after, after[0].page)


def _answered(place: Place, question: str, blocks: Sequence[Block], page: int) -> Find | None:
    said = sentences(blocks[0].text, place.language)
    quotes = list(takewhile(place.alone, said[:_SENTENCES]))
    if len(quotes) == 1 and len(said) > 1:
        return None
    answer = place.joined(*quotes)
    if size(question) < 4 or not place.terms.within(question) or not place.alone(question):
        return None
    if not readable(answer, place.language, longest=90) or place.strange(answer):
        return None
    parts = {"x": question, "bare": re.sub(r"[?？]$", "", question)}
    return Find("asked", "fact", "asked", parts, answer, quotes, page, place.section)
