"""What is worth a question: a judge of finds, trained on pairs that people read.

A logistic regression over features of a find (its source, how it is worded, its lengths, what it
speaks of); its coefficients are data (``worth.json``), fitted by ``tests/bench/card/train.py`` on
ratings of the *look* half alone. No text of a book is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import exp, log1p
from pathlib import Path
from typing import Any

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place, place_of, size
from engine.distil.offline.terms import SOURCES, SURE, Terms, is_glossary, key_of, plain_title
from engine.language import rules

CLAUSES = ("why", "reason", "how", "if", "when")
"""Wordings that ask about a clause, not about a name."""
_MODEL = Path(__file__).with_name("worth.json")


def features(find: Find, terms: Terms) -> dict[str, float]:
    """What the judge sees of a find; every value is about 1 in size."""
    place = place_of(find.section, terms)
    scale = rules(place.language).sizes.scale
    subject = find.parts.get("bare") or find.subject
    named = terms.within(find.subject)
    answer, asked = size(find.answer) / scale, size(find.subject) / scale
    definite = place.unsaid(find.subject)
    clause = find.wording in CLAUSES
    title = set(terms.within(plain_title(find.section.title)))
    return {
        f"source {find.source}": 1.0,
        f"wording {find.wording}": 1.0,
        "subject is a sure term": float(terms.source(subject) in SURE),
        "subject is a heading": float(terms.source(subject) == "heading"),
        "subject is a term": float(bool(terms.source(subject))),
        "subject names a sure term": float(any(s in SURE for s in named.values())),
        "subject opens with a term": float(_opens(find.subject, named)),
        "clause opens with a term": float(clause and _opens(find.subject, named)),
        "clause without definite words": float(clause and not definite),
        "clause that may lack a subject": float(clause and not rules(place.language).spaced),
        "subject names a term of the title": float(bool(title & set(named))),
        "answer names a sure term": float(
            any(s in SURE for n, s in terms.within(find.answer).items() if n not in named)
        ),
        "words are set apart": float(rules(place.language).spaced),
        "in a glossary": float(is_glossary(find.section)),
        "answer's words": log1p(answer) - 2.5,
        "answer is short": float(answer < 8),
        "answer is long": float(answer > 35),
        "subject's words": log1p(asked) - 1.5,
        "subject is long": float(asked > 12),
        "answer holds code": float("\n" in find.answer),
        "answer holds quotes": float(bool(re.search(r"[“”\"「」]", find.answer))),
        "subject holds capitals inside": float(bool(re.search(r"(?<=\s)[A-Z]", find.subject))),
        "answer holds digits": float(bool(re.search(r"\d", find.answer))),
        "definite words in the subject": float(definite),
        "definite words in the answer": _hanging(find, place),
        "a tool is named": float("tool" in find.parts),
        "answer opens with the subject": float(find.answer.lower().startswith(subject.lower())),
    }


def _hanging(find: Find, place: Place) -> float:
    """How often the answer of a clause, or of what something does, points at what is unsaid."""
    told = find.wording in (*CLAUSES, "does", "used")
    return min(3.0, place.unsaid(find.answer)) if told else 0.0


def _opens(text: str, named: Mapping[str, str]) -> bool:
    """Whether a term that the course tells of stands within the first words of a text."""
    head = text[: len(text) // 3 + 4].lower()
    return any(s != SOURCES[-1] and name.lower() in head for name, s in named.items())


def worth(find: Find, terms: Terms) -> float:
    """How likely a strict reader keeps the find, in [0, 1]."""
    return judged(features(find, terms), _model()["weights"])


def judged(row: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The logistic of the weighted features; what the model never saw counts nothing."""
    x = weights.get("", 0.0) + sum(weights.get(k, 0.0) * v for k, v in row.items())
    return 1 / (1 + exp(-max(-30.0, min(30.0, x))))


@cache
def _model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_MODEL.read_text(encoding="utf-8"))
    return found


def best(finds: Iterable[Find], terms: Terms, least: float | None = None) -> list[Find]:
    """The finds that are worth learning, in their order; one definition a term, the worthiest.

    ``least`` is the least worth, the model's own where none is given.
    """
    floor = _model()["least"] if least is None else least
    scored = [(find, worth(find, terms)) for find in finds]
    scored = [(find, value) for find, value in scored if value >= floor]
    chosen: dict[object, tuple[Find, float]] = {}
    for number, (find, value) in enumerate(scored):
        key = _same(find, terms, number)
        if key not in chosen or value > chosen[key][1]:
            chosen[key] = (find, value)
    kept = {id(find) for find, _ in chosen.values()}
    return [find for find, _ in scored if id(find) in kept]


def _same(find: Find, terms: Terms, number: int) -> object:
    """What two finds share that ask the same: definitions of one term, or one question."""
    if find.kind == "definition":
        return key_of(find.parts.get("bare") or find.subject, terms.language)
    return (find.wording, key_of(find.subject, terms.language), find.parts.get("y"))
