"""Aligning the teacher with the student: which explanations does this student learn from best?

``plan.py`` how much, ``items.py`` questions with four options from the corpus, ``rationales.py``
what the teacher writes, ``preference.py`` which of it helps the student, ``dpo.py`` a teacher that
learned this, ``backend.py`` models and training, ``arms.py`` the ways to get rationales, ``run.py``
all of them side by side.
"""

from __future__ import annotations

from engine.align.backend import AlignmentBackend, LocalBackend
from engine.align.costs import estimate
from engine.align.plan import ARMS, AlignPlan, Arm
from engine.align.run import AlignResult, ArmResult, align

__all__ = [
    "ARMS",
    "AlignPlan",
    "AlignResult",
    "Arm",
    "ArmResult",
    "AlignmentBackend",
    "LocalBackend",
    "align",
    "estimate",
]
