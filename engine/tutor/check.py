"""Whether an answer given by heart agrees with the reviewed corpus.

A student that never learned the answer to a question still says something fluent. Its answer
counts only if it agrees with the reviewed answer to one of the questions nearest to the learner's;
else the tutor gives the reviewed answer to the same question, or lets the book speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from engine.corpus import nearest_pairs
from engine.judge import token_f1
from engine.schema import Language, Pair
from engine.text import question_cues, question_words, search_terms
from engine.tutor.faithful import borne_out

NEAREST = 5
AGREES = 0.7


def supporting_pair(question: str, answer: str, pairs: Sequence[Pair]) -> Pair | None:
    """The pair whose answer agrees with this one, or None where none does.

    Args:
        question: What the learner asked.
        answer: What the student model said without the book.
        pairs: The reviewed pairs; the ``NEAREST`` questions by the cosine of their rare words
            (tf-idf) are looked at; agreement is a token F1 of ``AGREES`` or more, nothing turned
            round (``faithful``).
    """
    if not pairs or not answer.strip():
        return None
    near = nearest_pairs(question, pairs, NEAREST)
    said = (pair for pair in near if borne_out(answer, pair.answer, question))
    agreeing = [(token_f1(answer, pair.answer), n, pair) for n, pair in enumerate(said)]
    best = max(agreeing, key=lambda row: (row[0], -row[1]), default=None)
    return best[2] if best and best[0] >= AGREES else None


def same_question(question: str, pairs: Sequence[Pair]) -> Pair | None:
    """The first pair that asks the same thing of the same subject in whatever words, or None."""
    for pair in pairs:
        asked = _asked(question, pair.language)
        if asked[0] and _asked(pair.question, pair.language) == asked:
            return pair
    return None


@lru_cache(maxsize=100_000)
def _asked(question: str, language: Language) -> tuple[frozenset[str], frozenset[str]]:
    """What a question is about, and what it asks about that (its cues; none: what it is)."""
    terms = frozenset(search_terms(question, language))
    return terms - question_words(), terms & question_cues()
