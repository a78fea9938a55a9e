"""What may not come in: files that are too large, archives that explode or climb out."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from engine.errors import BadDocument, Missing
from engine.settings import Settings

RATIO = 200
"""A member that grows by more than this, and past ``SMALL``, is a bomb; text grows by 3 to 20."""
SMALL = 10 * 2**20
MEMBERS = 20_000
_CHUNK = 2**20


def check_file(path: Path, settings: Settings) -> None:
    """One file exists, has bytes and is not over the limit.

    Raises:
        Missing: ``file``.
        BadDocument: ``empty``, ``too_large``.
    """
    if not path.exists():
        raise Missing(
            f"{path} does not exist.", code="file", next="Check the path.", filename=str(path)
        )
    size = path.stat().st_size
    if size == 0:
        raise BadDocument(
            f"{path.name} is empty.", code="empty", next="Choose another file.", filename=path.name
        )
    if size > settings.max_upload:
        raise BadDocument(
            f"{path.name} has {_mb(size)} MB; at most {_mb(settings.max_upload)} MB are read.",
            code="too_large",
            next="Split the file, or raise the setting max_upload.",
            filename=path.name,
            size=size,
            limit=settings.max_upload,
        )


def _mb(size: int) -> str:
    return f"{size / 2**20:.1f}".removesuffix(".0")


@contextmanager
def open_zip(path: Path, settings: Settings) -> Iterator[zipfile.ZipFile]:
    """A zip whose declared sizes, names and flags are harmless.

    Raises:
        BadDocument: ``zip.corrupt``, ``zip.encrypted``, ``zip.traversal``, ``zip.bomb``.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _corrupt(path.name, error) from error
    with archive:
        _check_members(archive.infolist(), path.name, settings)
        yield archive


def _check_members(members: list[zipfile.ZipInfo], name: str, settings: Settings) -> None:
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        drive = len(member.filename) > 1 and member.filename[1] == ":"
        link = stat.S_ISLNK(member.external_attr >> 16)
        if parts.is_absolute() or ".." in parts.parts or drive or link:
            raise BadDocument(
                f"{name} holds a path that leads out of it: {member.filename[:80]}",
                code="zip.traversal",
                next="Pack the files again with plain relative paths and without links.",
                filename=name,
                member=member.filename,
            )
        if member.flag_bits & 1:
            raise BadDocument(
                f"{name} is protected with a password.",
                code="zip.encrypted",
                next="Pack the files again without a password.",
                filename=name,
            )
        if member.file_size > SMALL and member.file_size > RATIO * max(1, member.compress_size):
            raise _bomb(name, settings)
    if len(members) > MEMBERS or sum(m.file_size for m in members) > settings.max_unpacked:
        raise _bomb(name, settings)


def _bomb(name: str, settings: Settings) -> BadDocument:
    return BadDocument(
        f"{name} would unpack to more than is reasonable (limit "
        f"{_mb(settings.max_unpacked)} MB, {MEMBERS} files, {RATIO} times its packed size).",
        code="zip.bomb",
        next="Upload the books themselves, or raise the setting max_unpacked.",
        filename=name,
        limit=settings.max_unpacked,
    )


def _corrupt(name: str, error: Exception) -> BadDocument:
    return BadDocument(
        f"{name} is damaged and cannot be unpacked ({error}).",
        code="zip.corrupt",
        next="Pack or download the file again.",
        filename=name,
    )


class Budget:
    """Counts the bytes that really come out of archives, over all nesting levels of one upload."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._left = settings.max_unpacked

    def chunks(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, name: str
    ) -> Iterator[bytes]:
        """One member's bytes in parts.

        Raises:
            BadDocument: ``zip.bomb`` when the budget is spent, ``zip.corrupt``.
        """
        try:
            with archive.open(member) as file:
                while chunk := file.read(_CHUNK):
                    self._left -= len(chunk)
                    if self._left < 0:
                        raise _bomb(name, self._settings)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise _corrupt(name, error) from error

    def read(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, name: str) -> bytes:
        """One member whole; errors as ``chunks``."""
        return b"".join(self.chunks(archive, member, name))


def check_office(path: Path, settings: Settings) -> None:
    """A DOCX, PPTX or EPUB unpacks to what it declares, before a library opens it.

    Raises:
        BadDocument: as ``open_zip`` and ``Budget.chunks``.
    """
    budget = Budget(settings)
    with open_zip(path, settings) as archive:
        for member in archive.infolist():
            for _ in budget.chunks(archive, member, path.name):
                pass
