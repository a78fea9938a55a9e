"""The two cheapest examinees, which know nothing: a student has to beat them to be worth training.

A lookup that scores high says that an exam asks what was trained; quotes that score high say that
the book alone would do.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.embeddings import embed
from engine.gates import readable
from engine.schema import Pair
from engine.search import Index
from engine.text import sentences
from engine.tutor import nearest_pairs

_SHORTEST = 12
"""Characters of a sentence that can answer."""
_PASSAGES = 2
"""As many as a model gets that sits the exam with the book at hand."""


def by_lookup(pairs: Sequence[Pair], trained: Sequence[Pair]) -> list[str]:
    """The answers of the training pairs whose questions are nearest; empty where no word agrees."""
    nearest = (nearest_pairs(pair.question, trained, 1) for pair in pairs)
    return [found[0].answer if found else "" for found in nearest]


def by_book(pairs: Sequence[Pair], index: Index) -> list[str]:
    """The sentence of the found passages that is nearest to each question, word for word.

    One sentence is the stronger baseline: on Think Python's exam (transfer, n = 55) it has a token
    F1 of .44, two have .33.
    """
    return [nearest_sentence(pair.question, index) for pair in pairs]


def nearest_sentence(question: str, index: Index) -> str:
    """The sentence of the two best passages that is nearest in meaning; empty without any."""
    vector = embed([question], query=True)[0]
    hits = index.search(question, _PASSAGES, vector=vector)
    told = [
        sentence
        for hit in hits
        for sentence in sentences(hit.passage.text, index.language)
        if len(sentence) > _SHORTEST and not sentence.endswith(("?", "？"))
    ]
    readers = [sentence for sentence in told if readable(sentence, index.language)] or told
    return readers[int((embed(readers) @ vector).argmax())] if readers else ""
