"""How well a unit fits a question, in numbers: what the ranker and the coverage test weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from engine.quotes.asked import Asked, speaks
from engine.quotes.lexicon import Lexicon
from engine.text import words
from engine.units import Unit

Features = Mapping[str, float]


def features_of(
    asked: Asked,
    unit: Unit,
    at: int,
    lexicon: Lexicon,
    near: Mapping[str, float],
) -> dict[str, float]:
    """The features of one unit but those that compare it with the other candidates.

    Args:
        asked: The question, its slips repaired.
        unit: The unit.
        at: Its number in the lexicon.
        lexicon: The course's.
        near: Its scores so far: cosines, BM25, letters.
    """
    language = asked.language
    title, told = lexicon.headed(at), lexicon.told(at)
    subject = asked.terms
    body = unit.text
    wants = asked.want
    return {
        **near,
        "cover": lexicon.cover(asked, told),
        "cover_title": lexicon.cover(asked, lexicon.held(at)),
        "title_cover": lexicon.cover(asked, title),
        "title_is_subject": _dice(frozenset(subject), title),
        "symbol_cover": _share(asked.symbols, told),
        "missing_rarest": _missing(asked, lexicon, lexicon.held(at)),
        "best_sentence_cover": _best_sentence(asked, unit, lexicon),
        "what_definition": float(wants in ("what", "other") and "definition" in unit.roles),
        "what_form": float(wants == "what" and speaks("what", body, language)),
        "why_form": float(wants == "why" and speaks("why", body, language)),
        "how_form": float(wants == "how" and speaks("how", body, language)),
        "how_code": float(wants == "how" and unit.shows_code),
        "compare_form": float(wants == "compare" and speaks("compare", body, language)),
        "compare_both": float(wants == "compare" and _share(asked.everything, told) > 0.99),
        "example_code": float(
            wants == "example" and (unit.shows_code or speaks("example", body, language))
        ),
        "code_symbols": float(bool(asked.symbols) and unit.shows_code),
        "first": float(unit.first),
        "length": log(1 + len(words(body))),
        "no_prose": float(not unit.sentences),
        "question": float(body.rstrip().endswith(("?", "？"))),
        "error": float(asked.error and "Error" in body),
    }


def _share(terms: Sequence[str], held: frozenset[str]) -> float:
    return sum(t in held for t in terms) / len(terms) if terms else 0.0


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


def _missing(asked: Asked, lexicon: Lexicon, held: frozenset[str]) -> float:
    """How rare the rarest term is that the unit lacks, in [0, 1]."""
    top = lexicon.idf("")
    return max((lexicon.idf(t) for t in asked.everything if t not in held), default=0.0) / top


def _best_sentence(asked: Asked, unit: Unit, lexicon: Lexicon) -> float:
    """The largest share of the question's terms in one sentence."""
    return max(
        (lexicon.cover(asked, frozenset(lexicon.terms_of(s))) for s in unit.sentences), default=0.0
    )


def compared(rows: Sequence[dict[str, float]], names: Sequence[str]) -> list[dict[str, float]]:
    """The rows with each name's distance to the best candidate's beside it, as ``NAME_gap``."""
    best = {name: max(row[name] for row in rows) for name in names}
    return [{**row, **{f"{n}_gap": best[n] - row[n] for n in names}} for row in rows]
