"""The natural part of the exam: the book's own exercises, with the book's own answers.

They are nobody's wording but the author's, and stand in no passage and in no training row (their
blocks are aside, see ``schema.ASIDE``); the guard holds back what repeats one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.exercises import exercises
from engine.language import rules
from engine.schema import Course, Document, Evidence, Exercise, Pair, Value, content_id

MOST = 120
"""Exercises that sit in the exam at most: drawn by their names, so that a remake draws the same."""
_LONGEST = 1500
"""Characters of a question or an answer at most: longer ones are projects."""
TEACHER = "exercises"
"""``Pair.teacher`` of what the book itself asks."""


class ExerciseCount(Value):
    """How many exercises the books set, how many they answer, and how many can be asked alone.

    ``asked`` leaves out those that point at a figure or a listing beside them, and projects.
    """

    found: int = 0
    answered: int = 0
    asked: int = 0


def natural_pairs(course: Course, documents: Sequence[Document]) -> list[Pair]:
    """Exam pairs of the part ``natural``, in reading order; at most ``MOST``."""
    fit = _fit(exercises(documents), course.language)
    drawn = sorted(fit, key=lambda each: content_id("natural", each.id))[:MOST]
    chosen = {each.id for each in drawn}
    return [_pair(each, course) for each in fit if each.id in chosen]


def count_exercises(course: Course, documents: Sequence[Document]) -> ExerciseCount:
    """What the natural part is made from; says why it is empty where it is."""
    found = exercises(documents)
    answered = sum(bool(each.answer) for each in found)
    return ExerciseCount(
        found=len(found), answered=answered, asked=min(MOST, len(_fit(found, course.language)))
    )


def _fit(found: Sequence[Exercise], language: str) -> list[Exercise]:
    """The exercises with an answer that can be understood, and answered, by themselves."""
    elsewhere = rules(language).pattern("gates", "elsewhere", flags=re.IGNORECASE)
    return [
        each
        for each in found
        if each.answer
        and max(len(each.question), len(each.answer)) <= _LONGEST
        and not (elsewhere and elsewhere.search(each.question))
    ]


def _pair(each: Exercise, course: Course) -> Pair:
    place = Evidence(quote="", section=each.section, title=each.title, page=each.page)
    return Pair(
        id=content_id("natural", each.question, each.answer),
        question=each.question,
        answer=each.answer,
        kind="exercise",
        language=course.language,
        point=each.id,
        evidence=(place,),
        split="exam",
        part="natural",
        teacher=TEACHER,
    )
