"""What a lookup without any model would answer: the trained questions nearest by their words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from engine.schema import Language, Pair
from engine.text import search_terms


def nearest_pairs(question: str, pairs: Sequence[Pair], k: int) -> list[Pair]:
    """The at most ``k`` pairs whose questions share most of the rarer words, nearest first."""
    if not pairs:
        return []
    vectorizer, matrix = _questions(tuple(pair.question for pair in pairs), pairs[0].language)
    scores = (matrix @ vectorizer.transform([question]).T).toarray().ravel()
    return [pairs[int(i)] for i in scores.argsort()[::-1][:k] if scores[i] > 0]


@lru_cache(maxsize=4)
def _questions(questions: tuple[str, ...], language: Language) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=partial(search_terms, language=language), sublinear_tf=True
    )
    return vectorizer, vectorizer.fit_transform(questions)
