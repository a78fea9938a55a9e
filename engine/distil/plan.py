"""What a distillation run is to make: its plan, the passages it reads, and what that will cost."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from engine.course import SplitPlan, taught_sections
from engine.llm.costs import Estimate, endpoint_minutes, estimate_of
from engine.schema import Document, PairKind, Passage, Section, Value
from engine.text import count_tokens

ALL_KINDS: tuple[PairKind, ...] = (
    "definition",
    "cause",
    "comparison",
    "procedure",
    "enumeration",
    "fact",
    "summary",
)
WORDINGS_A_POINT = 4
PROMPT_OVERHEAD_TOKENS = 420
ANSWER_TOKENS_A_POINT = 170
_START, _TOKENS_A_MINUTE = 0.05, 1.5e6
"""Of the extractive teacher: minutes before it begins, and tokens that it reads in one."""


class DistilPlan(Value):
    """The designer's choices for a corpus.

    ``pairs`` counts all pairs (training, validation and exam); ``sections`` empty means all that
    are taught; ``teacher`` is the kind of teacher: extractive, endpoint or embedded.
    """

    pairs: int = Field(default=1600, ge=10, le=200_000)
    kinds: tuple[PairKind, ...] = ALL_KINDS
    sections: tuple[str, ...] = ()
    teacher: str = "extractive"
    prompt: str = ""
    split: SplitPlan = SplitPlan()

    @property
    def points(self) -> int:
        """Knowledge points that yield so many pairs."""
        return -(-self.pairs // WORDINGS_A_POINT) if self.teacher != "extractive" else self.pairs


class CorpusEstimate(Estimate):
    """What a corpus will take, and how many pairs it will hold at most."""

    pairs: int


def chosen_sections(documents: Sequence[Document], plan: DistilPlan) -> list[Section]:
    """The sections that the run reads, in reading order."""
    wanted = set(plan.sections)
    return [s for s in taught_sections(documents) if not wanted or s.id in wanted]


def chosen_passages(
    documents: Sequence[Document], passages: Sequence[Passage], plan: DistilPlan
) -> list[Passage]:
    """The passages that an LLM teacher reads, spread over the sections round by round."""
    order = {section.id: i for i, section in enumerate(chosen_sections(documents, plan))}
    rounds: dict[str, int] = {}
    ranked = []
    for passage in passages:
        if passage.section in order and passage.tokens >= 40:
            rounds[passage.section] = rounds.get(passage.section, 0) + 1
            ranked.append((rounds[passage.section], order[passage.section], passage))
    return [passage for _, _, passage in sorted(ranked, key=lambda row: row[:2])]


def points_a_passage(passages: Sequence[Passage], plan: DistilPlan) -> tuple[int, int]:
    """``(passages to ask, points to ask of each)`` that yield the plan's pairs."""
    if not passages:
        return 0, 0
    each = min(5, max(2, -(-plan.points // len(passages))))
    return min(len(passages), -(-plan.points // each)), each


def estimate(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    *,
    prices: tuple[float, float] = (0.0, 0.0),
    seconds_a_call: float = 6.0,
    in_flight: int = 8,
) -> CorpusEstimate:
    """Calls, tokens, money and minutes of a run.

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
        costs, pairs = estimate_of(0, 0, 0, _START + size / _TOKENS_A_MINUTE), plan.pairs
    else:
        chosen = chosen_passages(documents, passages, plan)
        calls, each = points_a_passage(chosen, plan)
        prompt = sum(p.tokens + PROMPT_OVERHEAD_TOKENS for p in chosen[:calls])
        completion = calls * each * ANSWER_TOKENS_A_POINT
        minutes = endpoint_minutes(calls, seconds_a_call, in_flight)
        costs = estimate_of(calls, prompt, completion, minutes, prices)
        pairs = min(plan.pairs, calls * each * WORDINGS_A_POINT)
    return CorpusEstimate(**costs.model_dump(), pairs=pairs)
