"""LoRA by Unsloth on a CUDA device, under the same loop as everywhere else.

Unsloth replaces the model's forward passes by its own kernels, so rows are padded here, as it
expects, instead of packed by us. Not run by our tests: they have no CUDA device.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.train.recipe import Recipe
from engine.train.rows import IGNORE, Encoded

if TYPE_CHECKING:
    import torch

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What "all-linear" means to Unsloth, which wants names."""


@dataclass
class UnslothStudent:
    """A model from ``FastLanguageModel``; see ``engine.train.student.Student``."""

    model: Any
    tokenizer: Any
    device: str
    precision: str

    def loss(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy over the learned tokens (nats), and how many are predicted right."""
        import torch

        padding = self.tokenizer.pad_token_id
        ids, labels, mask = (
            torch.tensor(part, device=self.device) for part in padded(rows, padding)
        )
        out = self.model(input_ids=ids, attention_mask=mask, labels=labels)
        if self.model.training:
            return out.loss, torch.zeros((), dtype=torch.long)
        guessed = out.logits[:, :-1].argmax(-1)
        return out.loss, (guessed == labels[:, 1:]).sum()

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format to an existing folder."""
        self.model.save_pretrained(str(folder))


def padded(
    rows: Sequence[Encoded], padding: int
) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Token ids, labels and attention mask, each (rows, longest), padded on the right."""
    width = max(len(row.ids) for row in rows)
    gaps = [width - len(row.ids) for row in rows]
    pairs = list(zip(rows, gaps, strict=True))
    return (
        [[*row.ids, *[padding] * gap] for row, gap in pairs],
        [[*row.labels, *[IGNORE] * gap] for row, gap in pairs],
        [[1] * len(row.ids) + [0] * gap for row, gap in pairs],
    )


def import_unsloth() -> Any:
    """The module; it has to come before transformers, which it patches."""
    os.environ["UNSLOTH_RETURN_LOGITS"] = "1"  # else it keeps no logits, and accuracy needs them
    import unsloth

    return unsloth


def load_unsloth(folder: Path, recipe: Recipe, precision: str = "") -> UnslothStudent:
    """The base in ``folder``, in 4 or 16 bits, with a fresh LoRA by ``recipe``."""
    import torch

    language_model = import_unsloth().FastLanguageModel
    asked = precision or ("" if recipe.precision == "auto" else recipe.precision)
    chosen = asked or ("bfloat16" if torch.cuda.is_bf16_supported() else "float16")
    model, tokenizer = language_model.from_pretrained(
        model_name=str(folder),
        max_seq_length=recipe.max_length,
        dtype=getattr(torch, chosen),
        load_in_4bit=recipe.four_bit,
    )
    targets = TARGETS if recipe.targets == "all-linear" else recipe.targets
    model = language_model.get_peft_model(
        model,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=[targets] if isinstance(targets, str) else list(targets),
        bias="none",
        use_gradient_checkpointing="unsloth",
        random_state=recipe.seed,
    )
    return UnslothStudent(model, tokenizer, "cuda", chosen)
