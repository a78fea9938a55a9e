"""Correctness in code: the share of the reference's points that an answer makes.

A point is a sentence, or an entry of a list, of the book's answer. An answer makes it where it
holds half of the point's own words (those that the question does not say already), every number of
it, and where the sentence that says most of them is negated as the point is. Words alone are still
no meaning: a paraphrase without the book's terms goes unseen, which a judge marks better.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from engine.grade.features import negations
from engine.language import rules, table
from engine.schema import Language, Value
from engine.text import question_words, search_terms, sentences

SHARE = 0.5
"""Share of a point's own words from which on it counts as made."""
_FEWEST = 2
"""Own words below which a sentence is no point («Yes.»), unless there is no other."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ITEM = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)、．])\s*")


class KeyPoint(Value):
    """One thing that a right answer says; ``terms`` are its own stems."""

    text: str
    terms: frozenset[str]
    numbers: frozenset[str]
    negated: bool


def points_of(reference: str, question: str, language: Language) -> list[KeyPoint]:
    """The points of the book's answer; one, of all it says, where none has words of its own."""
    lines = (_ITEM.sub("", line) for line in reference.splitlines())
    texts = [text for line in lines for text in sentences(line, language)]
    points = [_point(text, question, language) for text in texts]
    found = [point for point in points if len(point.terms) >= _FEWEST]
    return found or [_point(reference, "", language)]


def points_met(answer: str, reference: str, question: str, language: Language) -> float:
    """The share of the reference's points that the answer makes, in [0, 1]."""
    points = points_of(reference, question, language)
    said = [line for row in answer.splitlines() for line in sentences(row, language)]
    return sum(_makes(answer, said, point, language) for point in points) / len(points)


def _point(text: str, question: str, language: Language) -> KeyPoint:
    terms = frozenset(search_terms(text, language)) - _idle(language)
    return KeyPoint(
        text=text,
        terms=terms - _shared(terms, question, language),
        numbers=frozenset(_NUMBER.findall(text)),
        negated=negations(text) > 0,
    )


def _shared(terms: frozenset[str], text: str, language: Language) -> frozenset[str]:
    """The terms that a text holds; where no blanks set words apart, wherever it holds them.

    (jieba cuts a word otherwise in other company: «共用一个桶» has no «桶».)
    """
    if rules(language).spaced:
        return terms & frozenset(search_terms(text, language))
    return frozenset(term for term in terms if term in text.lower())


@cache
def _idle(language: Language) -> frozenset[str]:
    """Stems of words that make no point."""
    own = [*table(language, "exam")["idle"].split(), *question_words()]
    return frozenset(stem for word in own for stem in search_terms(word, language))


def _makes(answer: str, said: Sequence[str], point: KeyPoint, language: Language) -> bool:
    have = _shared(point.terms, answer, language)
    if not have or len(have) < SHARE * len(point.terms):
        return False
    if not point.numbers <= set(_NUMBER.findall(answer)):
        return False
    nearest = max(said, key=lambda each: len(_shared(have, each, language)))
    return (negations(nearest) > 0) == point.negated
