"""A model's knowledge points, and their pairs."""

from __future__ import annotations

from engine.course import SplitPlan
from engine.distil.pairs import pairs_of
from engine.distil.points import Point
from engine.distil.prompted.values import Level
from engine.schema import Exchange, Language, Pair


class PromptedPoint(Point):
    """A point with what only a model gives: the talk before it, its level and its scores."""

    level: Level = "understand"
    turns: tuple[Exchange, ...] = ()
    scores: dict[str, float] = {}
    teacher: str = ""


def taught_pairs(point: PromptedPoint, language: Language, split: SplitPlan) -> list[Pair]:
    """All pairs of a model's point, with the talk before them and the judge's scores.

    The exam asks neither what leans on a talk nor what the book does not answer: its figures
    compare answers with the book.
    """
    update = {"turns": point.turns, "scores": point.scores}
    unexamined = point.kind in ("dialogue", "unanswerable")
    return [
        pair.model_copy(update=update)
        for pair in pairs_of(point, language, split, point.teacher)
        if not (unexamined and pair.split == "exam")
    ]
