"""How long a fine-tuning takes and whether it fits, before it is started; without torch."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from engine.files import write_json
from engine.models.bases import facts, family_of_base
from engine.models.families import Family
from engine.models.families.llama import LLAMA
from engine.schema import Value
from engine.settings import Settings
from engine.train.backends import choose_backend, has_cuda
from engine.train.recipe import Recipe
from engine.train.rows import TrainingRow

GIB = 2**30
_FIRST_ASIAN = 0x2E80
"""The first code point of the Chinese, Japanese and Korean scripts."""
Fit = Literal["fits", "tight", "does not fit"]


class TrainingEstimate(Value):
    """What a fine-tuning will cost here.

    ``minutes`` is (low, likely, high), loading included; ``measured`` says whether the speed comes
    from an earlier run on this machine. ``memory_gib`` is the peak, ``free_gib`` what is free now:
    of the graphics card where ``device`` is ``cuda``, else of the machine.
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
    device: Literal["cpu", "cuda"] = "cpu"


def estimate(rows: Sequence[TrainingRow], recipe: Recipe, settings: Settings) -> TrainingEstimate:
    """Time, memory and disk of training ``rows`` by ``recipe`` on this machine.

    Raises:
        BadInput, Missing: the recipe's backend cannot run here (see ``choose_backend``), or its
            base is none (see ``facts``).
    """
    backend, _ = choose_backend(recipe)
    device: Literal["cpu", "cuda"] = "cuda" if has_cuda() else "cpu"
    weights = 2.0 * facts(recipe.base, settings).parameters
    family = family_of_base(recipe.base)
    tokens = sum(min(row_tokens(row, family), recipe.max_length) for row in rows)
    speed, measured = _speed(recipe, backend, weights, settings)
    likely = 0.5 + 1.1 * recipe.epochs * tokens / speed / 60  # a tenth goes into the checks
    spread = (0.8, 1.5) if measured else (0.4, 2.5)
    memory = _memory_gib(recipe, weights, device)
    free = _free_gib() if device == "cpu" else _free_cuda_gib()
    return TrainingEstimate(
        rows=len(rows),
        tokens=tokens,
        tokens_per_second=speed,
        measured=measured,
        minutes=(likely * spread[0], likely, likely * spread[1]),
        memory_gib=memory,
        free_gib=free,
        disk_gib=_disk_gib(recipe, weights),
        fit="does not fit" if memory > free else "tight" if memory > 0.8 * free else "fits",
        device=device,
    )


def row_tokens(row: TrainingRow, family: Family | None = LLAMA) -> int:
    """About how many tokens a row has: 4.2 Latin characters to a token, others by the family."""
    text = row.system + row.question + row.answer
    latin = sum(ord(letter) < _FIRST_ASIAN for letter in text)
    other = (family.tokens_per_character if family else 0.7) * (len(text) - latin)
    return (family.template_tokens if family else 10) + round(latin / 4.2 + other)


def remember_speed(recipe: Recipe, backend: str, speed: float, settings: Settings) -> None:
    """Note the tokens/s that a run reached, for the estimates to come."""
    path = settings.models / "speed.json"
    known = _known(settings) | {_kind(recipe, backend): round(speed, 1)}
    write_json(path, known, indent=1)


def _speed(recipe: Recipe, backend: str, weights: float, settings: Settings) -> tuple[float, bool]:
    """Row tokens per second, and whether they were measured here."""
    if speed := _known(settings).get(_kind(recipe, backend)):
        return speed, True
    if backend == "unsloth":
        return 8e12 / weights, False  # 20,000 tokens/s for a model of 0.4 GB
    cores = settings.threads or os.cpu_count() or 1
    return 250 * cores * min(1.0, 270e6 / weights), False


def _kind(recipe: Recipe, backend: str) -> str:
    """Runs of one kind have about one speed."""
    return f"{backend} {Path(recipe.base).name} {recipe.precision} r{recipe.rank}"


def _known(settings: Settings) -> dict[str, float]:
    path = settings.models / "speed.json"
    known: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


def _lora_bytes(recipe: Recipe, weights: float) -> float:
    """Bytes of the adapter in fp32: 0.6 % of a base's weights per rank-1 (135M: 1.2 MB)."""
    return 1.2e6 * recipe.rank * math.sqrt(weights / 270e6)


def _memory_gib(recipe: Recipe, weights: float, device: str) -> float:
    """Peak: libraries, base, adapter with gradient and two moments, activations of one step.

    ``weights`` are the base's bytes in 16 bits. Measured with the built-in student on a CPU, bf16:
    1.7 GiB with 512 batch tokens, 2.6 with 2048; after some hundred steps 2.4 with 512. On CUDA it
    is reckoned, not measured: recomputed activations (a third), 0.8 GiB for the context.
    """
    activations = recipe.batch_tokens * 0.7e6 * math.sqrt(weights / 270e6)
    base = weights * (0.3 if recipe.four_bit else 1.0)
    if device == "cuda":
        return (0.8 * GIB + base + 4 * _lora_bytes(recipe, weights) + activations / 3) / GIB
    return (1.4 * GIB + base + 4 * _lora_bytes(recipe, weights) + activations) / GIB


def _disk_gib(recipe: Recipe, weights: float) -> float:
    """Two checkpoints (adapter and two moments), the best adapter, merged folder and GGUF."""
    return (7 * _lora_bytes(recipe, weights) + 1.6 * weights) / GIB


def _free_gib() -> float:
    """Memory of the machine that is free for a new process, in GiB."""
    import psutil

    return float(psutil.virtual_memory().available) / GIB


def _free_cuda_gib() -> float:
    """Free memory of the first graphics card that we may use, in GiB.

    Asked of the driver's own tool: torch would open a context here and keep half a GiB.
    """
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first:
        command.append(f"--id={first}")
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return float(out.stdout.splitlines()[0]) / 1024
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return _cuda_gib_by_torch()


def _cuda_gib_by_torch() -> float:
    import torch

    return float(torch.cuda.mem_get_info()[0]) / GIB
