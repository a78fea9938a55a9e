"""How long a fine-tuning takes and whether it fits, before it is started; without torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from engine.schema import Value
from engine.settings import Settings
from engine.train.backends import choose_backend
from engine.train.recipe import STUDENT, Recipe
from engine.train.rows import Row

GIB = 2**30
TEMPLATE_TOKENS = 32
"""What a chat template adds to a row: role marks and the default system prompt."""

Fit = Literal["fits", "tight", "does not fit"]


class TrainEstimate(Value):
    """What a fine-tuning will cost here.

    ``minutes`` is (low, likely, high), loading included; ``measured`` says whether the speed comes
    from an earlier run on this machine. ``memory_gib`` is the peak, ``free_gib`` what is free now.
    """

    rows: int
    tokens: int
    tokens_per_second: float
    measured: bool
    minutes: tuple[float, float, float]
    memory_gib: float
    free_gib: float
    disk_gib: float
    fit: Fit


def estimate(rows: Sequence[Row], recipe: Recipe, settings: Settings) -> TrainEstimate:
    """Time, memory and disk of training ``rows`` by ``recipe`` on this machine.

    Raises:
        BadInput, Missing: the recipe's backend cannot run here (see ``choose_backend``).
    """
    backend, _ = choose_backend(recipe)
    tokens = sum(min(row_tokens(row), recipe.max_length) for row in rows)
    speed, measured = _speed(recipe, backend, settings)
    likely = 0.5 + 1.1 * recipe.epochs * tokens / speed / 60  # a tenth goes into the checks
    spread = (0.8, 1.5) if measured else (0.4, 2.5)
    memory, free = _memory_gib(recipe), _free_gib()
    return TrainEstimate(
        rows=len(rows),
        tokens=tokens,
        tokens_per_second=speed,
        measured=measured,
        minutes=(likely * spread[0], likely, likely * spread[1]),
        memory_gib=memory,
        free_gib=free,
        disk_gib=_disk_gib(recipe),
        fit="does not fit" if memory > free else "tight" if memory > 0.8 * free else "fits",
    )


def row_tokens(row: Row) -> int:
    """About how many tokens a row has: 4.2 Latin characters to a token, 1.5 tokens to others."""
    text = row.system + row.question + row.answer
    latin = sum(ord(letter) < 0x2E80 for letter in text)
    return TEMPLATE_TOKENS + round(latin / 4.2 + 1.5 * (len(text) - latin))


def remember_speed(recipe: Recipe, backend: str, speed: float, settings: Settings) -> None:
    """Note the tokens/s that a run reached, for the estimates to come."""
    path = settings.models / "speed.json"
    known = _known(settings) | {_kind(recipe, backend): round(speed, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(known, indent=1), encoding="utf-8")
    aside.replace(path)


def _speed(recipe: Recipe, backend: str, settings: Settings) -> tuple[float, bool]:
    """Row tokens per second, and whether they were measured here."""
    if speed := _known(settings).get(_kind(recipe, backend)):
        return speed, True
    if backend == "unsloth":
        return 8e12 / _weights(recipe), False  # 20,000 tokens/s for a model of 0.4 GB
    cores = settings.threads or os.cpu_count() or 1
    return 250 * cores * min(1.0, 270e6 / _weights(recipe)), False


def _kind(recipe: Recipe, backend: str) -> str:
    """Runs of one kind have about one speed."""
    return f"{backend} {Path(recipe.base).name} {recipe.precision} r{recipe.rank}"


def _known(settings: Settings) -> dict[str, float]:
    path = settings.models / "speed.json"
    known: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


def _weights(recipe: Recipe) -> float:
    """Bytes of the base's weights in 16 bits; a model not fetched yet is taken for 1 GB."""
    if recipe.base == STUDENT:
        return 270e6
    found = 0.0 + sum(
        f.stat().st_size for f in Path(recipe.base).expanduser().glob("*.safetensors")
    )
    return found or 1e9


def _lora_bytes(recipe: Recipe) -> float:
    """Bytes of the adapter in fp32: 0.6 % of a base's weights per rank-1 (135M: 1.2 MB)."""
    return 1.2e6 * recipe.rank * math.sqrt(_weights(recipe) / 270e6)


def _memory_gib(recipe: Recipe) -> float:
    """Peak: libraries, base, adapter with gradient and two moments, activations of one step.

    Measured with the built-in student, bf16: 1.7 GiB with 512 batch tokens, 2.6 with 2048; after
    some hundred steps 2.4 with 512.
    """
    activations = recipe.batch_tokens * 0.7e6 * math.sqrt(_weights(recipe) / 270e6)
    base = _weights(recipe) * (0.3 if recipe.four_bit else 1.0)
    return (1.4 * GIB + base + 4 * _lora_bytes(recipe) + activations) / GIB


def _disk_gib(recipe: Recipe) -> float:
    """Two checkpoints (adapter and two moments), the best adapter, merged folder and GGUF."""
    return (7 * _lora_bytes(recipe) + 1.6 * _weights(recipe)) / GIB


def _free_gib() -> float:
    """Memory that is free for a new process, of the machine (no CUDA) in GiB."""
    import psutil

    return float(psutil.virtual_memory().available) / GIB
