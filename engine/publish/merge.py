"""Fold a LoRA adapter into its base: one ordinary transformers folder."""

from __future__ import annotations

from pathlib import Path

from engine.models.families import family_of
from engine.models.folder import read_config
from engine.models.tokenizer import load_tokenizer
from engine.train.checkpoint import write_folder


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write base + adapter to ``out`` (bfloat16 safetensors, config, tokenizer), whole or not.

    An existing ``out`` is returned as it is. The sum is made in fp32 and rounded once.
    """
    return write_folder(out, lambda folder: _merge(base, adapter, folder))


def _merge(base: Path, adapter: Path, folder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, use_safetensors=True)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.to(torch.bfloat16).save_pretrained(folder)
    load_tokenizer(base).save_pretrained(folder)
    family = family_of(str(read_config(base).get("model_type")))
    if family and family.notice:
        (folder / "NOTICE").write_text(family.notice + "\n", encoding="utf-8")
