"""Aligning the lessons with the student: which explanations, and questions, teach it best?

``plan.py`` how much, ``items.py`` questions with four options from the corpus, ``questions.py``
more of them by the teacher, ``rationales.py`` what the teacher explains, ``likelihood.py`` how
likely an option is to a model, ``preference.py`` which lesson helps the student, ``dpo.py`` a
teacher that learned this, ``backend.py`` models and training, ``arms.py`` the ways to get lessons,
``run.py`` all of them side by side, ``values.py`` what that finds, ``lessons.py`` what reaches the
course's own student.
"""

from __future__ import annotations

from engine.align.backend import AlignmentBackend, LocalBackend
from engine.align.costs import estimate
from engine.align.lessons import (
    best_arm,
    choose_lessons,
    chosen_arm,
    leave_lessons,
    lessons,
    lessons_version,
)
from engine.align.plan import ARMS, AlignPlan, Arm
from engine.align.run import align
from engine.align.values import AlignResult, ArmResult, LessonRow

__all__ = [
    "ARMS",
    "AlignPlan",
    "AlignResult",
    "Arm",
    "ArmResult",
    "AlignmentBackend",
    "LessonRow",
    "LocalBackend",
    "align",
    "best_arm",
    "choose_lessons",
    "chosen_arm",
    "estimate",
    "leave_lessons",
    "lessons",
    "lessons_version",
]
