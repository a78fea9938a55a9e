"""What an alignment does and how much of it: one frozen plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.schema import Value

Arm = Literal["untouched", "random", "one-style", "select", "prompt", "dpo"]
ARMS: tuple[Arm, ...] = ("untouched", "random", "one-style", "select", "prompt", "dpo")
"""The ways to get rationales; ``untouched`` is the student before any lesson."""

ALWAYS: tuple[Arm, ...] = ("untouched", "random")
"""What every other arm is compared with."""


class AlignPlan(Value):
    """All sizes and choices; equal plans on an equal corpus give equal folders.

    The paper (ARTE, arXiv 2406.19227) takes 250 drafts, 4 styles and 40 preference items for each
    task; the defaults are for two cores. ``epochs`` and ``rate`` are of the student's lessons;
    ``beta`` and ``dpo_rate`` of the teacher's preference training; ``trial_items`` is how many
    drafts decide between wordings of the instruction. ``arms`` empty means all; those of ``ALWAYS``
    come along.
    """

    arms: tuple[Arm, ...] = ()
    drafts: int = Field(default=24, ge=4, le=1000)
    preference: int = Field(default=12, ge=4, le=200)
    test: int = Field(default=40, ge=4, le=1000)
    seed: int = 0
    rounds: int = Field(default=1, ge=1, le=5)
    rationale_tokens: int = Field(default=64, ge=16, le=512)
    answer_tokens: int = Field(default=48, ge=8, le=512)
    epochs: float = Field(default=2.0, gt=0, le=20)
    rate: float = Field(default=1e-3, gt=0, le=1)
    beta: float = Field(default=0.1, gt=0)
    dpo_rate: float = Field(default=5e-5, gt=0, le=1)
    trial_items: int = Field(default=4, ge=2, le=50)
