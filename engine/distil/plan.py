"""What a distillation run is to make: its plan, the passages it reads, and what that will cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from engine.course import SplitPlan, taught_sections
from engine.llm.costs import Estimate, endpoint_minutes, estimate_of
from engine.schema import Document, Level, PairKind, Passage, Section, Value
from engine.text import count_tokens

BOOK_KINDS: tuple[PairKind, ...] = (
    "definition",
    "cause",
    "comparison",
    "procedure",
    "enumeration",
    "fact",
    "summary",
)
"""Kinds that the offline teacher knows, too."""
ALL_KINDS: tuple[PairKind, ...] = (
    *BOOK_KINDS,
    "misconception",
    "numeric",
    "dialogue",
    "unanswerable",
)
Recipe = Literal["grid", "coursegpt"]
"""How an LLM teacher is led: see ``engine.distil.prompted``."""
OF_A_MODEL = ("recipe", "seeds", "judge", "judge_floor")
"""Choices that the extractive teacher knows nothing of: they are no part of its corpus's name."""
CHECKS = 4
"""Calls a knowledge point after it was asked for: two checks, the answer, the answer anew."""
PROMPT_OVERHEAD_TOKENS = 420
CHECK_OVERHEAD_TOKENS = 260
ANSWER_TOKENS_A_POINT = 170
CHECK_TOKENS = 130
_EXPECTED_YIELD = 0.85
"""Share of the points asked for that an estimate takes to pass the gates."""
_START, _TOKENS_A_MINUTE = 0.05, 1.5e6
"""Of the extractive teacher: minutes before it begins, and tokens that it reads in one."""


class DistilPlan(Value):
    """The designer's choices for a corpus.

    ``pairs`` counts all pairs (training, validation and exam); ``sections`` empty means all that
    are taught; ``teacher`` is the kind of teacher: extractive, endpoint or embedded. The rest is
    for a model: ``prompt`` is a wish for its questions, ``recipe`` how it is led, ``seeds`` an
    uploaded pool of example questions (empty: the book's exercises, or ours), ``judge`` whether
    four dimensions are scored, ``judge_floor`` the overall score (1 to 10) below which a point is
    left out, once the judge is audited (0: never).
    """

    pairs: int = Field(default=1600, ge=10, le=200_000)
    kinds: tuple[PairKind, ...] = ALL_KINDS
    sections: tuple[str, ...] = ()
    teacher: str = "extractive"
    prompt: str = ""
    split: SplitPlan = SplitPlan()
    recipe: Recipe = "grid"
    seeds: tuple[str, ...] = Field(default=(), max_length=500)
    judge: bool = True
    judge_floor: int = Field(default=0, ge=0, le=10)

    @property
    def points(self) -> int:
        """Knowledge points that yield so many pairs."""
        if self.teacher == "extractive":
            return self.pairs
        return -(-self.pairs // WORDINGS[self.recipe])

    @property
    def made_from(self) -> dict[str, Any]:
        """What of the plan a corpus depends on, as JSON."""
        unused = set(OF_A_MODEL) if self.teacher == "extractive" else set()
        found = self.model_dump(mode="json", exclude=unused)
        split = found["split"]  # as it was named before, so that corpora keep their names
        return found | {"split": {"recall" if k == "reworded" else k: split[k] for k in split}}


class Gap(Value):
    """One cell of a corpus that a connected teacher is to fill.

    ``section`` is a section or a chapter (empty: all), ``level`` empty means any that suits the
    kind; ``points`` are wanted, each with its wordings.
    """

    section: str = ""
    kind: PairKind = "fact"
    level: Level | Literal[""] = ""
    points: int = Field(default=3, ge=1, le=50)
    teacher: str = "endpoint"


WORDINGS: dict[Recipe, int] = {"grid": 3, "coursegpt": 1}
"""Wordings of a point that are trained; one more is held out."""


class CorpusEstimate(Estimate):
    """What a corpus will take, and how many pairs it will hold at most."""

    pairs: int


def chosen_sections(documents: Sequence[Document], plan: DistilPlan) -> list[Section]:
    """The sections that the run reads, in reading order."""
    wanted = set(plan.sections)
    return [s for s in taught_sections(documents) if not wanted or s.id in wanted]


def chosen_passages(
    documents: Sequence[Document], passages: Sequence[Passage], plan: DistilPlan
) -> dict[str, list[Passage]]:
    """Section id to the passages that an LLM teacher reads of it, in reading order.

    Passages that are too short to ask about are left out, but no taught section is left without.
    """
    found: dict[str, list[Passage]] = {s.id: [] for s in chosen_sections(documents, plan)}
    for passage in passages:
        if passage.section in found:
            found[passage.section].append(passage)
    return {section: _worth_asking(own) for section, own in found.items() if own}


def _worth_asking(own: Sequence[Passage]) -> list[Passage]:
    long = [passage for passage in own if passage.tokens >= _SHORTEST]
    return long or [max(own, key=lambda passage: passage.tokens)]


_SHORTEST = 40
"""Tokens of a passage that is asked about by itself."""


def points_a_call(sections: int, plan: DistilPlan) -> int:
    """Points to ask for in one call: as few as let every section be asked."""
    return min(5, max(1, round(plan.points / max(1, sections))))


def estimate(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    *,
    prices: tuple[float, float] = (0.0, 0.0),
    seconds_a_call: float = 6.0,
    in_flight: int = 8,
) -> CorpusEstimate:
    """Calls, tokens, money and minutes of a run, all passes together.

    Args:
        documents: The books.
        passages: Their passages.
        plan: The designer's choices.
        prices: Money per million prompt and completion tokens.
        seconds_a_call: Measured latency of one call of this size.
        in_flight: Calls at a time that the endpoint is expected to bear.
    """
    if plan.teacher == "extractive":
        size = sum(count_tokens(s.text) for s in chosen_sections(documents, plan))
        costs = estimate_of(0, 0, 0, _START + size / _TOKENS_A_MINUTE)
        return CorpusEstimate(**costs.model_dump(), pairs=plan.pairs)
    own = chosen_passages(documents, passages, plan)
    each = points_a_call(len(own), plan)
    points = round(plan.points / _EXPECTED_YIELD) if own else 0
    asking, checking = -(-points // each), points * (CHECKS + plan.judge)
    sizes = [passage.tokens for some in own.values() for passage in some]
    passage = sum(sizes) / max(1, len(sizes))
    prompt = asking * (passage + PROMPT_OVERHEAD_TOKENS)
    prompt += checking * (passage + CHECK_OVERHEAD_TOKENS)
    completion = points * ANSWER_TOKENS_A_POINT + checking * CHECK_TOKENS
    calls = asking + checking
    minutes = endpoint_minutes(calls, seconds_a_call, in_flight)
    costs = estimate_of(calls, prompt, completion, minutes, prices)
    return CorpusEstimate(**costs.model_dump(), pairs=plan.pairs if own else 0)
