"""Marking what a learner wrote in a conversation against the course's answer."""

from __future__ import annotations

from engine.grade import Grade, Item, Submission, grade
from engine.levels import RIGHT
from engine.schema import Language
from engine.search import Index


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
    return not found.flags and (found.score or 0.0) >= RIGHT
