"""What a comparison of explanations will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from engine.align.plan import ALWAYS, ARMS, AlignPlan, Arm
from engine.align.rationales import STYLES, VARIANTS
from engine.llm.costs import Estimate, embedded_minutes, endpoint_minutes, estimate_of

_WRITE, _SCORE, _TEST = (180, 64), (330, 25), (110, 60)
"""Prompt and answer tokens of a rationale, of a one-shot trial, of a test item."""
_STUDENT, _ROW = 0.4, 0.012
"""Minutes to make a student ready, and for one row of its lessons in one epoch, on two cores."""
_DPO = 0.5


def estimate(
    plan: AlignPlan,
    arms: Sequence[Arm] = ARMS,
    *,
    connected: bool = False,
    prices: tuple[float, float] = (0.0, 0.0),
) -> Estimate:
    """Calls, tokens, money and minutes of an alignment.

    Args:
        plan: The sizes; a small corpus may fill fewer.
        arms: Which arms; ``ALWAYS`` come along.
        connected: Whether a connected teacher writes the rationales, at ``prices`` per million
            prompt and completion tokens; else the built-in model does.
        prices: See ``connected``.
    """
    wanted = {*arms, *ALWAYS} - ({"dpo"} if connected else set())
    styled = plan.drafts * len(STYLES)
    trials = plan.trial_items * len(VARIANTS) if "prompt" in wanted else 0
    again = styled * (plan.rounds - 1) if "dpo" in wanted else 0
    final = plan.drafts * len(wanted & {"prompt", "dpo"})
    scored = (styled if wanted - {*ALWAYS, "prompt"} else 0) + trials + again
    written, scores, tests = styled + trials + again + final, scored * plan.preference, 0
    tests = plan.test * len(wanted)
    calls = written + scores + tests
    parts = ((written, _WRITE), (scores, _SCORE), (tests, _TEST))
    prompt = sum(n * size[0] for n, size in parts)
    completion = sum(n * size[1] for n, size in parts)
    students = (len(wanted) - 1) * (_STUDENT + _ROW * plan.drafts * plan.epochs)
    minutes = students + (_DPO * plan.rounds if "dpo" in wanted else 0.0)
    if not connected:
        minutes += embedded_minutes(prompt, completion)
        return estimate_of(calls, prompt, completion, minutes)
    own = written * _WRITE[0], written * _WRITE[1]
    minutes += embedded_minutes(prompt - own[0], completion - own[1]) + endpoint_minutes(written)
    paid = estimate_of(written, *own, 0.0, prices)
    return estimate_of(calls, prompt, completion, minutes).model_copy(update={"money": paid.money})
