"""The families of base models that are known in every detail, one file each.

A student of another family (any causal language model of transformers) is trained on padded rows
and published as a merged folder, without a GGUF.

To add a family: write its file like ``qwen3.py`` (``family.py`` says what the fields mean), name it
in ``FAMILIES``, and give it a line in ``SPLITS`` of ``tests/unit/test_families.py``, which then
reads its GGUF back in transformers, in our reader and in OpenVINO.
"""

from __future__ import annotations

from engine.models.families.family import Family, Runtime
from engine.models.families.gemma3 import GEMMA3
from engine.models.families.llama import LLAMA
from engine.models.families.qwen3 import QWEN3

__all__ = ["FAMILIES", "Family", "Runtime", "family_of", "family_of_gguf"]

FAMILIES = (LLAMA, GEMMA3, QWEN3)


def family_of(model_type: str) -> Family | None:
    """The family of a ``model_type`` in ``config.json``, or None."""
    return next((family for family in FAMILIES if family.model_type == model_type), None)


def family_of_gguf(architecture: str) -> Family | None:
    """The family of a GGUF's ``general.architecture``, or None."""
    return next((family for family in FAMILIES if family.architecture == architecture), None)
