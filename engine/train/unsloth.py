"""LoRA by Unsloth on a CUDA device, under the same loop as everywhere else.

Unsloth replaces the model's forward passes by its own kernels, so rows are padded here, as it
expects, instead of packed by us. Not run by our tests: they have no CUDA device.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.models.tokenizer import load_tokenizer
from engine.train.recipe import Recipe
from engine.train.student import PaddedStudent

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What "all-linear" means to Unsloth, which wants names."""


def import_unsloth() -> Any:
    """The module; it has to come before transformers, which it patches."""
    os.environ["UNSLOTH_RETURN_LOGITS"] = "1"  # else it keeps no logits, and accuracy needs them
    import unsloth

    return unsloth


def load_unsloth(folder: Path, recipe: Recipe, precision: str = "") -> PaddedStudent:
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
    return PaddedStudent(model, load_tokenizer(folder), "cuda", chosen)
