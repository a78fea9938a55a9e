"""What a corpus will cost before it is made: calls, tokens and money of each model asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from engine.distil.plan import DistilPlan, chosen_passages, chosen_sections, points_a_call
from engine.llm.costs import Estimate, endpoint_minutes, estimate_of
from engine.schema import Document, Passage, Value
from engine.text import count_tokens

Role = Literal["teacher", "second", "checker", "judge"]
"""``teacher`` asks, answers and rewords, ``second`` asks, too, ``checker`` holds what was written
against the source and answers anew, ``judge`` scores."""
CHECKS = 3
"""Calls a point that the checker gets: the questions, the answer anew, the answer."""
PROMPT_OVERHEAD_TOKENS = 420
CHECK_OVERHEAD_TOKENS = 260
ANSWER_TOKENS_A_POINT = 170
CHECK_TOKENS = 130
REWORD_TOKENS = 60
_PAPER_EACH = 5
"""Questions that a call of CourseGPT-zh's recipe asks for."""
_EXPECTED_YIELD, _MERGED_YIELD = 0.85, 0.5
"""Share of the points asked for that an estimate takes to pass the gates: of one teacher, and of
two that read the same paragraphs, who often ask the same (scripted ones: .42, see
``tests/bench/teacher``)."""
_REWORDED_YIELD = 0.6
_START, _TOKENS_A_MINUTE = 0.05, 1.5e6
"""Of the extractive teacher: minutes before it begins, and tokens that it reads in one."""


class Share(Value):
    """What one role takes of a run; ``money`` is the likely sum."""

    role: Role
    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float


class CorpusEstimate(Estimate):
    """What a corpus will take, by role too, and how many pairs it will hold at most."""

    pairs: int
    shares: tuple[Share, ...] = ()


def estimate(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    *,
    prices: Mapping[Role, tuple[float, float]] | None = None,
    second: bool = False,
    seconds_a_call: float = 6.0,
    in_flight: int = 8,
) -> CorpusEstimate:
    """Calls, tokens, money and minutes of a run, all passes together.

    Args:
        documents: The books.
        passages: Their passages.
        plan: The designer's choices.
        prices: Of each role: money per million prompt and completion tokens; nothing where it is
            not named.
        second: Whether a second teacher asks beside the first.
        seconds_a_call: Measured latency of one call of this size.
        in_flight: Calls at a time that the endpoint is expected to bear.
    """
    if plan.teacher == "extractive":
        size = sum(count_tokens(s.text) for s in chosen_sections(documents, plan))
        costs = estimate_of(0, 0, 0, _START + size / _TOKENS_A_MINUTE)
        return CorpusEstimate(**costs.model_dump(), pairs=plan.pairs)
    own = chosen_passages(documents, passages, plan)
    sizes = [passage.tokens for some in own.values() for passage in some]
    shares = _shares(plan, len(own), sum(sizes) / max(1, len(sizes)), second, prices or {})
    calls = sum(share.calls for share in shares)
    minutes = endpoint_minutes(calls, seconds_a_call, in_flight)
    prompt = sum(share.prompt_tokens for share in shares)
    completion = sum(share.completion_tokens for share in shares)
    costs = estimate_of(calls, prompt, completion, minutes)
    money = sum(share.money for share in shares)
    return CorpusEstimate(
        **costs.model_dump() | {"money": (0.6 * money, money, 1.6 * money)},
        pairs=plan.pairs if own else 0,
        shares=shares,
    )


def _shares(
    plan: DistilPlan,
    sections: int,
    passage: float,
    second: bool,
    prices: Mapping[Role, tuple[float, float]],
) -> tuple[Share, ...]:
    """What each role takes; ``passage`` is the mean size of a passage in tokens."""
    expected = _MERGED_YIELD if second else _EXPECTED_YIELD
    points = round(plan.points / expected) if sections else 0
    each = _PAPER_EACH if plan.recipe == "coursegpt" else points_a_call(sections, plan)
    asking = -(-points // each)
    first = asking - asking // 2 if second else asking
    reworded = round(plan.reworded / _REWORDED_YIELD) if sections else 0
    check = passage + CHECK_OVERHEAD_TOKENS
    ask = passage + PROMPT_OVERHEAD_TOKENS
    asked = ANSWER_TOKENS_A_POINT * each

    def share(role: Role, *work: tuple[int, float, float]) -> Share:
        """By lots of calls with the tokens that one call reads and writes."""
        reads = sum(calls * prompt for calls, prompt, _ in work)
        writes = sum(calls * completion for calls, _, completion in work)
        price = prices.get(role, (0.0, 0.0))
        return Share(
            role=role,
            calls=sum(calls for calls, *_ in work),
            prompt_tokens=round(reads),
            completion_tokens=round(writes),
            money=(reads * price[0] + writes * price[1]) / 1e6,
        )

    teacher = ((first, ask, asked), (points, check, CHECK_TOKENS), (reworded, check, REWORD_TOKENS))
    checker = ((CHECKS * points, check, CHECK_TOKENS), (reworded, check, REWORD_TOKENS))
    found = (
        share("teacher", *teacher),
        share("second", (asking - first, ask, asked)),
        share("checker", *checker),
        share("judge", (points if plan.judge else 0, check, CHECK_TOKENS)),
    )
    return tuple(each for each in found if each.calls)
