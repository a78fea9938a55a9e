"""What becomes of the old corpus when a new one is made: what people judged stays."""

from __future__ import annotations

from collections.abc import Sequence

from engine.schema import Pair
from engine.text import words

PERSON = "person"
"""``Pair.rejected_by`` of a pair that a person rejected."""


def by_person(pair: Pair) -> bool:
    """Whether a person rejected the pair.

    Stores from before ``rejected_by`` tell only by the score that the gate of that time left.
    """
    if pair.status != "rejected":
        return False
    return pair.rejected_by == PERSON or (
        not pair.rejected_by and "near_duplicate" not in pair.scores
    )


def judged(pair: Pair) -> bool:
    """Whether a person accepted, edited or rejected the pair, or uploaded it."""
    return pair.reviewed or pair.edited or pair.status == "accepted" or by_person(pair)


def merge(
    old: Sequence[Pair], made: Sequence[Pair], *, same_plan: bool
) -> tuple[list[Pair], list[str]]:
    """The pairs that were made, with what people judged before in their places.

    A kept pair that was made again takes its split from the new plan. What gates rejected is open
    again (accepted where a person had accepted it): the guard has to look at the whole anew.

    Args:
        old: The corpus in use.
        made: The pairs of the new run.
        same_plan: All old pairs stay, not only the judged ones.

    Returns:
        The new corpus in its order, and the ids of made pairs that were left out because a kept
        pair of the same split asks the same.
    """
    kept = {pair.id: _reopened(pair) for pair in old if same_plan or judged(pair)}
    fresh = {pair.id for pair in made} - set(kept)
    asked = {_question(pair) for pair in kept.values() if pair.status != "rejected"}
    again = [pair.id for pair in made if pair.id in fresh and _question(pair) in asked]
    left_out = set(again)
    found = [_placed(kept.pop(pair.id, None), pair) for pair in made if pair.id not in left_out]
    return [*found, *kept.values()], again


def _placed(kept: Pair | None, made: Pair) -> Pair:
    if kept is None:
        return made
    return kept.model_copy(update={"split": made.split, "part": made.part})


def _reopened(pair: Pair) -> Pair:
    if pair.status != "rejected":
        return pair
    if by_person(pair):
        return pair.model_copy(update={"rejected_by": PERSON})
    status = "accepted" if judged(pair) else "proposed"
    return pair.model_copy(update={"status": status, "rejected_by": ""})


def _question(pair: Pair) -> tuple[str, str]:
    return pair.split, " ".join(words(pair.question))
