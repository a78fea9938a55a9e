"""What is known of one language: how it is written, and the patterns by which it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.language.load import Table, languages, table


@dataclass(frozen=True)
class Sizes:
    """Lengths that differ by language, in words as ``text.words`` counts them.

    ``scale`` multiplies the fewest and most words of a readable sentence. The lengths of terms and
    of a list's introduction are in characters. ``engine/language/en/language.toml`` says the rest.
    """

    scale: float
    long_sentence: int
    short_clause: int
    shortest_introduction: int
    shortest_term: int
    longest_term: int
    focus: int
    shared_words: int


@dataclass(frozen=True)
class LanguageRules:
    """A language: its marks, sizes and tables; get one by ``rules(code)``.

    ``joiner`` stands between sentences, and between words where they are ``spaced``. ``stop`` ends
    a sentence; ``list_mark``, ``clause_mark``, ``focus_mark`` and ``conjunction`` join items,
    clauses, terms and two things. ``capitals``: sentences open with a capital. ``segmenter`` and
    ``stemmer`` name what finds words and stems (of ASCII words only: ``ascii_stems``); ``mixes``
    the languages whose terms its texts hold.
    """

    code: str
    name: str
    mixes: tuple[str, ...]
    joiner: str
    spaced: bool
    capitals: bool
    segmenter: str
    stemmer: str
    ascii_stems: bool
    stop: str
    list_mark: str
    clause_mark: str
    focus_mark: str
    conjunction: str
    sizes: Sizes

    def table(self, name: str) -> Table:
        """A file of the language, such as ``wordings``; see ``load.table``."""
        return table(self.code, name)

    def says(self, name: str, part: str = "says") -> Mapping[str, str]:
        """A file's texts by key."""
        found: Mapping[str, str] = self.table(name)[part]
        return found

    def pattern(self, name: str, *keys: str, flags: int = 0) -> re.Pattern[str] | None:
        """A pattern of this language alone (``name`` is the file's); None where it is empty."""
        return _pattern((self.code,), name, keys, flags)

    def mixed(self, name: str, *keys: str, flags: int = 0) -> re.Pattern[str]:
        """The pattern of this language and of those whose terms its texts hold."""
        found = _pattern((*self.mixes, self.code), name, keys, flags)
        return found or _NEVER

    def name_of(self, other: str) -> str:
        """What this language calls another one; else that one's own name."""
        names: Mapping[str, str] = self.table("language").get("names", {})
        return names.get(other) or rules(other).name


def rules(code: str) -> LanguageRules:
    """The language of this code.

    Raises:
        BadInput: there is none, or its folder is incomplete (see ``load.table``).
    """
    return _rules(code, languages())


@cache
def _rules(code: str, _known: tuple[str, ...]) -> LanguageRules:
    own = table(code, "language")
    writing = own["writing"]
    return LanguageRules(
        code=code,
        name=own["name"],
        mixes=tuple(own.get("mixes", ())),
        conjunction=writing["and"],
        sizes=Sizes(**own["sizes"]),
        **{key: writing[key] for key in _WRITING},
    )


_WRITING = (
    "joiner", "spaced", "capitals", "segmenter", "stemmer", "ascii_stems", "stop", "list_mark",
    "clause_mark", "focus_mark",
)  # fmt: skip
_NEVER = re.compile(r"(?!)")


# ------------------------------------------------------------ what all languages say together


def any_pattern(
    name: str, *keys: str, form: str = "{}", flags: int = re.IGNORECASE
) -> re.Pattern[str]:
    """The alternatives of all languages as one pattern; ``form`` says what stands around them.

    For what is read before its language is known: titles, names of columns, instructions.
    """
    return _any(languages(), name, keys, form, flags)


def any_words(name: str, *keys: str) -> tuple[str, ...]:
    """The words of all languages under this key, in order, each once."""
    return _words(languages(), name, keys)


def alternatives(name: str, *keys: str) -> str:
    """The alternatives of all languages as part of a pattern; it matches nothing if there is none.

    For patterns with several such parts; for those with one see ``any_pattern``.
    """
    return _joined(languages(), name, keys)


@cache
def _any(
    codes: tuple[str, ...], name: str, keys: tuple[str, ...], form: str, flags: int
) -> re.Pattern[str]:
    return re.compile(form.replace("{}", _joined(codes, name, keys)), flags)


def _joined(codes: tuple[str, ...], name: str, keys: tuple[str, ...]) -> str:
    found = [part for code in codes for part in _alternatives(code, name, keys)]
    return "|".join(dict.fromkeys(found)) or _NEVER.pattern


@cache
def _words(codes: tuple[str, ...], name: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    values = (_value(code, name, keys) for code in codes)
    words = (w for v in values for w in (v.split() if isinstance(v, str) else v))
    return tuple(dict.fromkeys(words))


@cache
def _pattern(
    codes: tuple[str, ...], name: str, keys: tuple[str, ...], flags: int
) -> re.Pattern[str] | None:
    found = [part for code in codes for part in _alternatives(code, name, keys)]
    return re.compile("|".join(found), flags) if found else None


def _alternatives(code: str, name: str, keys: tuple[str, ...]) -> list[str]:
    found = _value(code, name, keys)
    return [part for part in ([found] if isinstance(found, str) else found) if part]


def _value(code: str, name: str, keys: tuple[str, ...]) -> Any:
    found: Any = table(code, name)
    for key in keys:
        found = found[key]
    return found
