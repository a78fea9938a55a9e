"""A person's review of the corpus: accept, edit, reject, each under the exam's guard."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.corpus.guard import held_back, marked
from engine.corpus.merge import PERSON
from engine.errors import Missing
from engine.schema import Pair, Value
from engine.store import Store


class Reviewed(Value):
    """What a review did.

    ``changed`` counts the pairs that a person changed; ``held_back`` maps the id of every pair that
    the guard rejected because of it to the gate (see ``guard.Gate``): the changed pairs themselves
    or, where an exam question changed, pairs of training.
    """

    changed: int
    held_back: dict[str, str]


def revise(store: Store, course: str, revised: Sequence[Pair]) -> Reviewed:
    """Save a person's question, answer and status of some pairs; one ``undo`` takes it all back.

    Args:
        store: Where the pairs lie.
        course: The course's id.
        revised: Copies of stored pairs with another ``question``, ``answer`` or ``status``.

    Raises:
        Missing: a pair is gone, because the corpus was made anew meanwhile.
    """
    pairs = store.pairs(course)
    before = {pair.id: pair for pair in pairs}
    if any(pair.id not in before for pair in revised):
        raise Missing(
            "The corpus was made anew meanwhile; this pair is not in it any more.",
            code="review.gone",
            next="Load the page again.",
        )
    after = {pair.id: _by_person(before[pair.id], pair) for pair in revised}
    whole = [after.get(pair.id, pair) for pair in pairs]
    found = held_back(whole, [name for name, pair in after.items() if _moved(before[name], pair)])
    batch = [pair for pair in marked(whole, found) if pair.id in after or pair.id in found]
    store.revise_pairs(course, batch, batch=f"{time.time():.6f}")
    return Reviewed(changed=len(after), held_back=dict(found))


def _by_person(old: Pair, new: Pair) -> Pair:
    return old.model_copy(
        update={
            "question": new.question,
            "answer": new.answer,
            "status": new.status,
            "rejected_by": PERSON if new.status == "rejected" else "",
            "reviewed": True,
            "edited": old.edited or (new.question, new.answer) != (old.question, old.answer),
        }
    )


def _moved(old: Pair, new: Pair) -> bool:
    """Whether a pair may now be at odds with others: other words, or in use again."""
    return old.status == "rejected" or (new.question, new.answer) != (old.question, old.answer)
