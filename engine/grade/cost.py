"""What a grading run will take, before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.grade.batch import CLOSED
from engine.grade.heads import FEW
from engine.grade.items import Item, Submission
from engine.grade.rubric import request_for
from engine.grade.scorer import FEWEST
from engine.llm.costs import Estimate, endpoint_minutes, estimate_of
from engine.llm.ledger import Price
from engine.text import count_tokens, language_of

_START = 8.0
"""Seconds until the worker's child has its libraries and the index."""
_TOKEN, _FIT, _FIT_FEW, _GRADE = 0.0008, 15.0, 2.0, 0.008
"""Seconds for a token embedded, for learning with its checks (from 200 graded answers on, and with
fewer), and for an answer graded, on two cores."""
_SAMPLE = 20


class GradeEstimate(Estimate):
    """``answers`` to grade after learning from ``taught``; calls and tokens of the teacher."""

    answers: int
    taught: int


def estimate(
    items: Mapping[str, Item],
    taught: Sequence[Submission],
    todo: Sequence[Submission],
    *,
    connected: bool,
    price: Price | None = None,
    seconds_a_call: float = 3.0,
    in_flight: int = 8,
) -> GradeEstimate:
    """Minutes, calls, tokens and money of grading ``todo`` after learning from ``taught``.

    Args:
        items: By id.
        taught: Answers with a person's grade.
        todo: Answers to grade.
        connected: Whether a teacher model gives the verdicts on rubrics.
        price: Of the teacher.
        seconds_a_call: Latency of one call.
        in_flight: Calls at a time that the endpoint is expected to bear.
    """
    open_ones = [s for s in todo if items[s.item_id].kind not in CLOSED]
    learned = [s for s in taught if items[s.item_id].kind not in CLOSED]
    calls, prompt, completion = _calls(items, open_ones) if connected else (0, 0, 0)
    tokens = sum(map(count_tokens, {s.answer for s in [*learned, *open_ones]}))
    seconds = _START + _TOKEN * tokens + _GRADE * len(open_ones)
    if len(learned) >= FEWEST:
        seconds += _FIT if len(learned) >= FEW else _FIT_FEW
    minutes = seconds / 60 + endpoint_minutes(calls, seconds_a_call, in_flight)
    prices = (price.prompt, price.completion) if price else (0.0, 0.0)
    costs = estimate_of(calls, prompt, completion, minutes, prices)
    return GradeEstimate(**costs.model_dump(), answers=len(todo), taught=len(taught))


def _calls(items: Mapping[str, Item], answers: Sequence[Submission]) -> tuple[int, int, int]:
    """Calls, prompt and completion tokens, from the first answers; equal answers are asked once."""
    marked = [s for s in answers if items[s.item_id].kind == "rubric" and items[s.item_id].rubric]
    some = list({(s.item_id, s.answer): s for s in marked}.values())
    if not some:
        return 0, 0, 0
    shown, words = some[:_SAMPLE], 0.0
    for s in shown:
        item = items[s.item_id]
        request = request_for(item, s, language_of(item.question))
        words += sum(count_tokens(message.content) for message in request.messages)
    criteria = sum(len(items[s.item_id].rubric) for s in some)
    return len(some), round(words / len(shown) * len(some)), 45 * criteria
