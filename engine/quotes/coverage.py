"""Whether the book answers a question at all: yes, perhaps, or no.

A logistic regression on what the search found (``weights.json``; ``tests/bench/quotes`` fits it on
the panels' *look* halves, on questions written for other units, and on questions of other books).
Two thresholds make three verdicts: below ``ABSENT`` the tutor declines; between the two it shows
the nearest that the book says, and says that it is only that.
"""

from __future__ import annotations

from math import exp
from typing import Literal

from engine.quotes.candidates import Candidates
from engine.quotes.lexicon import lexicon_of
from engine.quotes.rank import scores, weights
from engine.search import Index

ABSENT = 0.2
COVERED = 0.65
"""Probabilities, chosen on the panels' *look* halves for at most 10 % false refusals."""
Verdict = Literal["covered", "doubtful", "absent"]


def coverage_features(found: Candidates, index: Index) -> dict[str, float]:
    """What the verdict weighs; needs at least one candidate."""
    import numpy as np

    ranked = scores(found)
    order = np.argsort(-ranked)
    best = found.rows[int(order[0])]
    asked, lexicon = found.asked, lexicon_of(index)
    rarest = lexicon.idf("")
    unknown = [t for t in asked.everything if t not in lexicon.counts]
    total = sum(lexicon.idf(t) for t in asked.everything)
    held = frozenset().union(*(lexicon.held(found.at[int(i)]) for i in order[:3]))
    missing = [lexicon.idf(t) for t in asked.everything if t not in held]
    cosine = max(row["cosine"] for row in found.rows)
    spoken = max(row["spoken_cosine"] for row in found.rows)
    return {
        "score": float(ranked[order[0]]),
        "score_third": float(ranked[order[min(2, len(order) - 1)]]),
        "cosine": cosine,
        "spoken_cosine": max(cosine, spoken),
        "passage_cosine": found.hits[0].score,
        "cover_best": best["cover_title"],
        "cover_any": max(row["cover_title"] for row in found.rows),
        "sentence_any": max(row["best_sentence_cover"] for row in found.rows),
        "cover_three": lexicon.cover(asked, held),
        "unknown": sum(lexicon.idf(t) for t in unknown) / total if total else 0.0,
        "missing_rarest": max(missing, default=0.0) / rarest,
        "letters": max(row["letters"] for row in found.rows),
        "symbols": float(bool(asked.symbols)) * max(row["symbol_cover"] for row in found.rows),
        "few_terms": float(len(asked.terms) < 2),
        "no_terms": float(not asked.terms),
        "title": max(row["title_is_subject"] for row in found.rows),
    }


def probability(found: Candidates, index: Index) -> float:
    """The probability in [0, 1] that the book answers the question; 0 where nothing was found."""
    if not found.at:
        return 0.0
    names, weight, constant = weights("coverage")
    row = coverage_features(found, index)
    return 1 / (1 + exp(-(constant + sum(w * row[n] for n, w in zip(names, weight, strict=True)))))


def verdict(found: Candidates, index: Index) -> Verdict:
    """What the tutor may say of the question."""
    if _on_signs(found, index):
        return "covered"
    sure = probability(found, index)
    return "covered" if sure >= COVERED else "doubtful" if sure >= ABSENT else "absent"


def _on_signs(found: Candidates, index: Index) -> bool:
    """Whether only signs are asked about, and the book has them all: "= vs ==", "[::-1] ??"."""
    known = lexicon_of(index).counts
    signs = found.asked.symbols
    return bool(signs) and not found.asked.terms and all(sign in known for sign in signs)
