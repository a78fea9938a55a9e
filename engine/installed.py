"""What is installed: a machine on which people only teach and learn may leave the trainer out."""

from __future__ import annotations

import importlib.util

from engine.errors import Missing

TRAINER = (
    "torch", "transformers", "trl", "peft", "datasets", "accelerate", "safetensors", "tokenizers",
)  # fmt: skip
"""The modules that only fine-tuning, exporting and models without a GGUF file need."""


def need_trainer() -> None:
    """Return where the trainer's packages are installed (looked for, not imported).

    Raises:
        Missing: code ``trainer.missing``: at least one is not.
    """
    absent = [name for name in TRAINER if not _installed(name)]
    if absent:
        raise Missing(
            f"This needs the trainer, which is not installed here ({', '.join(absent)}).",
            code="trainer.missing",
            next="Install it with: pip install coursewright",
            absent=", ".join(absent),
        )


def need_ocr() -> None:
    """Return where text recognition is installed.

    Raises:
        Missing: code ``ocr.missing``: it is not.
    """
    if not ocr_installed():
        raise Missing(
            "Text recognition (OCR) is not installed here.",
            code="ocr.missing",
            next="Install it with: pip install 'coursewright[ocr]'",
        )


def ocr_installed() -> bool:
    """Whether scanned and damaged pages can be read here."""
    return _installed("rapidocr")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a name that was blocked, or half imported
        return False
