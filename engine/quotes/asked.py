"""What a question asks: its terms, its operators and names, and what kind of answer it wants.

Learners ask "= vs ==", "whats {} ??" or "为啥要剪枝": the marks between the words are looked up
like words, and what they want is read from colloquial cues (``asking.toml`` of each language).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from engine.language import rules
from engine.schema import Language
from engine.text import question_words, search_terms, stem, symbols

Want = Literal["compare", "why", "example", "how", "what", "other"]
WANTS: tuple[Want, ...] = get_args(Want)


@dataclass(frozen=True)
class Asked:
    """A question taken apart.

    ``terms`` are stems of what it is about, ``symbols`` its operators and brackets; ``spoken``
    is the text without its lines of code.
    """

    text: str
    language: Language
    terms: tuple[str, ...]
    symbols: tuple[str, ...]
    want: Want
    spoken: str

    @property
    def everything(self) -> tuple[str, ...]:
        """Terms and symbols."""
        return (*self.terms, *self.symbols)


def asked(text: str, language: Language) -> Asked:
    """The question taken apart."""
    idle = question_words() | _idle(language)
    terms = [t for t in search_terms(text, language) if t not in idle]
    return Asked(
        text=text,
        language=language,
        terms=tuple(dict.fromkeys(terms)),
        symbols=tuple(dict.fromkeys(symbols(text))),
        want=_want(text, language),
        spoken=_spoken(text),
    )


@cache
def _idle(language: Language) -> frozenset[str]:
    own = rules(language)
    return frozenset(stem(word, own) for word in own.table("asking")["words"].split())


_CODE_LINE = re.compile(
    r"^\s*(?:[\w.\[\], ]+ ?[-+*/]?= ?\S"
    r"|(?:def|for|while|if|else|elif|return|class|print|import)\b.*[:)]\s*$"
    r"|return\b|>>>|->|\w+\([^()]*\)\s*$)"
)


def _spoken(text: str) -> str:
    lines = [line for line in text.split("\n") if line.strip() and not _CODE_LINE.match(line)]
    return " ".join(lines) or text


def _want(text: str, language: Language) -> Want:
    for name in WANTS[:-1]:
        if any(pattern.search(text) for pattern in _patterns(name, language)):
            return name
    return "other"


@cache
def _patterns(name: str, language: Language) -> tuple[re.Pattern[str], ...]:
    found = rules(language).table("asking")["wants"][name]
    return tuple(re.compile(part, re.IGNORECASE) for part in found)


def speaks(kind: str, text: str, language: Language) -> bool:
    """Whether a text of the book has the marks of an answer of this kind (``asking.toml``)."""
    return any(p.search(text) for p in _answers(kind, language))


@cache
def _answers(kind: str, language: Language) -> tuple[re.Pattern[str], ...]:
    found = rules(language).table("asking")["answers"].get(kind, ())
    return tuple(re.compile(part, re.IGNORECASE) for part in found)
