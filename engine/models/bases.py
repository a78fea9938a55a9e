"""What a student can be made from: the models we bring, a folder on this machine, a hub's name.

``known`` lists what we recommend; ``facts`` says of any base what can be known before it is
fetched; ``base_folder`` brings it here, checked.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.models import gemma_gguf, gemma_transformers, smollm2_gguf, smollm2_transformers
from engine.models.folder import check_folder, licence_of, parameters_of, read_config
from engine.models.hub import from_hub, held
from engine.progress import Report, silent
from engine.schema import Language, Value
from engine.settings import Settings

SMOLLM2 = "smollm2-135m"
GEMMA = "gemma3-270m"
QWEN = "Qwen/Qwen3-0.6B"
GEMMA_TERMS = "https://ai.google.dev/gemma/terms"
GEMMA_NOTICE = (
    "Gemma is provided under and subject to the Gemma Terms of Use "
    "found at ai.google.dev/gemma/terms"
)


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


_KNOWN = (
    Base(
        id=SMOLLM2,
        title="SmolLM2 135M Instruct",
        languages=("en",),
        licence="Apache-2.0",
        parameters=134_515_008,
        download=92_871_040,
    ),
    Base(
        id=GEMMA,
        title="Gemma 3 270M",
        languages=("zh", "en"),
        licence="Gemma Terms of Use",
        terms=GEMMA_TERMS,
        parameters=268_098_176,
        download=238_175_024,
    ),
    Base(
        id=QWEN,
        title="Qwen3 0.6B",
        languages=("zh", "en"),
        licence="Apache-2.0",
        parameters=596_049_920,
        download=1_503_300_328,
    ),
)
_HERE = {SMOLLM2: "SmolLM2-135M-Instruct", GEMMA: "gemma-3-270m"}
_GUESS = 500_000_000


def known() -> tuple[Base, ...]:
    """The bases that we recommend, smallest first."""
    return _KNOWN


def recommended(language: Language) -> str:
    """The smallest base that speaks ``language`` and needs no model hub."""
    return SMOLLM2 if language == "en" else GEMMA


def facts(base: str, settings: Settings) -> Base:
    """What is known of ``base`` now; nothing is fetched.

    Raises:
        BadInput: a folder that cannot be trained (see ``check_folder``).
        Missing: neither a known name, nor a folder, nor an ``owner/model``.
    """
    found = next((own for own in _KNOWN if own.id == base), None)
    if found and base in _HERE:
        here = (settings.models / _HERE[base]).exists()
        return found.model_copy(update={"download": 0}) if here else found
    folder = _local(base) or held(base)
    if folder is None:
        return found or Base(id=base, title=base, parameters=guess(base), measured=False)
    check_folder(folder)
    return Base(
        id=base,
        title=found.title if found else base.rstrip("/").rsplit("/", 1)[-1],
        languages=found.languages if found else (),
        licence=licence_of(folder) or (found.licence if found else ""),
        parameters=parameters_of(folder),
    )


def guess(name: str) -> int:
    """Parameters by a model's name (``Qwen3-0.6B``, ``gemma-3-270m``), else half a billion."""
    sizes = re.findall(r"(?<![\d.a-z])(\d+(?:\.\d+)?)([bm])(?![a-z])", name.lower())
    if not sizes:
        return _GUESS
    count, unit = sizes[-1]
    return round(float(count) * (1e9 if unit == "b" else 1e6))


def base_folder(base: str, settings: Settings, report: Report = silent) -> Path:
    """The transformers folder of a base: one of ours, a folder, or fetched from the hub.

    Raises:
        BadInput: its terms are not accepted, or the folder cannot be trained.
        Missing: there is no such folder.
        WorkFailed: fetching it failed.
    """
    if base == SMOLLM2:
        return smollm2_transformers(settings, report)
    if base == GEMMA:
        _insist(base, settings)
        return gemma_transformers(settings, report)
    return check_folder(_local(base) or held(base) or from_hub(base, report))


def base_gguf(base: str, settings: Settings, report: Report = silent) -> Path:
    """The GGUF whose metadata and tokenizer an export of ``base`` keeps.

    Raises:
        BadInput: the base has no GGUF file of its own.
    """
    if base == SMOLLM2:
        return smollm2_gguf(settings, report)
    if base == GEMMA:
        _insist(base, settings)
        return gemma_gguf(settings, report)
    folder = _local(base) or held(base)
    found = sorted(folder.glob("*.gguf")) if folder else []
    if len(found) != 1:
        raise BadInput(
            f"The base {base.rstrip('/').rsplit('/', 1)[-1]} comes with {len(found)} GGUF files; "
            "to write one of the student takes exactly one.",
            code="export.base_gguf",
            next="Put the base model's GGUF file into its folder, or export another format.",
            base=base,
            n=len(found),
        )
    return found[0]


def has_gguf(base: str) -> bool:
    """Whether a student of this base can be written as GGUF; nothing is fetched or loaded.

    It takes a GGUF of the base, whose metadata and tokenizer the export keeps, and one of the
    architectures whose tensors we know how to name.
    """
    if base in _HERE:
        return True
    folder = _local(base) or held(base)
    if folder is None or len(list(folder.glob("*.gguf"))) != 1:
        return False
    return read_config(folder).get("model_type") in ("llama", "gemma3_text")


def _local(base: str) -> Path | None:
    """The folder that ``base`` names, or None where it is a hub's ``owner/model``.

    Raises:
        Missing: it is neither.
    """
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or not re.fullmatch(r"[\w.-]+/[\w.-]+", base) or base.startswith("."):
        raise Missing(
            f"There is no model in {base}.",
            code="train.base",
            next="Name a folder with config.json, weights and tokenizer, or owner/model.",
            base=base,
        )
    return None


# ---------------------------------------------------------------- terms


def pending_terms(base: str, settings: Settings) -> str:
    """The address of the terms that have to be accepted before ``base`` is fetched, or ``""``."""
    terms = next((own.terms for own in _KNOWN if own.id == base), "")
    return "" if not terms or _acceptance(base, settings).exists() else terms


def accept_terms(base: str, settings: Settings) -> None:
    """Note down that the terms of ``base`` were read and accepted here; nothing if it has none."""
    terms = pending_terms(base, settings)
    if not terms:
        return
    path = _acceptance(base, settings)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(path, {"accepted": when, "terms": terms}, durable=True)


def _acceptance(base: str, settings: Settings) -> Path:
    return settings.models / f"{base}.terms.json"


def _insist(base: str, settings: Settings) -> None:
    if terms := pending_terms(base, settings):
        raise BadInput(
            f"{base} comes under terms of its own, which nobody has accepted here: {terms}",
            code="model.terms",
            next="Read them; then accept them on the screen Student model, "
            "or add --accept-terms to the command.",
            base=base,
            terms=terms,
        )
