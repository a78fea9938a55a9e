"""A tensor's values in a GGUF and in transformers: the order of rows, and offsets of norms.

Both directions are written apart (neither calls the other), so that a check which goes one way
after an export went the other finds a mistake in either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.models.families import Family

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def to_gguf(family: Family, name: str, values: Array, config: Mapping[str, Any]) -> Array:
    """A transformers tensor as llama.cpp stores it.

    Args:
        family: Of the model.
        name: The tensor's name in GGUF.
        values: Array (rows, columns) or (rows,), float32.
        config: The model's ``config.json``; counts the heads.
    """
    part = name.split(".")[-2]
    if family.norm_offset and part.endswith("norm"):
        return values + family.norm_offset
    if part not in family.reordered:
        return values
    heads, rows = int(config[family.reordered[part]]), len(values)
    halves = values.reshape(heads, 2, rows // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(values.shape)


def from_gguf(family: Family, name: str, values: Array, config: Mapping[str, Any]) -> Array:
    """A GGUF's tensor as transformers wants it; arguments as ``to_gguf``."""
    part = name.split(".")[-2]
    if family.norm_offset and part.endswith("norm"):
        return values - family.norm_offset
    if part not in family.reordered:
        return values
    heads, rows = int(config[family.reordered[part]]), len(values)
    pairs = values.reshape(heads, rows // heads // 2, 2, -1)
    return pairs.transpose(0, 2, 1, 3).reshape(values.shape)
