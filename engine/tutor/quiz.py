"""A question of the course for this learner, marked in place; the outcome feeds mastery."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from engine.concepts import Concept
from engine.grade import Grade
from engine.learner import Event
from engine.schema import Language, Pair, Value
from engine.search import Index
from engine.tutor.replies import is_right, mark

_KINDS = ("definition", "cause", "comparison", "procedure", "enumeration", "fact")


class Quiz(Value):
    """One question set for a learner: the pair and the concept that it exercises."""

    pair: Pair
    concept: str


def concept_of(pair: Pair, graph: Sequence[Concept]) -> str:
    """The concept that a pair exercises: named in its question, else at home in its section."""
    question = pair.question.lower()
    named = [c.name for c in graph if c.name.lower() in question]
    if named:
        return max(named, key=len)
    return next((c.name for c in graph if pair.section in c.sections), pair.kind)


def next_quiz(
    pairs: Sequence[Pair],
    graph: Sequence[Concept],
    mastery: Mapping[str, float],
    seen: Collection[str] = (),
    concept: str = "",
) -> Quiz | None:
    """The question to set now: of the concept that needs practice most, not asked before.

    Concepts that were begun and are not firm come first (lowest mastery first), then new ones in
    the order of the book. Exam pairs are never asked: they stay unseen.

    Args:
        pairs: The corpus.
        graph: The course's concepts.
        mastery: By concept, for those that the learner has met, in [0, 1].
        seen: Points (``Pair.point``) that were asked before.
        concept: Of this one, as long as it has fresh questions.
    """
    order = {concept.name: place for place, concept in enumerate(graph)}
    fit = [
        Quiz(pair=p, concept=concept_of(p, graph))
        for p in pairs
        if p.split == "train" and p.status != "rejected" and p.kind in _KINDS
    ]
    fresh = [quiz for quiz in fit if quiz.pair.point not in set(seen)]
    fresh = [quiz for quiz in fresh if quiz.concept == concept] or fresh

    def urgency(quiz: Quiz) -> tuple[float, int, int]:
        level = mastery.get(quiz.concept)
        kind = _KINDS.index(quiz.pair.kind)
        return (1.0 if level is None else level, order.get(quiz.concept, len(order)), kind)

    return min(fresh, key=urgency, default=None)


def reteach_set(
    pairs: Sequence[Pair],
    graph: Sequence[Concept],
    levels: Mapping[str, float],
    *,
    concepts: int = 3,
    each: int = 3,
) -> list[Quiz]:
    """Questions to teach again what a class is least firm on: the weakest concepts, easiest first.

    Args:
        pairs: The corpus; exam pairs are left alone.
        graph: The course's concepts.
        levels: The class's mean mastery by concept, in [0, 1].
        concepts: How many of the weakest concepts.
        each: Questions a concept, each of another knowledge point.
    """
    weakest = sorted(levels, key=lambda name: levels[name])[:concepts]
    found: list[Quiz] = []
    for concept in weakest:
        seen: set[str] = set()
        for _ in range(each):
            quiz = next_quiz(_of(pairs, graph, concept), graph, {concept: 0.0}, seen)
            if quiz is None:
                break
            seen.add(quiz.pair.point)
            found.append(quiz.model_copy(update={"concept": concept}))
    return found


def _of(pairs: Sequence[Pair], graph: Sequence[Concept], concept: str) -> list[Pair]:
    """The pairs that exercise a concept, else those of its sections."""
    own = [p for p in pairs if concept_of(p, graph) == concept]
    homes = {s for c in graph if c.name == concept for s in c.sections}
    return own or [p for p in pairs if p.section in homes]


def mark_quiz(
    quiz: Quiz,
    reply: str,
    learner: str,
    *,
    language: Language,
    index: Index | None = None,
    now: float | None = None,
) -> tuple[Grade, Event | None]:
    """The grade of a reply, and the event to record.

    There is no event for a reply that the guard flagged (empty, copied, an instruction to the
    grader), because it says nothing about what the learner knows.
    """
    pair = quiz.pair
    found = mark(pair.question, pair.answer, reply, language=language, index=index, name=pair.id)
    if found.flags:
        return found, None
    event = Event(
        learner=learner,
        item=pair.point,
        concept=quiz.concept,
        correct=is_right(found),
        score=found.score,
        at=time.time() if now is None else now,
        source="tutor",
    )
    return found, event
