"""Checkpoints that survive a kill at any moment: written aside, then renamed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from engine.files import making, write_json, write_text
from engine.schema import Value

LOG = "progress.jsonl"


class TrainingPoint(Value):
    """One measurement of the run: losses are in nats per learned token, rates in row tokens/s."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    tokens_per_second: float
    eta_seconds: float
    val_loss: float | None = None
    val_token_accuracy: float | None = None


class TrainingState(Value):
    """Where a run stands after ``step`` steps; ``seconds`` and ``tokens`` count all its sittings.

    ``best`` names the folder of the best adapter so far, ``stale`` the measurements since
    then. ``recent_loss`` sums the losses of the ``recent_steps`` since the last check. A step is
    computed in ``parts`` parts (see ``parts``).
    """

    step: int = 0
    epochs: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    best: str = ""
    best_loss: float | None = None
    stale: int = 0
    recent_loss: float = 0.0
    recent_steps: int = 0
    stopped_early: bool = False
    parts: int = 1
    curve: tuple[TrainingPoint, ...] = Field(default=())


def write_folder(target: Path, fill: Callable[[Path], None]) -> Path:
    """Make folder ``target`` by ``fill(folder)``, so that it exists whole or not at all."""
    if not target.exists():
        with making(target, durable=True) as aside:
            fill(aside)
    return target


def save_checkpoint(folder: Path, state: TrainingState, model: Any, optimizer: Any) -> None:
    """Write ``checkpoint-<step>`` and remove what it replaces.

    It holds the LoRA weights in fp32, the optimiser, the random generator and the state. The
    position in the data order and the learning rate are functions of the step.
    """
    import torch
    from safetensors.torch import save_file

    def fill(target: Path) -> None:
        weights = {name: p.detach().contiguous() for name, p in trainable(model)}
        save_file(weights, str(target / "adapter.safetensors"))
        torch.save(
            {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()},
            target / "optimizer.pt",
        )
        write_json(target / "state.json", state, indent=1)

    kept = write_folder(folder / f"checkpoint-{state.step:06d}", fill)
    for old in [*folder.glob("checkpoint-*"), *folder.glob("best-*")]:
        if old.name not in {kept.name, state.best}:
            shutil.rmtree(old)


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in ``folder``, or None."""
    return max(folder.glob("checkpoint-*"), default=None)


def load_state(checkpoint: Path) -> TrainingState:
    """The state written in ``checkpoint``."""
    return TrainingState.model_validate_json(
        (checkpoint / "state.json").read_text(encoding="utf-8")
    )


def load_checkpoint(checkpoint: Path, model: Any, optimizer: Any) -> TrainingState:
    """Put weights, optimiser and random generator back as they were; return the state."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(str(checkpoint / "adapter.safetensors"))
    with torch.no_grad():
        for name, parameter in trainable(model):
            parameter.copy_(weights[name])
    saved = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["rng"])
    return load_state(checkpoint)


def trainable(model: Any) -> list[tuple[str, Any]]:
    """Names and parameters that are trained, in the model's order."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


def training_log(runs: Path) -> list[TrainingPoint]:
    """What the newest of the runs in this folder has logged so far; empty before the first line.

    A line that is being written, or that an older version wrote in another form, is left out.
    """
    logs = sorted(runs.glob(f"*/{LOG}"), key=lambda path: path.stat().st_mtime)
    lines = logs[-1].read_text(encoding="utf-8").splitlines() if logs else []
    found = []
    for line in lines:
        with suppress(ValidationError):
            found.append(TrainingPoint.model_validate_json(line))
    return found


def cut_log(path: Path, step: int) -> None:
    """Forget lines of ``progress.jsonl`` after ``step``, and a line that a kill left unfinished."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n") and json.loads(line)["step"] <= step:
            kept.append(line)
    write_text(path, "".join(kept))
