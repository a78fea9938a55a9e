"""What a lookup without any model would answer: the trained question nearest by its words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from engine.schema import Language, Pair
from engine.text import search_terms


def nearest_trained(
    questions: Sequence[str], trained: Sequence[Pair], language: Language
) -> list[Pair | None]:
    """For each question the pair whose question shares most of the rarer words (tf-idf, cosine).

    None where no word agrees. (``engine.tutor.check`` looks up single questions in the same way.)
    """
    if not questions or not trained:
        return [None] * len(questions)
    from sklearn.feature_extraction.text import TfidfVectorizer

    analyzer = partial(search_terms, language=language)
    vectorizer = TfidfVectorizer(analyzer=analyzer, sublinear_tf=True)
    matrix = vectorizer.fit_transform([pair.question for pair in trained])
    scores = (vectorizer.transform(questions) @ matrix.T).toarray()
    best = scores.argmax(axis=1)
    return [
        trained[int(i)] if row[int(i)] > 0 else None for i, row in zip(best, scores, strict=True)
    ]
