"""Lists that an introduction announces (kinds, reasons, steps), and items that say it all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.distil.offline.find import Find
from engine.distil.offline.forms import ITEM, announced, announces_steps, is_pronoun
from engine.distil.offline.place import Place, size
from engine.distil.offline.prose import in_sentence
from engine.gates import readable
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

_FEWEST, _MOST = 2, 7
_NUMBERED = re.compile(r"^\s*[（(]?\d")


def in_list(place: Place, block: Block, before: Block | None) -> Iterator[Find]:
    """The list as a whole where its introduction says of what, then its items one by one."""
    items = [ITEM.sub("", line).strip() for line in block.text.split("\n") if line.strip()]
    whole = _whole(place, block, items, before)
    if whole:
        yield whole
    for item in items:
        yield from _trait(place, item, block.page)
        previous = ""
        for sentence in sentences(item, place.language):
            yield from in_sentence(place, sentence, block.page, previous)
            previous = sentence


def _trait(place: Place, item: str, page: int) -> Iterator[Find]:
    """What an item says of the chapter's subject without naming it («time complexity is …»)."""
    chapter = place.terms.chapters.get(place.section.id, "")
    if not place.terms.source(chapter):
        return
    for wording, pattern in rules(place.language).table("forms")["traits"].items():
        match = re.match(pattern, item) if pattern else None
        if match and readable(item, place.language, longest=70) and not place.strange(item):
            parts = {"x": chapter, "y": match.group("y")}
            yield Find("trait", "fact", wording, parts, item, [item], page, place.section)


def _whole(place: Place, block: Block, items: Sequence[str], before: Block | None) -> Find | None:
    if before is None or before.kind != "prose" or not _FEWEST <= len(items) <= _MOST:
        return None
    introduction = sentences(before.text, place.language)[-1] if before.text.strip() else ""
    asked = announced(introduction, place.language)
    if not asked or not _fit(asked[1]["x"], place):
        return None
    wording, parts = asked
    answer = _written(items, place)
    longest = 110 if wording == "steps" else 80
    if not readable(answer, place.language, longest=longest) or place.strange(answer):
        return None
    if not all(place.alone(item) or size(item) < 6 for item in items):
        return None
    steps = (
        wording == "steps"
        or _NUMBERED.match(block.text)
        and announces_steps(introduction, place.language)
    )
    return Find(
        "list", "procedure" if steps else "enumeration", wording,
        {**parts, "x": place.lowered(parts["x"])},
        answer, items, block.page, place.section,
    )  # fmt: skip


def _fit(x: str, place: Place) -> bool:
    """Whether what is listed can be asked for: it speaks of a term, and of nothing unsaid."""
    known = place.terms.within(x)
    return bool(known) and place.alone(x) and not is_pronoun(x, place.language)


def _written(items: Sequence[str], place: Place) -> str:
    own = rules(place.language)
    ended = (".", "!", "?", "。", "；", ";", "！", "？")
    marked = [item if item.endswith(ended) else item + own.list_mark.strip() for item in items]
    return own.joiner.join(marked).rstrip(";；") + (
        "" if marked[-1][-1:] in ".。!！?？" else own.stop
    )
