"""What a prompt search will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from engine.llm.costs import Estimate, embedded_minutes, endpoint_minutes, estimate_of
from engine.optimise.coursegpt import ITERATIONS, TOP
from engine.optimise.pools import draw_pools
from engine.optimise.values import OptimisePlan
from engine.schema import Pair, Passage

_JUDGE_WORDS, _JUDGE_ANSWER, _ANSWER = 450, 130, 70
_PROPOSAL = (900, 250)


def estimate(
    pairs: Sequence[Pair],
    passages: Sequence[Passage],
    plan: OptimisePlan,
    *,
    prices: tuple[float, float] = (0.0, 0.0),
    seconds_a_call: float = 3.0,
    in_flight: int = 8,
) -> Estimate:
    """Costs of a search, the report on the exam included.

    Args:
        pairs: All pairs of the course.
        passages: Its passages; two of average size stand in every prompt.
        plan: The designer's choices.
        prices: Money per million prompt and completion tokens.
        seconds_a_call: Latency of one call of an endpoint.
        in_flight: Calls at a time that the endpoint is expected to bear.

    Raises:
        Missing: there are too few pairs.
    """
    exam = sum(len(own) for own in draw_pools(pairs, plan).exam.values())
    answers = plan.budget + 2 * exam
    mean = sum(p.tokens for p in passages) / max(1, len(passages))
    prompt, completion, calls = answers * (2 * mean + 60), answers * float(_ANSWER), answers
    if plan.method != "recombine":
        proposals = ITERATIONS * (TOP + 1) if plan.method == "coursegpt" else plan.budget // 8
        calls += answers + proposals
        prompt += answers * _JUDGE_WORDS + proposals * _PROPOSAL[0]
        completion += answers * _JUDGE_ANSWER + proposals * _PROPOSAL[1]
    if plan.model == "embedded":
        minutes = embedded_minutes(prompt, completion)
    else:
        minutes = endpoint_minutes(calls, seconds_a_call, in_flight)
    return estimate_of(calls, prompt, completion, minutes, prices)
