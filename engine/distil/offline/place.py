"""Where a sentence stands, and whether it can stand alone."""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from functools import cached_property

from engine.distil.offline.terms import Terms
from engine.gates import leans_back, readable
from engine.language import rules
from engine.schema import Block, Language, Section
from engine.text import language_of, sentences, words

_ASSIGNED = re.compile(r"\b([a-z_]\w*)\s*=(?!=)|\bdef\s+(\w+)|\bfor\s+(\w+)\s+in\b|\bclass\s+(\w+)")
_MADE_UP = re.compile(r"\b(?!__[a-z]+__)\w*_\w+\b|\b[a-z]\d\b|(?<![\w$\\'’])[b-hj-z](?![\w$'’-])")
_PYTHON = frozenset(dir(builtins))
_FORMULA = re.compile(r"\$[^$]*\$")
_LOCAL = re.compile(
    r"[a-z]{2,}\[|\[\w|\b(?!log\b|cdot\b|times\b|dots\b)(?<!\\)[a-z]{2,}\b|\b[b-ln-z]\b(?<!n)"
)
"""In a formula: names and letters that only its section explains (sizes n and m are known)."""


@dataclass(frozen=True)
class Place:
    """A section as a finder reads it, in one language, with the terms of the course."""

    section: Section
    terms: Terms
    language: Language

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of course matter."""
        return tuple(block for block in self.section.blocks if not block.aside)

    @cached_property
    def invented(self) -> frozenset[str]:
        """Names that the section's own code makes up; elsewhere they say nothing."""
        found = (
            name
            for block in self.section.blocks
            if block.kind == "code"
            for names in _ASSIGNED.findall(block.text)
            for name in names
        )
        return frozenset(name for name in found if name)

    def lowered(self, text: str) -> str:
        """The text with its first letter small if an ordinary word opens it."""
        own = rules(self.language)
        if not own.capitals:
            return text
        first = text.split(" ", 1)[0]
        opening = own.pattern("forms", "patterns", "ordinary")
        plain = (opening is not None and opening.match(first)) or self._common(first)
        return text[:1].lower() + text[1:] if plain else text

    def _common(self, word: str) -> bool:
        """Whether a word has its capital only from where it stands."""
        plain = re.fullmatch(r"[A-Z][a-z’'-]*,?", word) is not None
        return plain and word.lower().rstrip(",") not in self.terms.proper

    def alone(self, text: str) -> bool:
        """Whether a text can be understood without what stands around it.

        It leans on nothing («this», «above»), on no made-up name of the section's code, and on no
        course of events («so far», «we have seen»).
        """
        if text.count("“") != text.count("”") or text.count("「") != text.count("」"):
            return False
        around = rules(self.language).mixed("gates", "context", flags=re.IGNORECASE)
        return not (leans_back(text, self.language) or around.search(text) or self.strange(text))

    def strange(self, text: str) -> bool:
        """Whether a text speaks of a name that only the section's example has."""
        bare = _FORMULA.sub(" ", text)
        if _MADE_UP.search(bare) or any(_LOCAL.search(f) for f in _FORMULA.findall(text)):
            return True
        if not rules(self.language).spaced and any(w not in self._said for w in _names(bare)):
            return True
        local = self.invented - self._said - _PYTHON
        if any(word in local for word in re.findall(r"[a-z_]\w*", bare)):
            return True
        return any(
            w in self.terms.made and w not in _PYTHON for w in re.findall(r"\b[A-Z]\w+", bare)
        )

    @cached_property
    def _said(self) -> frozenset[str]:
        """Words that the course uses as such: made-up names that are terms are none."""
        own = (name for key in self.terms.sources for name in (self.terms.names[key].lower(),))
        return frozenset(own)

    def unsaid(self, text: str) -> int:
        """How often a text points at something as known that it has not named («the loop»).

        Known are what the language lists (``known``: «the end of …», «the split method») and what
        the text has brought up itself («a list … the list», «a list … it»).
        """
        own = rules(self.language)
        definite = own.pattern("forms", "patterns", "definite", flags=re.IGNORECASE)
        known = own.pattern("forms", "patterns", "known", flags=re.IGNORECASE)
        rest = known.sub(lambda match: "_" * len(match[0]), text) if known else text
        found = list(definite.finditer(rest)) if definite else []
        return sum(not self._brought_up(rest, match) for match in found)

    def _brought_up(self, text: str, pointing: re.Match[str]) -> bool:
        before = text[: pointing.start()].lower()
        after = re.match(r"\W*(\w+)", text[pointing.end() :])
        named = bool(after) and re.search(rf"\b{after[1].lower().rstrip('s')}", before)  # type: ignore[index]
        articles = rules(self.language).table("forms")["articles"]["before"]
        opened = any(re.search(rf"\b{article}\s", before) for article in articles)
        whose = rules(self.language).pattern("forms", "patterns", "whose", flags=re.IGNORECASE)
        return bool(named or (opened and whose and whose.fullmatch(pointing[0])))

    def plain(self, text: str, *, shortest: int = 6, longest: int = 48) -> bool:
        """Whether a text reads as a statement of a fit length, and stands alone."""
        fit = readable(text, self.language, shortest=shortest, longest=longest)
        return fit and self.alone(text)

    def joined(self, *parts: str) -> str:
        """Sentences as one text."""
        return rules(self.language).joiner.join(parts)

    def first(self, text: str, most: int) -> list[str]:
        """The first sentences of a text, at most so many."""
        return sentences(text, self.language)[:most]

    def topic(self) -> str:
        """The section's title where it is a term of the course, or an empty string."""
        from engine.distil.offline.terms import plain_title

        title = plain_title(self.section.title)
        return title if self.terms.source(title) else ""


def _names(text: str) -> list[str]:
    """Small Latin words in a text of another script: names of code, calls aside."""
    return re.findall(r"(?<![A-Za-z_.])[a-z]{2,}(?![A-Za-z_(])", re.sub(r"（[^）]*）", "", text))


def place_of(section: Section, terms: Terms) -> Place:
    """The section in the language of its text."""
    text = section.text or section.title
    return Place(section, terms, language_of(text, terms.language))


def size(text: str) -> int:
    """Words of a text, or Chinese characters."""
    return len(words(text))
