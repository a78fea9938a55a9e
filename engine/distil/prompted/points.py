"""A model's knowledge points, and their pairs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.course import SplitPlan
from engine.distil.pairs import pairs_of
from engine.distil.points import Point
from engine.distil.prompted.values import Proposal
from engine.schema import Exchange, Language, Level, Pair


class PromptedPoint(Point):
    """A point with what only a model gives: the talk before it, its level and its scores."""

    level: Level = "understand"
    turns: tuple[Exchange, ...] = ()
    scores: dict[str, float] = {}
    teacher: str = ""


def as_proposals(pairs: Sequence[Pair]) -> list[Proposal]:
    """The points of stored pairs, each with all its wordings, to compare new ones with."""
    own: dict[str, list[Pair]] = {}
    for pair in pairs:
        own.setdefault(pair.point, []).append(pair)
    return [
        Proposal(
            kind=some[0].kind,
            questions=tuple(pair.question for pair in some),
            source=(),
            section=some[0].section,
            turns=some[0].turns,
            answer=some[0].answer,
            cited=tuple(evidence.quote for evidence in some[0].evidence if evidence.quote),
        )
        for some in own.values()
    ]


def taught_pairs(point: PromptedPoint, language: Language, split: SplitPlan) -> list[Pair]:
    """All pairs of a model's point, with its level, the talk before them and the judge's scores.

    The exam asks neither what leans on a talk nor what the book does not answer: its figures
    compare answers with the book.
    """
    update = {"level": point.level, "turns": point.turns, "scores": point.scores}
    unexamined = point.kind in ("dialogue", "unanswerable")
    return [
        pair.model_copy(update=update)
        for pair in pairs_of(point, language, split, point.teacher)
        if not (unexamined and pair.split == "exam")
    ]
