"""One optimiser step in as many parts as memory allows: half the batch, twice the accumulation.

The gradient of a step is the same however its rows are divided: each part's mean loss is weighted
by its share of the learned tokens, so the effective batch never changes and no row is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import WorkFailed
from engine.train.rows import Encoded
from engine.train.student import Student


def learned(rows: Sequence[Encoded]) -> int:
    """How many tokens of these rows are learned."""
    return sum(len(row.ids) - row.start for row in rows)


def divide(rows: Sequence[Encoded], parts: int) -> list[Sequence[Encoded]]:
    """The rows in at most ``parts`` parts of nearly equal size, none empty."""
    size = -(-len(rows) // parts)
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def accumulate(
    student: Student, rows: Sequence[Encoded], parts: int, *, train: bool
) -> tuple[float, int]:
    """Mean loss over the learned tokens (nats) and how many were predicted right.

    With ``train`` the gradient of that mean is added to the parameters', part by part.
    """
    total = learned(rows)
    loss, right = 0.0, 0
    for part in divide(rows, parts):
        share = learned(part) / total
        own, correct = student.loss(part)
        if train:
            (own * share).backward()  # type: ignore[no-untyped-call]
        loss += float(own.detach()) * share
        right += int(correct)
    return loss, right


def fitting(
    student: Student,
    rows: Sequence[Encoded],
    parts: int,
    told: Callable[[int], None],
    *,
    train: bool,
) -> tuple[float, int, int]:
    """``accumulate``, again with twice the parts whenever memory runs out.

    Args:
        student: Whose loss is computed.
        rows: The rows of one step.
        parts: How many parts fitted last time.
        told: Called with the new number of parts before each new attempt.
        train: Whether gradients are wanted.

    Returns:
        Loss, tokens predicted right, and the number of parts that fitted.

    Raises:
        WorkFailed: code ``train.memory``: not even single rows fit.
    """
    while True:
        try:
            return *accumulate(student, rows, parts, train=train), parts
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if parts >= len(rows):
                raise out_of_memory() from error
        _forget(student)  # after the handler: the error's frames hold the failed batch
        parts = min(2 * parts, len(rows))
        told(parts)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch, CUDA or Python says that memory ran out."""
    text = str(error).lower()
    full = type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError)
    return full or "out of memory" in text or "allocate memory" in text


def out_of_memory() -> WorkFailed:
    """What to do when the smallest batch does not fit."""
    return WorkFailed(
        "Training ran out of memory, even with one question at a time.",
        code="train.memory",
        next="Use a shorter maximum length, a smaller base model or 4-bit weights, then train "
        "again.",
    )


def _forget(student: Student) -> None:
    """Drop gradients of a failed attempt, and give unused memory back to the device."""
    import torch

    student.model.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
