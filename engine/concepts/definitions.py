"""Which terms a section defines: glossary entries, «X is a …», «… is called X», underlined terms.

A term is taken only where the sentence's form says so; the sentence itself is kept as evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from engine.language import rules
from engine.schema import Language, Section
from engine.text import language_of, sentences


class Definition(NamedTuple):
    """A defined term with the sentence that defines it."""

    term: str
    quote: str


def definitions_of(section: Section) -> Iterator[Definition]:
    """The terms that the section defines, in reading order, each once."""
    language = section.language or language_of(section.text or section.title)
    seen: set[str] = set()
    for block in section.matter:
        if block.kind not in ("prose", "list"):
            continue
        units = block.text.split("\n") if block.kind == "list" else [block.text]
        for unit in units:
            for found in _in_unit(unit.strip(), language):
                if found.term.lower() not in seen:
                    seen.add(found.term.lower())
                    yield found


def _in_unit(text: str, language: Language) -> Iterator[Definition]:
    entry = rules(language).pattern("definitions", "patterns", "entry")
    found = entry.match(text) if entry else None
    if found and is_term(found.group("x"), language):
        yield Definition(found.group("x").strip(), text)
        return
    for sentence in sentences(text, language):
        for form in _forms(language):
            match = form.search(sentence)
            if match and is_term(match.group("x"), language):
                yield Definition(match.group("x").strip(" *"), sentence)
                break


@cache
def _forms(language: Language) -> tuple[re.Pattern[str], ...]:
    """The patterns of sentences that define ``x``, with the named parts put in."""
    table = rules(language).table("definitions")
    patterns: list[str] = table["patterns"]["forms"]
    for name, part in table["parts"].items():
        patterns = [pattern.replace(f"<{name}>", part) for pattern in patterns]
    return tuple(re.compile(pattern) for pattern in patterns)


def is_term(text: str, language: Language) -> bool:
    """Whether the words can name a concept: not a pronoun, number, or word of the book's own."""
    own, plain = rules(language), text.strip(" *")
    open_ended = own.mixed("definitions", "patterns", "open_ended", flags=re.IGNORECASE)
    vague = own.mixed("definitions", "patterns", "vague", flags=re.IGNORECASE)
    shortest = rules(language_of(text, language)).sizes.shortest_term
    return len(text) >= shortest and not open_ended.search(plain) and not vague.match(plain)
