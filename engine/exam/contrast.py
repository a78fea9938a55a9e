"""The student with and without one thing: the chosen prompt, or what an earlier run had not.

Both sit the same questions; the difference is paired, and a verdict is a code with numbers, as
everywhere in the exam (``report.verdict_of``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from engine.judge import Scores, paired
from engine.llm import Chat
from engine.prompts import AnswerPrompt
from engine.schema import ExamPart, Figure, Pair, PartName, Value

START, EARLIER = "student-start", "student-earlier"
"""The student by the start prompt, and the student of an earlier run."""

Thing = Literal["prompt", "run"]
WITHOUT: Mapping[str, Thing] = {START: "prompt", EARLIER: "run"}
"""Who sits the exam without what."""


class Sitter(NamedTuple):
    """One who sits the exam beside the examinees, in one condition."""

    name: str
    chat: Chat
    book: bool
    prompt: AnswerPrompt | None = None


class EarlierRun(Value):
    """The earlier run that sat beside the student, and how its training differs.

    ``lessons`` and ``lessons_before`` count the lessons of both; ``recipe`` says whether the
    recipes differ, so that a difference cannot be laid to the lessons alone.
    """

    run: str
    lessons: int = 0
    lessons_before: int = 0
    recipe: bool = False

    @property
    def shows_lessons(self) -> bool:
        """Whether the two differ by the lessons and nothing else."""
        return self.lessons != self.lessons_before and not self.recipe


class Contrast(Value):
    """The student's token F1 with a thing minus without it, on one part, in one condition."""

    what: Thing
    part: PartName
    book: bool
    difference: Figure


def contrasts_of(
    parts: Mapping[ExamPart, list[Pair]], table: Mapping[tuple[str, bool, str], Scores]
) -> tuple[Contrast, ...]:
    """All contrasts whose two sides were examined; ``table`` is by name, book and pair."""
    found = []
    for name, what in WITHOUT.items():
        for part, own in parts.items():
            for book in (False, True):
                sides = ("student", book, own[0].id), (name, book, own[0].id)
                if all(side in table for side in sides):
                    mine = [table["student", book, p.id].f1 for p in own]
                    theirs = [table[name, book, p.id].f1 for p in own]
                    found.append(
                        Contrast(what=what, part=part, book=book, difference=paired(mine, theirs))
                    )
    return tuple(found)
