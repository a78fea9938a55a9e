"""A transformers folder, looked at before anything in it is loaded: no torch, no pickle."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from engine.errors import BadInput, Missing
from engine.models.families import FAMILIES

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def check_folder(folder: Path) -> Path:
    """The folder, if it holds what a student can be made from.

    Raises:
        Missing: it has no config.json.
        BadInput: weights as pickles (which run code when loaded), no weights, no tokenizer,
            weights already quantised, a model that needs code of its own, or none that writes text.
    """
    if not (folder / "config.json").is_file():
        raise Missing(
            f"There is no model in {folder}.",
            code="train.base",
            next="Name a folder with config.json, weights and tokenizer, or owner/model.",
            base=str(folder),
        )
    _check_kind(folder, read_config(folder))
    _check_weights(folder)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise BadInput(
            f"The folder {folder.name} has no tokenizer.",
            code="base.tokenizer",
            next="Copy the model's tokenizer.json into the folder.",
            name=folder.name,
        )
    return folder


def _check_kind(folder: Path, config: dict[str, Any]) -> None:
    """Refuse what the config says cannot be trained here."""
    if "quantization_config" in config:
        raise BadInput(
            f"The weights in {folder.name} are quantised and cannot be merged with an adapter.",
            code="base.quantised",
            next="Use the model's 16-bit weights; Coursewright quantises by itself where it can.",
            name=folder.name,
        )
    if "auto_map" in config:
        raise BadInput(
            f"The model in {folder.name} needs program code of its own, which is never run.",
            code="base.code",
            next="Use a model of an architecture that transformers knows, such as Qwen3 or Llama.",
            name=folder.name,
        )
    if not any(
        str(n).endswith(("ForCausalLM", "LMHeadModel")) for n in config.get("architectures") or ()
    ):
        raise BadInput(
            f"The model in {folder.name} is not a language model that writes text.",
            code="base.kind",
            next="Use a causal language model, such as one of the families "
            f"{', '.join(family.name for family in FAMILIES)}.",
            name=folder.name,
        )


def _check_weights(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        raise BadInput(
            f"The weights in {folder.name} are pickle files, which can run code when loaded.",
            code="base.pickle",
            next="Use a copy of the model with .safetensors weights, or convert them where you "
            "trust the file.",
            name=folder.name,
        )
    raise BadInput(
        f"The folder {folder.name} holds no .safetensors weights.",
        code="base.weights",
        next="Download the whole model; a GGUF file alone cannot be trained.",
        name=folder.name,
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json.

    Raises:
        BadInput: it is not JSON.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise BadInput(
            f"The config.json of {folder.name} cannot be read: {error}",
            code="base.config",
            next="Download the model again.",
            name=folder.name,
        ) from error
    return config


def parameters_of(folder: Path) -> int:
    """How many weights the safetensors files hold, by their headers alone.

    Raises:
        BadInput: a file is damaged.
    """
    return sum(_count(file) for file in sorted(folder.glob("*.safetensors")))


def _count(file: Path) -> int:
    """A safetensors file begins with the length of its JSON header, in 8 bytes."""
    try:
        with file.open("rb") as source:
            size = int.from_bytes(source.read(8), "little")
            if not 2 <= size <= 100_000_000:
                raise ValueError("no header")
            header = json.loads(source.read(size))
        shapes = [row["shape"] for name, row in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"The file {file.name} is damaged.",
            code="base.damaged",
            next="Download the model again.",
            name=file.name,
        ) from error
    return sum(math.prod(shape) for shape in shapes)


def licence_of(folder: Path) -> str:
    """The licence that the folder's model card names, or ``""``."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    head = card.read_text(encoding="utf-8", errors="replace")[:4000]
    found = re.search(r"^license:\s*([\w.-]+)", head, re.MULTILINE)
    return found.group(1) if found else ""
