"""The units worth weighing for a question, found by meaning, words and letters; with features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.embeddings import embed
from engine.quotes.asked import Asked, asked
from engine.quotes.features import features_of
from engine.quotes.lexicon import lexicon_of
from engine.search import Hit, Index

PASSAGES = 15
BY_MEANING = BY_WORDS = 15
BY_LETTERS = 6


@dataclass(frozen=True)
class Candidates:
    """What was found for a question.

    ``vector`` is the question's embedding; ``at`` are numbers of units in the index, ``rows`` their
    features, in the same order; ``hits`` the passages, best first.
    """

    asked: Asked
    vector: Any
    hits: tuple[Hit, ...]
    at: tuple[int, ...]
    rows: tuple[dict[str, float], ...]


def candidates(question: str, index: Index) -> Candidates:
    """The units that may answer the question, none twice; none in an empty index."""
    import numpy as np

    lexicon = lexicon_of(index)
    taken = lexicon.repaired(asked(question, index.language))
    whole, said = embed([question, taken.spoken], query=True)
    hits = index.search(question, PASSAGES, vector=whole)
    if not hits:
        return Candidates(taken, whole, (), (), ())
    cosines, spoken = index.vectors @ whole, index.vectors @ said
    letters = lexicon.letters(question)
    found = dict.fromkeys(at for hit in hits for at in lexicon.of_passage[hit.passage.id])
    for values, most in (
        (lexicon.bm25(taken), BY_WORDS),
        (np.maximum(cosines, spoken), BY_MEANING),
        (letters, BY_LETTERS),
    ):
        found |= dict.fromkeys(int(i) for i in np.argsort(-values)[:most] if values[i] > 0)
    scores = {"cosine": cosines, "spoken_cosine": spoken, "letters": letters}
    rows = []
    for at in found:
        near = {name: float(values[at]) for name, values in scores.items()}
        rows.append(features_of(taken, index.units[at], at, lexicon, near))
    return Candidates(taken, whole, tuple(hits), tuple(found), tuple(rows))


def matrix(rows: Any, names: Any) -> Any:
    """The rows as an array of shape (rows, names)."""
    import numpy as np

    return np.array([[row[name] for name in names] for row in rows], dtype=float)
