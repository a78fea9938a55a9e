"""From weighed units to quotes: the best unit of a place, grown to what a learner needs to read.

A unit's weight is a linear score of its features (``weights.json``), fitted as a conditional logit:
the probability that a unit answers is the softmax of the scores over all candidates of a question
(McFadden, 1974; in ranking: ListNet, Cao et al., ICML 2007). ``tests/bench/quotes`` fits it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from engine.embeddings import embed
from engine.language import rules
from engine.quotes.candidates import Candidates, candidates, matrix
from engine.quotes.lexicon import lexicon_of
from engine.schema import Evidence, Language, Value
from engine.search import Index
from engine.text import words
from engine.units import Unit

LONGEST = 150
"""Words (1.6 characters each in Chinese) of a quote, unless its best unit alone is longer."""
_ONWARD = 0.3
"""Added to the score of the unit that follows: an explanation goes on more often than it begins."""
_UNWEIGHED = -50.0


class Quote(Value):
    """A contiguous piece of one section that answers best.

    ``text`` is the book's, word for word; ``shown`` the same as Markdown, its code in fences;
    ``focus`` the sentence nearest to the question; ``score`` the ranker's, of its best unit.
    """

    text: str
    shown: str
    focus: str
    section: str
    title: str
    page: int
    score: float

    @property
    def evidence(self) -> Evidence:
        """The quote as evidence."""
        return Evidence(quote=self.text, section=self.section, title=self.title, page=self.page)


@cache
def weights(name: str) -> tuple[tuple[str, ...], Any, Any]:
    """Names of features, their weights (shape (names,)) and the constant, of one model.

    The weights are for raw features: what was scaled for the fit is scaled back in the file.
    """
    import numpy as np

    table = json.loads((Path(__file__).parent / "weights.json").read_text(encoding="utf-8"))[name]
    names = tuple(table["weights"])
    return names, np.array([table["weights"][n] for n in names]), float(table["constant"])


def scores(found: Candidates) -> Any:
    """The ranker's score of each candidate, array of shape (candidates,)."""
    names, weight, _ = weights("rank")
    return matrix(found.rows, names) @ weight


def best_quotes(question: str, index: Index, k: int = 1) -> list[Quote]:
    """The ``k`` best quotes for a question, best first, each of another section."""
    return quotes_of(candidates(question, index), index, k)


def quotes_of(found: Candidates, index: Index, k: int = 1) -> list[Quote]:
    """As ``best_quotes``, of candidates that are there already."""
    if not found.at:
        return []
    ranked = dict(zip(found.at, scores(found).tolist(), strict=True))
    chosen: list[Quote] = []
    seen: set[str] = set()
    for at in sorted(ranked, key=lambda i: -ranked[i]):
        unit = index.units[at]
        if unit.section not in seen:
            seen.add(unit.section)
            chosen.append(_quote(at, ranked, found, index))
        if len(chosen) == k:
            break
    return chosen


def _quote(at: int, ranked: Mapping[int, float], found: Candidates, index: Index) -> Quote:
    first, last = grown(at, ranked, index)
    span = index.units[first : last + 1]
    unit = index.units[at]
    return Quote(
        text=joined(span, index.language),
        shown=joined(span, index.language, shown=True),
        focus=_focus(unit, found, index),
        section=unit.section,
        title=unit.title,
        page=span[0].page,
        score=ranked[at],
    )


def onward(shown: str, index: Index) -> Quote | None:
    """What the book says next after a quote, in the same section; None at the section's end."""
    held: dict[str, list[int]] = {}
    for at, unit in enumerate(index.units):
        if unit.text in shown:
            held.setdefault(unit.section, []).append(at)
    if not held:
        return None
    own = max(held.values(), key=lambda places: sum(len(index.units[i].text) for i in places))
    first = last = own[-1] + 1
    size = 0.0
    while last < len(index.units) and (last == first or _joins(last, first, size, index)):
        size += _size(index.units[last], index.language)
        last += 1
    if first == len(index.units) or index.units[first].section != index.units[own[-1]].section:
        return None
    span = index.units[first:last]
    return Quote(
        text=joined(span, index.language),
        shown=joined(span, index.language, shown=True),
        focus="",
        section=span[0].section,
        title=span[0].title,
        page=span[0].page,
        score=0.0,
    )


def grown(at: int, ranked: Mapping[int, float], index: Index) -> tuple[int, int]:
    """First and last unit of the span around a unit: neighbours join, the better first.

    An entry of a glossary stays alone: its neighbours are other terms.
    """
    first = last = at
    if "definition" in index.units[at].roles:
        return first, last
    size = _size(index.units[at], index.language)
    while True:
        near = [i for i in (first - 1, last + 1) if _joins(i, at, size, index)]
        if not near:
            return first, last
        chosen = max(near, key=lambda i: ranked.get(i, _UNWEIGHED) + _ONWARD * (i > last))
        size += _size(index.units[chosen], index.language)
        first, last = min(first, chosen), max(last, chosen)


def _joins(i: int, at: int, size: float, index: Index) -> bool:
    if not 0 <= i < len(index.units) or index.units[i].section != index.units[at].section:
        return False
    if "definition" in index.units[i].roles:
        return False
    return size + _size(index.units[i], index.language) <= LONGEST


def _size(unit: Unit, language: Language) -> float:
    return len(words(unit.text)) / rules(language).sizes.scale


def joined(span: Sequence[Unit], language: Language, *, shown: bool = False) -> str:
    """The text of neighbouring units, as it stands or as it is ``shown``; no sentence twice."""
    parts: list[str] = []
    before: Unit | None = None
    for unit in span:
        text = unit.shown if shown else unit.text
        again = before is not None and _goes_on(before, unit)
        if again:
            text = text.removeprefix(unit.sentences[0]).lstrip()
        if again and text:
            parts[-1] += rules(language).joiner + text
        elif text:
            parts.append(text)
        before = unit
    return "\n\n".join(parts)


def _goes_on(before: Unit, unit: Unit) -> bool:
    """Whether a unit repeats the last sentence of the one before: pieces of one long paragraph."""
    same = unit.sentences[:1] == before.sentences[-1:]
    return bool(unit.sentences) and same and before.passage == unit.passage


def _focus(unit: Unit, found: Candidates, index: Index) -> str:
    """The sentence of a unit that is nearest to the question, in meaning and in rare words."""
    if len(unit.sentences) < 2:
        return unit.sentences[0] if unit.sentences else unit.text
    near = embed(list(unit.sentences)) @ found.vector
    own = [
        lexicon_of(index).cover(found.asked, frozenset(lexicon_of(index).terms_of(s)))
        for s in unit.sentences
    ]
    return unit.sentences[max(range(len(own)), key=lambda i: float(near[i]) + 0.1 * own[i])]
