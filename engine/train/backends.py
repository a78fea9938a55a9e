"""Who trains: Unsloth where there is a CUDA device and it is installed, PEFT everywhere else."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import NamedTuple

from engine.errors import BadInput, Missing
from engine.installed import need_trainer
from engine.train.recipe import Recipe


class Choice(NamedTuple):
    """A backend's name, and one sentence on why it was chosen."""

    name: str
    reason: str


def choose_backend(recipe: Recipe) -> Choice:
    """The backend that ``recipe`` gets on this machine.

    Raises:
        BadInput: it asks for what this machine cannot do (Unsloth or 4-bit without CUDA).
        Missing: it asks for Unsloth, which is not installed, or nothing that trains is.
    """
    need_trainer()
    cuda, unsloth = has_cuda(), importlib.util.find_spec("unsloth") is not None
    if recipe.four_bit and not cuda:
        raise _needs_cuda("4-bit training")
    if recipe.backend == "unsloth":
        return _asked_for_unsloth(cuda, unsloth)
    if recipe.backend == "peft":
        return Choice("peft", "The recipe asks for PEFT.")
    if cuda and unsloth:
        return Choice("unsloth", "There is a CUDA device and Unsloth is installed.")
    if cuda:
        return Choice("peft", "There is a CUDA device, but Unsloth is not installed.")
    return Choice("peft", "There is no CUDA device, which Unsloth needs.")


def has_cuda() -> bool:
    """Whether torch sees a CUDA device; without an NVIDIA driver torch is not even asked."""
    if not Path("/proc/driver/nvidia").exists() and shutil.which("nvidia-smi") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _asked_for_unsloth(cuda: bool, installed: bool) -> Choice:
    if not cuda:
        raise _needs_cuda("Unsloth")
    if not installed:
        raise Missing(
            "Unsloth is not installed.",
            code="train.unsloth",
            next="Install it with: pip install 'coursewright[gpu]', or choose the backend auto.",
        )
    return Choice("unsloth", "The recipe asks for Unsloth.")


def _needs_cuda(what: str) -> BadInput:
    return BadInput(
        f"{what} needs a CUDA device, and this machine has none.",
        code="train.cuda",
        next="Choose the backend auto, without 4-bit weights.",
        what=what,
    )
