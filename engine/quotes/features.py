"""How well a unit fits a question, in numbers: what the ranker and the coverage test weigh.

Thirty features were tried, among them BM25, the margin to the best candidate, position, question
type against block role: eight rank as well (``tests/bench/quotes``; n = 114, leave one book out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from engine.quotes.asked import Asked, speaks
from engine.quotes.lexicon import Lexicon
from engine.text import words
from engine.units import Unit

RANKED = (
    "cosine", "spoken_cosine", "cover_title", "letters", "length", "symbol_cover", "why_form",
    "what_form",
)  # fmt: skip
"""What the ranker weighs; the coverage test sees all."""


def features_of(
    asked: Asked, unit: Unit, at: int, lexicon: Lexicon, near: Mapping[str, float]
) -> dict[str, float]:
    """The features of one unit.

    Args:
        asked: The question, its slips repaired.
        unit: The unit.
        at: Its number in the lexicon.
        lexicon: The course's.
        near: Its scores so far: cosines and letters.
    """
    language, told = asked.language, lexicon.told(at)
    return {
        **near,
        "cover_title": lexicon.cover(asked, lexicon.held(at)),
        "title_is_subject": _dice(frozenset(asked.terms), lexicon.headed(at)),
        "symbol_cover": _share(asked.symbols, told),
        "best_sentence_cover": _best_sentence(asked, unit, lexicon),
        "what_form": float(asked.want == "what" and speaks("what", unit.text, language)),
        "why_form": float(asked.want == "why" and speaks("why", unit.text, language)),
        "length": log(1 + len(words(unit.text))),
    }


def _share(terms: Sequence[str], held: frozenset[str]) -> float:
    return sum(t in held for t in terms) / len(terms) if terms else 0.0


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


def _best_sentence(asked: Asked, unit: Unit, lexicon: Lexicon) -> float:
    """The largest share of the question's terms in one sentence."""
    return max(
        (lexicon.cover(asked, frozenset(lexicon.terms_of(s))) for s in unit.sentences), default=0.0
    )
