"""Gates on one text: readable, self-contained, and grounded in what it was taken from."""

from __future__ import annotations

import re

from engine.language import rules
from engine.schema import Language
from engine.text import words

_JUNK = re.compile(r"[\ufffd\ue000-\uf8ff]|https?://|\.{4,}|_{3,}|>>>|^\W+$|\|\s*\|")

_FORMULA = re.compile(r"\$[^$]+\$")


def tidy(sentence: str, language: Language) -> str:
    """The sentence without its leading connector («However, ...»), capitalised again."""
    connector = rules(language).pattern("gates", "connector")
    rest = connector.sub("", sentence.strip()) if connector else sentence.strip()
    return rest[:1].upper() + rest[1:] if rest else sentence


def leans_back(text: str, language: Language) -> bool:
    """Whether the text points at something outside itself (a pronoun, «this chapter», «I»)."""
    own = rules(language)
    leans = own.pattern("gates", "leans", flags=re.IGNORECASE)
    author = own.pattern("gates", "author")
    return bool(leans and leans.search(text.strip())) or bool(author and author.search(text))


def readable(text: str, language: Language, *, shortest: int = 6, longest: int = 48) -> bool:
    """Whether a text reads as a plain statement of a fit length (words, or 1.6 characters each)."""
    scale = rules(language).sizes.scale
    count = len(words(text))
    if not shortest * scale <= count <= longest * scale:
        return False
    plain = _FORMULA.sub("", text)
    letters = sum(character.isalpha() or character.isspace() for character in plain)
    return (
        letters > 0.75 * len(plain) > 0
        and not _JUNK.search(text)
        and not text.rstrip().endswith(("?", "？", ":", "：", ","))
        and text.count("(") == text.count(")")
    )


def grounded(answer: str, source: str) -> float:
    """Share of the answer's words that stand in the source, in [0, 1]; 1 for a span of it."""
    have = set(words(source))
    asked = words(answer)
    return sum(word in have for word in asked) / len(asked) if asked else 0.0


def holds_quote(quote: str, source: str) -> bool:
    """Whether the quote stands in the source, whatever the white space and quotation marks."""
    return bool(quote.strip()) and _plain(quote) in _plain(source)


def _plain(text: str) -> str:
    return re.sub(r"[\s“”\"'’‘`*]+", "", text).lower()
