"""Facts about text that several rooms need: language, tokens, sentences, words."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from engine.language import DEFAULT, LanguageRules, languages, rules
from engine.schema import Language

CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_LETTER = rf"(?:(?![{CJK}])[^\W_])"
_WORD = re.compile(rf"[{CJK}]|{_LETTER}+(?:['’]{_LETTER}+)?")


def language_of(text: str, expected: Language = "") -> Language:
    """The language of a text.

    A language with letters of its own (Chinese) has a text of which they are more than a share
    (``detect.share``). Among the others the one wins whose frequent words the text holds most of;
    where that leaves several, ``expected`` or else English.
    """
    letters = sum(character.isalpha() for character in text)
    for code, pattern, share in _scripts(languages()):
        if letters and len(pattern.findall(text)) / letters > share:
            return code
    return _by_words(text, expected)


@cache
def _scripts(codes: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str], float], ...]:
    """Code, letters and share of each language that has letters of its own."""
    rows = [(code, rules(code).table("language")["detect"]) for code in codes]
    return tuple((c, re.compile(row["letters"]), row["share"]) for c, row in rows if row["letters"])


@cache
def _frequent(codes: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Frequent words of each language that shares its script with others."""
    rows = [(code, rules(code).table("language")["detect"]) for code in codes]
    return {code: frozenset(row["frequent"].split()) for code, row in rows if not row["letters"]}


def _by_words(text: str, expected: Language) -> Language:
    known = _frequent(languages())
    if len(known) == 1:
        return next(iter(known))
    found = words(text)
    counts = {code: sum(word in own for word in found) for code, own in known.items()}
    best = [code for code in counts if counts[code] == max(counts.values())]
    return next((code for code in (expected, DEFAULT) if code in best), best[0])


def count_tokens(text: str) -> int:
    """Estimated tokens of a small model: 1.35 a word in English, 1.1 a Chinese character."""
    chinese = len(_CJK_CHARACTER.findall(text))
    rest = _CJK_CHARACTER.sub(" ", text)
    words = len(re.findall(r"\w+|[^\w\s]", rest))
    return round(chinese * 1.1 + words * 1.35)


def sentences(text: str, language: Language) -> list[str]:
    """The sentences of a paragraph, in order; their join (``Rules.joiner``) is the text."""
    flat = re.sub(r"\s+", " ", text).strip()
    own = rules(language)
    end, short = own.pattern("language", "sentences", "end"), _abbreviation(own)
    found: list[str] = []
    for piece in end.split(flat) if end else [flat]:
        if found and short and short.search(found[-1]):
            found[-1] += own.joiner + piece
        elif piece.strip():
            found.append(piece.strip())
    return found


def _abbreviation(own: LanguageRules) -> re.Pattern[str] | None:
    """What ends in a full stop and no sentence."""
    return own.pattern("language", "sentences", "abbreviation")


def words(text: str) -> list[str]:
    """Lower-case tokens for scores: words, and single characters for Chinese."""
    return _WORD.findall(text.lower())


@cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.ERROR)
    return jieba


def tokens(text: str, language: Language = "") -> list[str]:
    """Lower-case words in order, where words are not set apart by blanks as jieba finds them."""
    lowered = text.lower()
    if rules(language or language_of(text)).spaced:
        return words(lowered)
    return [token for token in _jieba().lcut(lowered) if _has_letter(token)]


def search_terms(text: str, language: Language = "") -> list[str]:
    """Lower-case stems for lexical search: of words, and of jieba's words for Chinese.

    ``language`` decides on the stems, so that what is compared must have been given the same one;
    without it each text decides by itself.
    """
    lowered = text.lower()
    own = rules(language or _stemmed_as(text))
    if not _CJK_CHARACTER.search(lowered):
        return [stem(word, own) for word in words(lowered)]
    return [stem(term, own) for term in _jieba().cut_for_search(lowered) if _has_letter(term)]


def symbols(text: str) -> list[str]:
    """Operators, brackets and slices of a text: what a question on a sign is about.

    An operator of one character counts only where blanks or quotation marks stand around it, so
    that paths and hyphens are none.
    """
    return [match.group().replace(" ", "") for match in _SYMBOL.finditer(text)]


_SYMBOL = re.compile(
    r"""(?<![=!<>+*/%&|^~-])(?:\*\*|//|==|!=|<=|>=|<<|>>(?!>)|\+=|-=|\*=|&&|\|\||::-1)(?![=!<>+*/%&|^~])
    |(?:(?<=\s)|(?<=^)|(?<=[“"'`，、。]))[-=+*/%^&|~<>](?=\s|$|[”"'`，、。?？])
    |(?<=\w)\^(?=\w)|\[\ ?\]|\{\ ?\}|\[::?-?1?\]""",
    re.VERBOSE | re.MULTILINE,
)


def _stemmed_as(text: str) -> Language:
    """The text's language, where languages differ in their stems at all."""
    known = languages()
    return language_of(text) if len({rules(code).stemmer for code in known}) > 1 else DEFAULT


def _has_letter(term: str) -> bool:
    return any(character.isalnum() for character in term)


def stem(word: str, own: LanguageRules) -> str:
    """The word's stem (Snowball), so that «dictionaries» finds «dictionary»."""
    if not own.stemmer or (own.ascii_stems and not word.isascii()):
        return word
    return str(_stemmer(own.stemmer).stemWord(word))


@cache
def _stemmer(name: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(name)


def question_words() -> frozenset[str]:
    """Words of all languages that say how a question is asked, not what it is about, as stems."""
    return _stems(languages(), "words")


def question_cues() -> frozenset[str]:
    """Those of them, as stems, by which questions on one subject differ: why, how, against what."""
    return _stems(languages(), "cues")


@cache
def _stems(codes: tuple[str, ...], key: str) -> frozenset[str]:
    rows = [(rules(code), rules(code).table("language")["asking"][key]) for code in codes]
    return frozenset(stem(word, own) for own, listed in rows for word in listed.split())
