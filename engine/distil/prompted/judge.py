"""A judge on CourseGPT-zh's four dimensions, and its audit against the designer's own ratings.

The paper (arXiv 2405.04781, section 4) has the judge compare with a human answer; ours compares
with the passage. Scores are kept with every pair and shown; they take nothing out until people
have rated enough pairs to see that the judge rates as they do (Cohen's kappa).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.corpus import by_person, judged
from engine.distil.prompted.values import Proposal
from engine.judge import interval
from engine.language import table
from engine.llm import Request, user
from engine.schema import Figure, Language, Pair, Value

DIMENSIONS = ("factual_accuracy", "user_satisfaction", "clarity", "condensability", "overall")
ENOUGH = 20
"""Ratings by people below which the judge filters nothing."""
AGREED = 0.4
"""Kappa from which on it may: «moderate» agreement (Landis & Koch, 1977)."""
GOOD = 6
"""Overall score from which on the judge counts as having called a pair good."""
_SCALE = {"type": "integer", "minimum": 1, "maximum": 10}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"shortcomings": {"type": "string"}} | dict.fromkeys(DIMENSIONS, _SCALE),
    "required": ["shortcomings", *DIMENSIONS],
    "additionalProperties": False,
}


def judge_request(proposal: Proposal, language: Language) -> Request:
    """The call that scores an answer by its source."""
    texts = table(language, "distil")
    question = texts["judge"].format(
        passage=proposal.text, question=proposal.questions[0], answer=proposal.answer
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=SCHEMA,
        max_tokens=400,
        purpose="judge",
    )


def scores_of(data: dict[str, Any]) -> dict[str, float]:
    """The scores of an answer to ``judge_request``, by dimension, 1 to 10."""
    return {name: float(data[name]) for name in DIMENSIONS}


class Audit(Value):
    """How the judge's verdicts agree with people's on the pairs that both have rated.

    A person calls a pair good by accepting it as it is, bad by rejecting or rewording it; the
    judge by its overall score (``GOOD``). ``agreement`` is the share of equal verdicts, ``kappa``
    what of it is beyond chance.
    """

    n: int
    agreement: Figure
    kappa: float

    @property
    def may_filter(self) -> bool:
        """Whether enough ratings agree well enough for the judge to take pairs out."""
        return self.n >= ENOUGH and self.kappa >= AGREED


def audit(pairs: Sequence[Pair]) -> Audit:
    """The judge beside the designer, one rating a knowledge point."""
    rated = {p.point: p for p in pairs if "overall" in p.scores and judged(p)}.values()
    people = [not by_person(pair) and not pair.edited for pair in rated]
    model = [pair.scores["overall"] >= GOOD for pair in rated]
    same = [float(a == b) for a, b in zip(people, model, strict=True)]
    return Audit(n=len(same), agreement=interval(same), kappa=_kappa(people, model))


def _kappa(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Cohen's kappa; 0 where chance alone would agree always."""
    n = len(one)
    if not n:
        return 0.0
    seen = sum(a == b for a, b in zip(one, other, strict=True)) / n
    p, q = sum(one) / n, sum(other) / n
    chance = p * q + (1 - p) * (1 - q)
    return (seen - chance) / (1 - chance) if chance < 1 else 0.0
