"""Judging an answer against its reference, and the intervals that every figure carries.

The reference judge needs no language model: token F1 (Rajpurkar et al., SQuAD, 2016), ROUGE-L (Lin,
2004), the cosine of e5 embeddings, and the length ratio. Words are lower-cased; Chinese counts by
characters, because the usual ROUGE tokenizer deletes every Chinese character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from engine.embeddings import embed
from engine.schema import Figure, Value
from engine.text import words

_RESAMPLES = 2000
_ARTICLES = frozenset({"a", "an", "the"})


class Scores(Value):
    """Scores of one answer: the first three in [0, 1]; ``length`` is words over reference words."""

    f1: float
    rouge_l: float
    cosine: float
    length: float


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and recall of the reference's words; articles do not count."""
    mine, theirs = _content(answer), _content(reference)
    common = sum((Counter(mine) & Counter(theirs)).values())
    if not common:
        return float(mine == theirs)
    precision, recall = common / len(mine), common / len(theirs)
    return 2 * precision * recall / (precision + recall)


def _content(text: str) -> list[str]:
    return [word for word in words(text) if word not in _ARTICLES]


def rouge_l(answer: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words."""
    from rapidfuzz.distance import LCSseq

    mine, theirs = words(answer), words(reference)
    if not mine or not theirs:
        return float(mine == theirs)
    common = LCSseq.similarity(mine, theirs)
    return 2 * common / (len(mine) + len(theirs))


def judge_by_reference(answers: Sequence[str], references: Sequence[str]) -> list[Scores]:
    """Scores of each answer against its reference."""
    texts = list(dict.fromkeys([*(a or " " for a in answers), *references]))
    vectors = dict(zip(texts, embed(texts), strict=True))  # many answers share one reference
    cosines = [
        vectors[answer or " "] @ vectors[reference]
        for answer, reference in zip(answers, references, strict=True)
    ]
    return [
        Scores(
            f1=token_f1(answer, reference),
            rouge_l=rouge_l(answer, reference),
            cosine=max(0.0, float(cosine)),
            length=len(words(answer)) / max(1, len(words(reference))),
        )
        for answer, reference, cosine in zip(answers, references, cosines, strict=True)
    ]


def interval(values: Sequence[float], seed: int = 0) -> Figure:
    """The mean with its 95 % bootstrap interval (percentile, 2,000 resamples, fixed seed)."""
    import numpy as np

    if not len(values):
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    data: Any = np.asarray(values, dtype=float)
    random = np.random.default_rng(seed)
    means = data[random.integers(0, len(data), (_RESAMPLES, len(data)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(value=float(data.mean()), low=float(low), high=float(high), n=len(data))


def paired(mine: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Figure:
    """The mean difference ``mine - theirs`` over the same questions, with its interval."""
    return interval([a - b for a, b in zip(mine, theirs, strict=True)], seed)
