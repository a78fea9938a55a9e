"""How to fine-tune: one frozen ``Recipe`` for every backend, and three presets.

An epoch is one round through the rows of a mixture (``mixture.py``), most of which show quotes of
the book: «normal» takes one, in which every pair is asked by heart twice.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.errors import BadInput
from engine.models.bases import SMOLLM2
from engine.schema import Value

Backend = Literal["auto", "peft", "unsloth"]
Precision = Literal["auto", "float32", "bfloat16"]
Effort = Literal["quick", "normal", "thorough"]

STUDENT = SMOLLM2
"""The student that comes with the installation."""


class Recipe(Value):
    """All choices of one fine-tuning; two runs with equal recipes and rows give equal adapters.

    ``base`` is one that we bring (``STUDENT``), a folder in Hugging Face's format, or a hub's name.
    ``batch_tokens`` counts the rows' real tokens per optimiser step; ``max_length`` is in tokens.
    ``warmup`` is a share of all steps. ``patience`` counts measurements of the validation loss
    without a gain before training stops; 0 never stops. ``checks`` is how often per epoch
    validation is measured. ``system`` is the system prompt of rows that have none of their own,
    and the one that the student is asked with later (empty: the chat template's own).
    ``sure_weight`` is what a token counts in the loss that the model gives more than .9 already (1:
    like any other).
    """

    base: str = STUDENT
    backend: Backend = "auto"
    rank: int = Field(default=32, ge=1, le=512)
    alpha: float = Field(default=64.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0)
    epochs: float = Field(default=4.0, gt=0, le=100)
    batch_tokens: int = Field(default=1024, ge=16, le=65536)
    max_length: int = Field(default=1024, ge=16, le=32768)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    seed: int = 0
    patience: int = Field(default=4, ge=0)
    checks: int = Field(default=2, ge=1)
    precision: Precision = "auto"
    four_bit: bool = False
    system: str = ""
    sure_weight: float = Field(default=1.0, ge=0, le=1)


PRESETS: dict[Effort, Recipe] = {
    "quick": Recipe(learning_rate=2e-3, batch_tokens=512, epochs=0.5),
    "normal": Recipe(epochs=1),
    "thorough": Recipe(epochs=3),
}


def preset(effort: str) -> Recipe:
    """The recipe of that effort.

    Raises:
        BadInput: there is no such effort.
    """
    for name, recipe in PRESETS.items():
        if name == effort:
            return recipe
    raise BadInput(
        f"There is no effort called {effort!r}.",
        code="train.effort",
        next=f"Choose one of {', '.join(PRESETS)}.",
        effort=effort,
    )
