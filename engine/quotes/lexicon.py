"""The words of all units of a course: how rare each is, and how well units match a question's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import log
from typing import Any
from weakref import WeakKeyDictionary

from engine.language import rules
from engine.quotes.asked import Asked
from engine.schema import Language
from engine.search import Index
from engine.text import search_terms, symbols
from engine.units import Unit

_CLOSE = 82.0
"""Similarity (rapidfuzz's ratio, of 100) from which an unknown word is taken for a slip."""
_SHORTEST_SLIP = 4


def lexicon_of(index: Index) -> Lexicon:
    """The words of an index; made when first asked for (about a second a book)."""
    found = _KNOWN.get(index)
    if found is None:
        found = _KNOWN[index] = Lexicon(index.units, index.language)
    return found


_KNOWN: WeakKeyDictionary[Index, Lexicon] = WeakKeyDictionary()


class Lexicon:
    """Terms of units, built once for a course; read-only afterwards."""

    def __init__(self, units: Sequence[Unit], language: Language) -> None:
        import bm25s

        self.units, self.language = tuple(units), language
        self.of_passage: dict[str, list[int]] = {}
        for at, unit in enumerate(self.units):
            self.of_passage.setdefault(unit.passage, []).append(at)
        self.terms = [self.terms_of(u.searched) for u in units]
        self._sets = [frozenset(terms) for terms in self.terms]
        self._told = [frozenset(self.terms_of(u.text)) for u in units]
        self._titles = {p: frozenset(self.terms_of(p)) for p in {u.path for u in units}}
        counts: dict[str, int] = {}
        for held in self._sets:
            for term in held:
                counts[term] = counts.get(term, 0) + 1
        self.counts = counts
        self._bm25 = bm25s.BM25()
        if self.terms:
            self._bm25.index(self.terms, show_progress=False)

    def terms_of(self, text: str) -> list[str]:
        """Stems and symbols of a text of this course."""
        return [*search_terms(text, self.language), *symbols(text)]

    def idf(self, term: str) -> float:
        """How rare a term is among the units, above 0; the rarest for one that none holds."""
        return log(1 + len(self.units) / (self.counts.get(term, 0) + 0.5))

    def repaired(self, asked: Asked) -> Asked:
        """The question with slips of the pen put right: unknown words by their nearest known."""
        from dataclasses import replace

        return replace(asked, terms=tuple(dict.fromkeys(self._known(t) for t in asked.terms)))

    def _known(self, term: str) -> str:
        from rapidfuzz import fuzz, process

        if term in self.counts or len(term) < _SHORTEST_SLIP or not term.isascii():
            return term
        found = process.extractOne(term, self._vocabulary, scorer=fuzz.ratio, score_cutoff=_CLOSE)
        return found[0] if found else term

    @cached_property
    def _vocabulary(self) -> list[str]:
        return [t for t, n in self.counts.items() if n > 1 and len(t) >= _SHORTEST_SLIP]

    def bm25(self, asked: Asked) -> Any:
        """BM25 of each unit, array of shape (units,)."""
        import numpy as np

        known = [term for term in asked.everything if term in self.counts]
        return self._bm25.get_scores(known) if known else np.zeros(len(self.units))

    def cover(self, asked: Asked, held: frozenset[str]) -> float:
        """Share of the question's terms, weighted by rarity, that are held; 0 without terms."""
        weights = {term: self.idf(term) for term in asked.everything}
        total = sum(weights.values())
        return sum(w for t, w in weights.items() if t in held) / total if total else 0.0

    def held(self, at: int) -> frozenset[str]:
        """The terms of one unit with its title."""
        return self._sets[at]

    def told(self, at: int) -> frozenset[str]:
        """The terms of one unit without its headings."""
        return self._told[at]

    def headed(self, at: int) -> frozenset[str]:
        """The terms of a unit's headings."""
        return self._titles[self.units[at].path]

    def letters(self, text: str) -> Any:
        """Cosine of letter n-grams (tf-idf) with each unit, array of shape (units,)."""
        vectorizer, matrix = self._letters
        return (matrix @ vectorizer.transform([text]).T).toarray().ravel()

    @cached_property
    def _letters(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        spaced = rules(self.language).spaced
        vectorizer = TfidfVectorizer(
            analyzer="char_wb" if spaced else "char",
            ngram_range=(3, 4) if spaced else (2, 3),
            sublinear_tf=True,
        )
        return vectorizer, vectorizer.fit_transform(u.searched for u in self.units)
