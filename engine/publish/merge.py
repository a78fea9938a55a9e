"""Fold a LoRA adapter into its base: one ordinary transformers folder."""

from __future__ import annotations

from pathlib import Path

from engine.train.checkpoint import write_folder


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write base + adapter to ``out`` (bfloat16 safetensors, config, tokenizer), whole or not.

    An existing ``out`` is returned as it is. The sum is made in fp32 and rounded once.
    """
    return write_folder(out, lambda folder: _merge(base, adapter, folder))


def _merge(base: Path, adapter: Path, folder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
