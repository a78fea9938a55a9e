"""Common errors and warnings: what to look out for with a term."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place
from engine.distil.offline.terms import SURE
from engine.language import rules
from engine.schema import Block
from engine.text import sentences


def in_caution(place: Place, block: Block) -> Iterator[Find]:
    """Sentences that name a common error («A common error is …»), with the reason after them."""
    own = rules(place.language)
    names = own.pattern("forms", "patterns", "caution", flags=re.IGNORECASE)
    if names is None:
        return
    said = sentences(block.text, place.language)
    for sentence in said:
        match = names.search(sentence)
        rest = sentence[match.end() :].strip(" ,，:：") if match else ""
        topic = _topic(place, rest) if match else ""
        if topic and place.plain(sentence) and place.plain(rest[:1].upper() + rest[1:]):
            parts = {"x": place.lowered(topic), "bare": topic}
            yield Find(
                "caution", "fact", "caution", parts, sentence, [sentence], block.page,
                place.section,
            )  # fmt: skip
            return


def _topic(place: Place, text: str) -> str:
    """The surest term that a text names first."""
    found = place.terms.within(text)
    sure = [name for name in found if found[name] in SURE]
    return min(sure, key=lambda name: text.lower().find(name.lower()), default="")
