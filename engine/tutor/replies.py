"""Marking what a learner wrote in a conversation against the course's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.grade import Grade, Item, Submission, grade
from engine.grade.features import Features
from engine.grade.feedback import is_right as is_right_label
from engine.grade.feedback import uncovered
from engine.levels import RIGHT
from engine.schema import Language, Value
from engine.search import Index

MarkName = Literal["right", "not_yet", "unsure"]


class Mark(Value):
    """The mark of one reply, as the quiz gives it.

    ``unsure``: the reply says nothing about what its writer knows. ``missing`` holds what the
    right answer says and the reply does not, at most two points; ``confidence`` is the probability
    in [0, 1] that a person would agree.
    """

    answer_id: str
    mark: MarkName
    missing: tuple[str, ...] = ()
    confidence: float


def mark(
    question: str,
    reference: str,
    reply: str,
    *,
    language: Language,
    index: Index | None = None,
    name: str = "reply",
) -> Grade:
    """The grade of a reply, a score in [0, 1]; the reference judge grades, a person may correct.

    A tutor's mark is advice: nothing here is calibrated, so nothing is ever accepted as a mark that
    counts, but ``RIGHT`` and ``PARTLY`` (see ``levels``) say what the tutor does next.
    """
    item = Item(item_id=name, question=question, type="short", references=(reference,))
    submission = Submission(answer_id=name, item_id=name, answer=reply)
    [found] = grade([item], [submission], index=index, language=language)
    return found


def is_right(found: Grade) -> bool:
    """Whether the tutor goes on."""
    return mark_name(found) == "right"


def mark_name(found: Grade, item: Item | None = None) -> MarkName:
    """The mark that a grade amounts to; ``item`` where it is not a quiz's, of one point."""
    if found.flags:
        return "unsure"
    if found.label is not None:
        right = is_right_label(found.label, item.labels if item else ())
    else:
        right = (found.score or 0.0) >= RIGHT * (item.top if item else 1.0)
    return "right" if right else "not_yet"


def mark_all(
    items: Sequence[Item], replies: Sequence[Submission], language: Language | None = None
) -> list[Mark]:
    """The mark of each reply, each looked at by itself as in the quiz.

    Args:
        items: The questions with their right answers; every one that ``replies`` name.
        replies: What was answered.
        language: Of the feedback, which decides nothing; None: that of each question.

    Raises:
        BadInput: a reply does not fit its item.
    """
    known = {item.item_id: item for item in items}
    marks = []
    for reply in replies:
        own = [known[reply.item_id]] if reply.item_id in known else []
        [found] = grade(own, [reply], language=language)
        marks.append(_mark(own[0], reply, found))
    return marks


def _mark(item: Item, reply: Submission, found: Grade) -> Mark:
    name = mark_name(found, item)
    open_item = item.kind in ("short", "rubric") and item.references
    missing = uncovered(reply.answer, item, Features([item], [])) if open_item else []
    return Mark(
        answer_id=reply.answer_id,
        mark=name,
        missing=tuple(missing) if name == "not_yet" else (),
        confidence=found.confidence,
    )
