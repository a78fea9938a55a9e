"""What a comparison of lessons will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from engine.align.plan import ALWAYS, ARMS, BY_QUESTION, AlignPlan, Arm
from engine.align.rationales import styles_of, variants_of
from engine.language import DEFAULT
from engine.llm.costs import Estimate, embedded_minutes, endpoint_minutes, estimate_of

_WRITE, _DRAFT = (200, 64), (110, 60)
"""Prompt and answer tokens of a rationale, of a call for questions."""
_EXAMPLE, _ITEM = 110, 70
"""Tokens that are read of an example, once, and of an item with its options after it."""
_READ = 900.0
"""Tokens a second that the built-in base reads on two cores."""
_STUDENT, _ROW = 0.5, 0.012
"""Minutes to make a student ready, and for one row of its lessons in one epoch, on two cores."""
_DPO = 0.5
_SMALLEST = 134_515_008
"""Parameters of the base that the figures above are of."""


def estimate(
    plan: AlignPlan,
    arms: Sequence[Arm] = ARMS,
    *,
    connected: bool = False,
    prices: tuple[float, float] = (0.0, 0.0),
    parameters: int = _SMALLEST,
) -> Estimate:
    """Calls (texts written and items read), tokens, money and minutes of an alignment.

    Args:
        plan: The sizes; a small corpus may fill fewer.
        arms: Which arms; ``ALWAYS`` come along.
        connected: Whether a connected teacher writes the rationales, at ``prices`` per million
            prompt and completion tokens; else the base itself does.
        prices: See ``connected``.
        parameters: The base's; all that is read and trained here grows with them.
    """
    wanted = {*arms, *ALWAYS} - ({"dpo"} if connected else set())
    points, slower = plan.drafts, parameters / _SMALLEST
    questions = points * (plan.questions if BY_QUESTION & wanted else 1)
    styles = len(styles_of(DEFAULT))
    trials = plan.trial_items * len(variants_of(DEFAULT)) if "prompt" in wanted else 0
    again = points * styles * plan.rounds if "dpo" in wanted else 0
    final = points * len(wanted & {"prompt", "dpo"})
    drafts = points if connected and BY_QUESTION & wanted else 0
    scored = (questions * styles if {"one-style", "select", *BY_QUESTION} & wanted else 0) + trials
    scored += again
    written = questions * styles + trials + max(0, again - points * styles) + final
    tests = plan.test * len(wanted)
    calls = written + drafts + scored * plan.preference + tests
    prompt = written * _WRITE[0] + drafts * _DRAFT[0]
    completion = written * _WRITE[1] + drafts * _DRAFT[1] * (plan.questions - 1)
    read = scored * (_EXAMPLE + plan.preference * _ITEM) + tests * _ITEM
    students = (len(wanted) - 1) * (_STUDENT + _ROW * points * plan.epochs)
    minutes = slower * (read / _READ / 60 + students + (_DPO if "dpo" in wanted else 0.0))
    minutes += (
        endpoint_minutes(written + drafts)
        if connected
        else (slower * embedded_minutes(prompt, completion))
    )
    paid = estimate_of(written, prompt, completion, 0.0, prices if connected else (0.0, 0.0))
    found = estimate_of(calls, prompt + read, completion, minutes)
    return found.model_copy(update={"money": paid.money})
