"""Which language each part of a book is in: the book's, unless the book is really in two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.schema import Block, Language, Section
from engine.text import language_of

_SHARE = 0.15
"""Of a book's prose, in another language, from which on the book is bilingual."""
_SHORTEST = 40
"""Letters from which on a block can show another language than its book's."""
_SYMBOLS = re.compile(r"\$[^$]*\$|https?://\S+|\b\w+\([^)]*\)|\b\w+[._]\w+\b")


def with_languages(sections: Sequence[Section], home: Language) -> tuple[Section, ...]:
    """The sections with their languages; ``home`` is that of the book as a whole.

    A book is bilingual where more than ``_SHARE`` of its prose, by letters, is in another language;
    an English quotation or a section full of code does not make a Chinese book so.
    """
    told = [(len(b.text), _language(b, home)) for s in sections for b in s.blocks if _tells(b)]
    foreign = sum(size for size, code in told if code != home)
    if foreign <= _SHARE * sum(size for size, _ in told):
        return tuple(section.model_copy(update={"language": home}) for section in sections)
    return tuple(_by_blocks(section, home) for section in sections)


def _tells(block: Block) -> bool:
    """Whether a block is prose long enough to show its language."""
    words = block.kind in ("prose", "list") and block.role not in ("reference", "output", "formula")
    return words and len(block.text) >= _SHORTEST


def _language(block: Block, home: Language) -> Language:
    return language_of(_SYMBOLS.sub(" ", block.text), home)


def _by_blocks(section: Section, home: Language) -> Section:
    votes: Counter[str] = Counter()
    found = {i: _language(b, home) for i, b in enumerate(section.blocks) if _tells(b)}
    for i, code in found.items():
        votes[code] += len(section.blocks[i].text)
    own = votes.most_common(1)[0][0] if votes else home
    blocks = tuple(
        block.model_copy(update={"language": found[i]}) if found.get(i, own) != own else block
        for i, block in enumerate(section.blocks)
    )
    return section.model_copy(update={"language": own, "blocks": blocks})
