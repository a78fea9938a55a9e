"""Files and folders that appear whole or not at all: made aside, then renamed into their place.

A process that is killed, or a full disk, leaves the earlier file as it was. What is made aside is
called ``.<name>.<process>-<number>.part``; what a killed process left is removed by the next
writer in the same folder, an hour later at the earliest.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.schema import Value

_LEFT_OVER_SECONDS = 3600.0
_numbers = itertools.count()


@contextmanager
def writing(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[Path]:
    """Give an empty file beside ``path`` to write to; it becomes ``path`` when all went well.

    Args:
        path: The file; its folder is made where it is missing.
        mode: Permissions of the new file (before the umask), from its first byte on.
        durable: Wait until the bytes are on the disk, so that a power cut loses nothing either.
    """
    aside = _aside(path)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield aside
        if durable:
            _sync(aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if durable:
        _sync(path.parent)


@contextmanager
def making(folder: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` to fill; it becomes ``folder`` when all went well.

    Args:
        folder: A folder that does not exist yet; its parent is made where it is missing.
        durable: Wait until its files are on the disk.
    """
    aside = _aside(folder)
    aside.mkdir()
    try:
        yield aside
        if durable:
            for path in [*aside.rglob("*"), aside]:
                _sync(path)
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if durable:
        _sync(folder.parent)


def write_bytes(path: Path, data: bytes, *, durable: bool = False) -> Path:
    """Write a file whole or not at all; returns its path."""
    with writing(path, durable=durable) as aside:
        aside.write_bytes(data)
    return path


def write_text(path: Path, text: str, *, mode: int = 0o666, durable: bool = False) -> Path:
    """Write text as UTF-8, whole or not at all; returns its path."""
    with writing(path, mode=mode, durable=durable) as aside:
        aside.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, data: Any, *, indent: int | None = None, durable: bool = False) -> Path:
    """Write values as JSON, whole or not at all; what JSON does not know is written as ``str``."""
    plain = data.model_dump(mode="json") if isinstance(data, Value) else data
    text = json.dumps(plain, ensure_ascii=False, indent=indent, default=str)
    return write_text(path, text, durable=durable)


def read_json(path: Path) -> Any:
    """The values in a JSON file; None where there is no file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _aside(path: Path) -> Path:
    """A name beside ``path`` that nobody else has; what killed writers left there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(".*.part"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER_SECONDS:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.part")


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk (where the system can)."""
    with suppress(PermissionError):  # Windows opens no folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
