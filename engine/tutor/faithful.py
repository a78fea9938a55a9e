"""Whether a sentence says what its source says: numbers, negations, quantities and who does what.

Word overlap lets a reversed statement through: "both are substrings" has all the words of a
sentence that says it of one. So a claim counts as borne out only where every content word, number
and quantity stands in one sentence of the source (or in the question), negated as often, in the
same order. What is true but worded freely is withheld too; the book speaks then.
"""

from __future__ import annotations

import re
from functools import cache

from engine.language import rules
from engine.schema import Language
from engine.text import language_of, question_words, search_terms, sentences

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_HELD = 0.75
"""Share of a claim's content words that one sentence of the source must hold, the rest anywhere."""


def borne_out(claim: str, source: str, question: str = "") -> bool:
    """Whether the source says what the claim says, sentence by sentence of the claim.

    Args:
        claim: What a model wrote.
        source: What it should rest on: a quote, or a reviewed answer.
        question: What was asked; its words need not stand in the source.
    """
    language = language_of(source)
    told = sentences(source, language) or [source]
    said = sentences(claim, language) or [claim]
    return all(_said(part, told, source, question, language) for part in said)


def _said(claim: str, told: list[str], source: str, question: str, language: Language) -> bool:
    own = _content(claim, language)
    anywhere = {*_content(source, language), *_content(question, language)}
    if not set(_NUMBER.findall(claim)) <= {*_NUMBER.findall(source), *_NUMBER.findall(question)}:
        return False
    if any(term not in anywhere for term in own):
        return False
    joined = [*told, *(" ".join(pair) for pair in zip(told, told[1:], strict=False))]
    return any(_agrees(claim, own, sentence, language) for sentence in joined)


def _agrees(claim: str, own: list[str], sentence: str, language: Language) -> bool:
    """Whether the claim's words stand in this sentence in this order, under the same marks."""
    theirs = _content(sentence, language)
    shared = [term for term in own if term in theirs]
    if len(shared) < _HELD * len(own) or not _in_order(shared, theirs):
        return False
    return _marks(claim, language) == _marks(_part(sentence, shared, language), language)


def _part(sentence: str, shared: list[str], language: Language) -> str:
    """The clauses of the sentence that hold words of the claim: marks elsewhere do not bind it."""
    clauses = re.split(r"(?<=[,;:，；：])\s*", sentence)
    held = [c for c in clauses if set(shared) & set(_content(c, language))]
    return " ".join(held) or sentence


def _in_order(shared: list[str], theirs: list[str]) -> bool:
    """Whether what both say stands in the same order: nobody changed places."""
    at = 0
    for term in shared:
        try:
            at = theirs.index(term, at)
        except ValueError:
            return False
    return True


def _content(text: str, language: Language) -> list[str]:
    idle = question_words() | _light(language)
    return [t for t in search_terms(text, language) if t not in idle]


def _marks(text: str, language: Language) -> tuple[int, tuple[str, ...]]:
    """How often it negates, and its quantities (only, all, both, never ...)."""
    table = rules(language).table("faithful")
    lowered = text.lower()
    negated = len(_pattern(tuple(table["negations"])).findall(lowered))
    quantities = sorted(_pattern(tuple(table["quantities"])).findall(lowered))
    return negated % 2, tuple(quantities)


@cache
def _pattern(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(parts))


@cache
def _light(language: Language) -> frozenset[str]:
    """Words that may come and go: they carry no claim."""
    words = rules(language).table("faithful")["light"].split()
    return frozenset(term for word in words for term in search_terms(word, language))
