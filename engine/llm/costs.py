"""Calls, tokens, money and minutes of a step, before it starts."""

from __future__ import annotations

from engine.schema import Value

EMBEDDED_PROMPT, EMBEDDED_ANSWER = 1500.0, 350.0
"""Tokens a second read and written by the embedded model on two cores (see tests/bench)."""


class Estimate(Value):
    """Calls, tokens, money and minutes, the last two as (low, likely, high)."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: tuple[float, float, float]
    minutes: tuple[float, float, float]


def embedded_minutes(prompt: float, completion: float) -> float:
    """Minutes that the embedded model takes for so many tokens, many requests at a time."""
    return (prompt / EMBEDDED_PROMPT + completion / EMBEDDED_ANSWER) / 60


def endpoint_minutes(calls: int, seconds_a_call: float = 3.0, in_flight: int = 8) -> float:
    """Minutes that an endpoint takes for so many calls, ``in_flight`` at a time."""
    return calls * seconds_a_call / max(1, in_flight) / 60


def estimate_of(
    calls: int,
    prompt: float,
    completion: float,
    minutes: float,
    prices: tuple[float, float] = (0.0, 0.0),
) -> Estimate:
    """The estimate with its spread; ``prices`` are per million prompt and completion tokens."""
    money = (prompt * prices[0] + completion * prices[1]) / 1e6
    return Estimate(
        calls=calls,
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        money=(0.6 * money, money, 1.6 * money),
        minutes=(0.6 * minutes, minutes, 2.0 * minutes),
    )
