"""In which precision this machine computes faster."""

from __future__ import annotations

import time


def faster_precision() -> str:
    """``bfloat16`` or ``float32``, whichever multiplies faster on this processor.

    Processors without bf16 instructions emulate them several times slower, so it is measured.
    """
    return "bfloat16" if _product_time("bfloat16") < _product_time("float32") else "float32"


def _product_time(precision: str) -> float:
    """Best of five times of one product of a small model's size, in seconds."""
    import torch

    x = torch.ones(512, 576, dtype=getattr(torch, precision))
    weight = torch.ones(1536, 576, dtype=x.dtype)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        x @ weight.t()
        times.append(time.perf_counter() - begin)
    return min(times)
