"""What an alignment does and how much of it: one frozen plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.schema import Value

Arm = Literal[
    "untouched", "random", "plain", "one-style", "select", "question", "both", "prompt", "dpo"
]
ARMS: tuple[Arm, ...] = (
    "untouched", "random", "plain", "one-style", "select", "question", "both", "prompt", "dpo",
)  # fmt: skip
"""The ways to get lessons.

``untouched`` is the student before any lesson, ``random`` takes any question of a point and any
style, ``plain`` the same question without an explanation. ``one-style`` and ``select`` choose the
explanation, ``question`` the question, ``both`` both; ``prompt`` the wording of the request, and
``dpo`` trains the teacher."""

ALWAYS: tuple[Arm, ...] = ("untouched", "random")
"""What every other arm is compared with."""

BY_QUESTION: frozenset[Arm] = frozenset({"question", "both"})
"""Arms that choose among several questions on a point."""


class AlignPlan(Value):
    """All sizes and choices; equal plans on an equal corpus give equal folders.

    The paper (ARTE, arXiv 2406.19227) takes 250 drafts, 4 styles and 40 preference items for each
    task; the defaults are for two cores. ``base`` is the student's, empty for the course's own.
    ``drafts`` counts knowledge points, ``questions`` the questions on each among which the arms
    ``BY_QUESTION`` choose. ``epochs`` and ``rate`` are of the student's lessons; ``beta`` and
    ``dpo_rate`` of the teacher's preference training; ``trial_items`` is how many drafts decide
    between wordings of the instruction. ``arms`` empty means all; those of ``ALWAYS`` come along.
    """

    arms: tuple[Arm, ...] = ()
    base: str = ""
    drafts: int = Field(default=60, ge=4, le=1000)
    questions: int = Field(default=3, ge=1, le=8)
    preference: int = Field(default=20, ge=4, le=200)
    test: int = Field(default=100, ge=4, le=1000)
    seed: int = 0
    rounds: int = Field(default=1, ge=1, le=5)
    rationale_tokens: int = Field(default=96, ge=16, le=512)
    epochs: float = Field(default=2.0, gt=0, le=20)
    rate: float = Field(default=1e-3, gt=0, le=1)
    beta: float = Field(default=0.1, gt=0)
    dpo_rate: float = Field(default=5e-5, gt=0, le=1)
    trial_items: int = Field(default=4, ge=2, le=50)
