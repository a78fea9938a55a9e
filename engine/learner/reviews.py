"""When a concept should be reviewed: FSRS-6 (Ye, Su & Cao, KDD 2022; package ``fsrs``).

One card a concept. An answer is a review: wrong is «again», right is «good», and a right answer
with a score under 0.8 is «hard». Learning steps of minutes are off (a course is not a flashcard
session) and so is fuzzing: the same events give the same dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.learner.events import Event
from engine.schema import Value

_HARD = 0.8
RETENTION = 0.9
"""A concept is due when the probability of recalling it has fallen to this."""


class Review(Value):
    """When to see a concept again.

    ``due`` in seconds since 1970; ``stability`` in days (recall falls to 0.9 after so long);
    ``recall`` the probability of recalling it now, in [0, 1].
    """

    concept: str
    due: float
    stability: float
    recall: float


def reviews(events: Sequence[Event], now: float) -> list[Review]:
    """The reviews of one learner's concepts from the learner's events, most urgent first."""
    from fsrs import Card, Scheduler

    scheduler = Scheduler(
        desired_retention=RETENTION, learning_steps=(), relearning_steps=(), enable_fuzzing=False
    )
    cards: dict[str, Any] = {}
    for event in sorted(events, key=lambda e: (e.at, e.id)):
        # card_id is given because the package would otherwise sleep to draw one from the clock.
        card = cards.get(event.concept) or Card(card_id=len(cards), due=_moment(event.at))
        cards[event.concept], _ = scheduler.review_card(card, _rating(event), _moment(event.at))
    found = [_review(scheduler, name, card, now) for name, card in cards.items()]
    return sorted(found, key=lambda review: (review.due, review.concept))


def _review(scheduler: Any, concept: str, card: Any, now: float) -> Review:
    return Review(
        concept=concept,
        due=card.due.timestamp(),
        stability=float(card.stability),
        recall=float(scheduler.get_card_retrievability(card, _moment(now))),
    )


def _rating(event: Event) -> Any:
    from fsrs import Rating

    if not event.correct:
        return Rating.Again
    weak = event.score is not None and event.score < _HARD
    return Rating.Hard if weak else Rating.Good


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
