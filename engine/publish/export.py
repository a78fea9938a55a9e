"""A finished run becomes files: for this machine's own use, and for taking away."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from engine.errors import BadInput, EngineError, WorkFailed
from engine.files import write_json, write_text, writing
from engine.installed import need_trainer
from engine.models.bases import base_folder, base_gguf, family_of_base
from engine.models.export import write_gguf
from engine.models.families import Runtime, family_of
from engine.models.folder import read_config
from engine.models.tokenizer import PLAIN_OLLAMA, PLAIN_TEMPLATE
from engine.progress import Report
from engine.publish.card import base_name, card
from engine.publish.merge import merge
from engine.publish.parity import ParityReport, parity, runs_in_openvino
from engine.schema import Progress, Value
from engine.settings import Settings
from engine.train import STUDENT, TrainingResult, keep

Format = Literal["lora", "merged", "gguf"]
FORMATS: tuple[Format, ...] = ("lora", "merged", "gguf")
GGUF_NAME = "student-q8_0.gguf"
PUBLISHED = "published.json"


class Published(Value):
    """The student as files on this machine; sizes in bytes.

    ``runtime`` answers with it here: OpenVINO from the GGUF file, or transformers from the merged
    folder. Without a ``gguf`` file, ``withheld`` says why (code, message, next, values).
    """

    merged: Path
    merged_bytes: int
    gguf: Path | None = None
    gguf_bytes: int = 0
    sha256: str = ""
    parity: ParityReport | None = None
    runtime: Runtime = "openvino"
    withheld: dict[str, Any] = {}


def publish_local(
    run_folder: Path, out_folder: Path, *, settings: Settings, report: Report
) -> Published:
    """Merge the run's best adapter, write it as GGUF, and prove that the file answers alike.

    The file stands in ``out_folder`` only after it passed; a second call returns the first's
    result. An interrupted run is published with its best adapter so far. Where another base than
    the built-in one cannot be written as GGUF, or fails the proof, the student is published
    without that file and answers through transformers.

    Raises:
        Missing: the run has no adapter yet, or the trainer's packages are not installed.
        WorkFailed: code ``export.parity``: the built-in student's file does not answer like it.
    """
    result = keep(run_folder)
    stored = out_folder / PUBLISHED
    if stored.exists():
        return _located(out_folder, Published.model_validate_json(stored.read_text("utf-8")))
    need_trainer()
    published = _publish(result, out_folder, settings, report)
    write_json(stored, published, indent=1, durable=True)
    return published


def _publish(result: TrainingResult, out: Path, settings: Settings, report: Report) -> Published:
    base = result.recipe.base
    report(Progress(stage="export.merge", total=3, message="Merging the adapter"))
    folder = base_folder(base, settings, report, result.origin)
    merged = merge(folder, result.adapter, out / "merged")
    plain = Published(
        merged=merged,
        merged_bytes=sum(file.stat().st_size for file in merged.iterdir()),
        runtime="transformers",
    )
    try:
        return _with_gguf(plain, result, out, settings, report)
    except (BadInput, WorkFailed) as error:
        if base == STUDENT:
            raise
        report(Progress(stage="export.merge", done=3, total=3, message=error.message))
        return plain.model_copy(update={"withheld": _reason(error)})


def _with_gguf(
    plain: Published, result: TrainingResult, out: Path, settings: Settings, report: Report
) -> Published:
    """Write the GGUF file aside, prove it, and only then put it into its place."""
    source = base_gguf(result.recipe.base, settings, report, result.origin)
    report(Progress(stage="export.gguf", done=1, total=3, message="Writing the GGUF file"))
    trial = out / "unproven"
    trial.mkdir(exist_ok=True)
    try:
        candidate = write_gguf(plain.merged, trial / GGUF_NAME, source)
        report(Progress(stage="export.parity", done=2, total=3, message="Comparing the answers"))
        proof = parity(plain.merged, candidate, settings=settings)
        runtime: Runtime = "openvino" if runs_in_openvino(candidate) else "transformers"
        gguf = candidate.replace(out / GGUF_NAME)
    finally:
        shutil.rmtree(trial)
    report(Progress(stage="export.parity", done=3, total=3))
    found = {"gguf": gguf, "gguf_bytes": gguf.stat().st_size, "sha256": _sha256(gguf)}
    return plain.model_copy(update={**found, "parity": proof, "runtime": runtime})


def _reason(error: EngineError) -> dict[str, Any]:
    return error.as_dict() | {"values": error.values}


def _located(folder: Path, published: Published) -> Published:
    """The same files where the folder stands now."""
    found = {"merged": folder / published.merged.name}
    if published.gguf:
        found["gguf"] = folder / published.gguf.name
    return published.model_copy(update=found)


def export(
    run_folder: Path, form: str, out: Path, *, settings: Settings, report: Report
) -> list[Path]:
    """Write the run's student into ``out`` as ``lora``, ``merged`` or ``gguf``, with a card.

    Returns the files written; files of the same names are replaced. What ``gguf`` and ``merged``
    need is made in the run folder first (``publish_local``), so no unproven file is handed out.

    Raises:
        BadInput: no such format, or this student cannot be written as GGUF.
        Missing, WorkFailed: as ``publish_local``.
    """
    if form not in FORMATS:
        raise BadInput(
            f"There is no format {form!r}.",
            code="export.format",
            next=f"Choose one of {', '.join(FORMATS)}.",
            format=form,
        )
    result = keep(run_folder)
    student = run_folder / "student"
    published = None
    if form != "lora" or (student / PUBLISHED).exists():
        published = publish_local(run_folder, student, settings=settings, report=report)
    if form == "gguf" and published and not published.gguf:
        raise _no_gguf(published)
    out.mkdir(parents=True, exist_ok=True)
    files = _copy(_sources(form, result, published), out, report)
    if form == "lora":
        _name_base(out / "adapter_config.json", result.recipe.base)
    if form == "gguf":
        files.append(write_text(out / "Modelfile", _modelfile(published, result.recipe.system)))
    if notice := _notice(result, published):
        files.append(write_text(out / "NOTICE", notice + "\n"))
    text = card(result, form, GGUF_NAME, published.parity if published else None)
    return list(dict.fromkeys([*files, write_text(out / "README.md", text)]))


def _sources(form: str, result: TrainingResult, published: Published | None) -> list[Path]:
    if form == "lora" or published is None:
        return [result.adapter / name for name in ("adapter_config.json", _ADAPTER)]
    if form == "gguf" and published.gguf:
        return [published.gguf]
    return sorted(published.merged.iterdir())


def _modelfile(published: Published | None, system: str) -> str:
    """What Ollama needs; of the chat templates in GGUF files it knows the common ones only."""
    text = f"FROM ./{GGUF_NAME}\nPARAMETER temperature 0\n"
    if system:
        text += f'SYSTEM "{system.replace(chr(34), chr(39))}"\n'
    template = published.merged / "chat_template.jinja" if published else None
    if template and template.is_file() and template.read_text("utf-8") == PLAIN_TEMPLATE:
        text += f'TEMPLATE """{PLAIN_OLLAMA}"""\n'
    return text


def _notice(result: TrainingResult, published: Published | None) -> str:
    """What the licence of the base's family wants beside every copy, or ``""``."""
    family = family_of_base(result.recipe.base)
    if family is None and published:  # the base's folder may be gone
        family = family_of(str(read_config(published.merged).get("model_type")))
    return family.notice if family else ""


def _no_gguf(published: Published) -> BadInput:
    return BadInput(
        f"This student has no GGUF file. {published.withheld.get('message', '')}".strip(),
        code="export.no_gguf",
        next="Export it as merged weights or as a LoRA adapter.",
    )


_ADAPTER = "adapter_model.safetensors"


def _copy(sources: Iterable[Path], out: Path, report: Report) -> list[Path]:
    files: list[Path] = []
    for source in sources:
        report(Progress(stage="export.copy", done=len(files), message=source.name))
        with writing(out / source.name, durable=True) as aside:
            shutil.copyfile(source, aside)
        files.append(out / source.name)
    return files


def _name_base(path: Path, base: str) -> None:
    """Put the base's public name where PEFT wrote a folder of this machine."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name(base)[0]
    write_json(path, config, indent=2)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
