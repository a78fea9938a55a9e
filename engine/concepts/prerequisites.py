"""Scores in [0, 1] for «B is a prerequisite of A», from the names alone or with a corpus.

Names: logit = w0 + w1 cos(A, B) + w2 words(B) + w3 [log(1+in(B)) - log(1+in(A))], where cos is
that of e5 embeddings and in(X) the number of other names in the list that hold all words of X
(«algebra» is in «linear algebra»): prerequisites are near, short and general. The weights are a
logistic regression (classes balanced) on the 1,336 pairs of RefD (Liang, Wu, Huang & Giles,
«Measuring Prerequisite Relations Among Concepts», EMNLP 2015); ``tests/bench/learner.py`` fits
them on one of its two domains and measures on the other.

Corpus: two terms join the logit where both concepts occur in it. RefD itself, with sections in
the place of Wikipedia's pages: the share of the sections about A that mention B, less the share of
those about B that mention A; and the order of first mention (B before A: +1, after: -1). Their
weights are set by hand, since no labelled course with its book is at hand to fit them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import exp, log1p
from pathlib import Path
from typing import NamedTuple

from engine.documents.tables import read_table
from engine.embeddings import embed
from engine.errors import BadInput
from engine.language import rules
from engine.schema import Document, Language
from engine.text import language_of, search_terms

_BRACKETS = re.compile(r"\s*[(（][^)）]*[)）]")
_HEADS = {("concept", "prerequisite"), ("a", "b"), ("source", "target")}


class Weights(NamedTuple):
    """Intercept and weights of cosine, words of B, and difference of containment."""

    base: float
    cosine: float
    words: float
    contains: float


WEIGHTS = Weights(-21.495, 25.073, -0.593, 0.925)
REFERENCES, ORDER = 1.5, 0.5
"""Weights of the corpus terms, in units of the logit."""


class PairFile(NamedTuple):
    """Rows of a pairs file: ``head`` is empty where the file has no heading."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(A, B) of each row: is B a prerequisite of A?"""
        return [(row[0].strip(), row[1].strip()) for row in self.rows]


def read_pairs(path: Path) -> PairFile:
    """Read tab-separated pairs: concept, then its supposed prerequisite; more columns are kept.

    Raises:
        BadInput: ``pairs.empty`` or ``pairs.row`` (under two columns).
    """
    text = read_table(path)
    lines = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    rows = [(number, tuple(row)) for number, row in enumerate(lines, 1) if any(map(str.strip, row))]
    for number, row in rows:
        if len(row) < 2 or not row[0].strip() or not row[1].strip():
            raise BadInput(
                f"Line {number} of {path.name} does not name two concepts.",
                code="pairs.row",
                next="Write one pair a line: concept, tab, its prerequisite.",
                file=path.name,
                line=number,
            )
    has_head = bool(rows) and tuple(c.strip().lower() for c in rows[0][1][:2]) in _HEADS
    head, body = (rows[0][1], rows[1:]) if has_head else ((), rows)
    if not body:
        raise BadInput(
            f"{path.name} has no pairs.",
            code="pairs.empty",
            next="Write one pair a line: concept, tab, its prerequisite.",
            file=path.name,
        )
    return PairFile(head, tuple(row for _, row in body))


def render_scores(file: PairFile, scores: Sequence[float]) -> str:
    """The file's rows in their order with a last column ``score``."""
    lines = ["\t".join((*file.head, "score"))] if file.head else []
    lines += [
        "\t".join((*row, f"{score:.6f}")) for row, score in zip(file.rows, scores, strict=True)
    ]
    return "\n".join(lines) + "\n"


def score_pairs(
    pairs: Sequence[tuple[str, str]],
    corpus: Sequence[Document] = (),
    weights: Weights = WEIGHTS,
) -> list[float]:
    """Score each pair (A, B); deterministic, and independent of the order of the pairs."""
    if not pairs:
        return []
    logits = [_dot(weights, row) for row in name_features(pairs)]
    if corpus:
        book = Mentions(corpus, {name for pair in pairs for name in pair})
        logits = [x + book.logit(a, b) for x, (a, b) in zip(logits, pairs, strict=True)]
    return [1 / (1 + exp(-x)) for x in logits]


def name_features(
    pairs: Sequence[tuple[str, str]], vocabulary: Iterable[str] = ()
) -> list[tuple[float, float, float]]:
    """Cosine, words of B, difference of containment for each pair; see the module's docstring.

    ``vocabulary`` are further names of the same course, which make containment better known.
    """
    names = sorted({name for pair in pairs for name in pair} | set(vocabulary))
    vectors = dict(zip(names, embed([_plain(name) for name in names]), strict=True))
    terms = {name: frozenset(terms_of(name)) for name in names}
    held = {n: log1p(sum(terms[n] < other for other in terms.values())) for n in names}
    return [
        (float(vectors[a] @ vectors[b]), float(len(terms[b])), held[b] - held[a]) for a, b in pairs
    ]


def _dot(weights: Weights, row: Sequence[float]) -> float:
    return weights.base + sum(w * x for w, x in zip(weights[1:], row, strict=True))


def _plain(name: str) -> str:
    return _BRACKETS.sub("", name) or name


def terms_of(name: str, language: Language = "") -> list[str]:
    """The stems of a concept's name, without what stands in brackets."""
    return search_terms(_plain(name), language) or [name.lower()]


class Mentions:
    """Which sections of a corpus mention which concepts, and how often.

    ``counts[name][i]`` is the number of mentions in section ``i`` (all books in reading order).
    """

    def __init__(self, documents: Sequence[Document], names: Iterable[str]) -> None:
        self.language = documents[0].language if documents else ""
        self.sections = [s for document in documents for s in document.sections]
        self._texts = [f"{s.title}\n{s.text}" for s in self.sections]
        self.counts = {name: self._count(name) for name in sorted(names)}

    @cached_property
    def _stems(self) -> list[str]:
        return [f" {' '.join(search_terms(text, self.language))} " for text in self._texts]

    @cached_property
    def _lowered(self) -> list[str]:
        return [text.lower() for text in self._texts]

    def _count(self, name: str) -> dict[int, int]:
        # One Chinese character is often part of another word (图 in 下图): match jieba's words.
        written = not rules(language_of(name)).spaced and len(_plain(name)) > 1
        wanted = f" {' '.join(terms_of(name, self.language))} "
        wanted = _plain(name).lower() if written else wanted
        texts = self._lowered if written else self._stems
        return {i: n for i, text in enumerate(texts) if (n := text.count(wanted))}

    def first(self, name: str) -> int | None:
        """Number of the first section that mentions the concept, or none."""
        return min(self.counts[name], default=None)

    def refd(self, a: str, b: str) -> float:
        """Reference distance in [-1, 1]: sections about A that mention B, less the reverse."""
        return self._share(a, b) - self._share(b, a)

    def _share(self, about: str, other: str) -> float:
        """Share of the mentions of ``about`` that lie in sections which mention ``other``."""
        total = sum(self.counts[about].values())
        shared = sum(n for i, n in self.counts[about].items() if i in self.counts[other])
        return shared / total if total else 0.0

    def logit(self, a: str, b: str) -> float:
        """What the corpus adds to the logit of «B is a prerequisite of A»."""
        first_a, first_b = self.first(a), self.first(b)
        if first_a is None or first_b is None:
            return 0.0
        order = (first_b < first_a) - (first_b > first_a)
        return REFERENCES * self.refd(a, b) + ORDER * order
