"""Lets a question pass once: compared by words, spelling, embedding, and answers by their quote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.distil.prompted.values import Proposal
from engine.duplicates import SAME, similar
from engine.embeddings import embed
from engine.text import words

ALIKE = 0.975
"""Cosine of two questions, and of their answers, from which on they count as one point.

Both have to be alike: e5 puts «What is a list?» near «What is a tuple?», but not their answers.
"""
SAME_FACT = 0.8
"""Likeness of two answers from one quote, from which on they say the same.

So much lower than that of two questions, because both are known to follow from that quote: they
cannot be at odds. It is what merges two teachers who ask for one fact in different words.
"""
_LOOKED_AT = 5


class Repeats:
    """What was asked and answered so far. Questions with other numbers are other questions."""

    def __init__(self) -> None:
        self._questions: dict[str, str] = {}
        self._answers: dict[str, str] = {}
        self._kept: list[Proposal] = []
        self._quoted: dict[str, list[Proposal]] = {}
        self._vectors: list[Any] = []

    def know(self, proposals: Sequence[Proposal]) -> None:
        """Remember what earlier runs made, whether or not it repeats something."""
        if not proposals:
            return
        questions = embed([c.questions[0] for c in proposals])
        answers = embed([c.answer for c in proposals])
        for proposal, *vectors in zip(proposals, questions, answers, strict=True):
            self._remember(proposal, (vectors[0], vectors[1]))

    def asked(self, proposal: Proposal) -> str:
        """The question that this one repeats in its words, or an empty string."""
        from rapidfuzz import fuzz, process

        for question in _texts(proposal):
            if found := self._questions.get(question):
                return found
            near = process.extract(
                question,
                list(self._questions),
                scorer=fuzz.token_sort_ratio,
                score_cutoff=100 * SAME,
            )
            for known, *_ in near:
                if _numbers(known) == _numbers(question):
                    return self._questions[known]
        return ""

    def admit(self, proposals: Sequence[Proposal]) -> list[str]:
        """For each proposal the question it repeats, or an empty string: then it is remembered."""
        if not proposals:
            return []
        questions = embed([c.questions[0] for c in proposals])
        answers = embed([c.answer for c in proposals])
        return [
            self._admit(proposal, (questions[i], answers[i]))
            for i, proposal in enumerate(proposals)
        ]

    def _admit(self, proposal: Proposal, vectors: tuple[Any, Any]) -> str:
        answer = " ".join(words(proposal.answer))
        first = (
            self.asked(proposal)
            or self._answers.get(answer)
            or self._same_fact(proposal)
            or self._alike(proposal, vectors)
        )
        if not first:
            self._remember(proposal, vectors)
        return first

    def _remember(self, proposal: Proposal, vectors: tuple[Any, Any]) -> None:
        for quote in _quotes(proposal):
            self._quoted.setdefault(quote, []).append(proposal)
        self._answers[" ".join(words(proposal.answer))] = proposal.questions[0]
        self._questions |= dict.fromkeys(_texts(proposal), proposal.questions[0])
        self._kept.append(proposal)
        self._vectors.append(vectors)

    def _same_fact(self, proposal: Proposal) -> str:
        """A kept question whose answer says nearly the same from the same quote."""
        for quote in _quotes(proposal):
            for kept in self._quoted.get(quote, ()):
                same = similar(kept.answer, proposal.answer) >= SAME_FACT
                if same and _numbers(kept.answer) == _numbers(proposal.answer):
                    return kept.questions[0]
        return ""

    def _alike(self, proposal: Proposal, vectors: tuple[Any, Any]) -> str:
        """A kept question whose meaning and answer are nearly these."""
        import numpy as np

        if not self._vectors:
            return ""
        asked = np.stack([q for q, _ in self._vectors]) @ vectors[0]
        said = np.stack([a for _, a in self._vectors]) @ vectors[1]
        both = np.minimum(asked, said)
        for i in np.argsort(-both)[:_LOOKED_AT]:
            kept = self._kept[int(i)]
            if both[i] >= ALIKE and _numbers(kept.questions[0]) == _numbers(proposal.questions[0]):
                return kept.questions[0]
        return ""


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def _quotes(proposal: Proposal) -> list[str]:
    return [" ".join(words(quote)) for quote in proposal.cited]


def _texts(proposal: Proposal) -> list[str]:
    """A proposal's questions as they are compared: plain words, with the talk before them."""
    talk = [turn.question for turn in proposal.turns]
    return [" ".join(words(" ".join([*talk, q]))) for q in proposal.questions]
