"""LoRA by Unsloth on a CUDA device, under the same loop as everywhere else.

Unsloth replaces the model's forward passes by its own kernels, so rows are padded here, as it
expects, instead of packed by us. Checked call by call against the source of unsloth 2026.10.9; our
tests have no CUDA device and stop at its functions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.models.tokenizer import load_tokenizer
from engine.train.recipe import Recipe
from engine.train.rows import Encoded
from engine.train.student import PaddedStudent

if TYPE_CHECKING:
    import torch

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What "all-linear" means here: the names for which Unsloth has kernels."""

LOGITS = "UNSLOTH_RETURN_LOGITS"
"""Read by every forward pass: without it the loss is fused with the head and no logits exist."""


class UnslothStudent(PaddedStudent):
    """A model from ``FastLanguageModel``; see ``engine.train.student.Student``."""

    def loss(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy over the learned tokens (nats), and how many are predicted right.

        Logits are asked for only where accuracy is measured: in training the fused loss saves
        their memory. Autocast is what Unsloth's kernels are written for (fp32 LoRA, 16-bit base).
        """
        import torch

        os.environ[LOGITS] = "0" if self.model.training else "1"
        half = self.precision != "float32"
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=half):
            return super().loss(rows)


def import_unsloth() -> Any:
    """The module; it has to come before transformers, which it patches."""
    import unsloth

    return unsloth


def load_unsloth(folder: Path, recipe: Recipe, precision: str = "") -> UnslothStudent:
    """The base in ``folder``, in 4 or 16 bits, with a fresh LoRA by ``recipe``.

    Unsloth's own tokenizer is left aside: what it repairs (padding, added tokens) would differ
    from the tokenizer by which the student is merged and asked.
    """
    import torch

    language_model = import_unsloth().FastLanguageModel
    chosen = precision or _precision(recipe)
    model, _ = language_model.from_pretrained(
        model_name=str(folder),
        max_seq_length=recipe.max_length,
        dtype=getattr(torch, chosen),
        load_in_4bit=recipe.four_bit,
        load_in_16bit=not recipe.four_bit,
        fix_tokenizer=False,
        use_exact_model_name=True,
        use_gradient_checkpointing="unsloth",
        random_state=recipe.seed,
    )
    targets = TARGETS if recipe.targets == "all-linear" else recipe.targets
    model = language_model.get_peft_model(
        model,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        bias="none",
        use_gradient_checkpointing="unsloth",
        random_state=recipe.seed,
    )
    language_model.for_training(model)
    return UnslothStudent(model, load_tokenizer(folder), "cuda", chosen)


def _precision(recipe: Recipe) -> str:
    """bfloat16 where the device has it; older ones get float32, since our loop scales no loss."""
    import torch

    if recipe.precision != "auto":
        return recipe.precision
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
