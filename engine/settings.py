"""One frozen ``Settings``, from the environment and ``<home>/config.toml``."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.errors import BadInput


@dataclass(frozen=True)
class Settings:
    """Where this installation keeps its state and what it may use.

    ``database_url`` and ``jobs_url`` are SQLAlchemy URLs, for PostgreSQL
    ``postgresql+psycopg://user:password@host/database``; empty means SQLite files under ``home``,
    where a relative SQLite path lies too.
    ``threads`` 0 means one per core; ``designers`` are the addresses (commas between) of those who
    may do everything where people sign in. Sizes are bytes unless the name says otherwise.
    """

    home: Path
    database_url: str = ""
    jobs_url: str = ""
    max_upload: int = 200 * 2**20
    max_unpacked: int = 600 * 2**20
    max_pages: int = 3000
    threads: int = 0
    designers: str = ""

    @property
    def database(self) -> str:
        """URL of the rows."""
        return self.database_url or f"sqlite:///{self.home / 'coursewright.db'}"

    @property
    def jobs_database(self) -> str:
        """URL of the durable queue."""
        return self.jobs_url or f"sqlite:///{self.home / 'jobs.db'}"

    @property
    def models(self) -> Path:
        """Folder of fetched models, shared by all courses."""
        return self.home / "models"

    def course_folder(self, course: str) -> Path:
        """Folder of one course's artefacts (books, runs, exports)."""
        return self.home / "courses" / course


def default_home() -> Path:
    """``$COURSEWRIGHT_HOME``, else the platform's folder for application data."""
    if given := os.environ.get("COURSEWRIGHT_HOME"):
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("coursewright", appauthor=False)


def load(home: Path | None = None) -> Settings:
    """Settings for ``home``: ``config.toml`` there, overridden by ``COURSEWRIGHT_<NAME>``.

    Raises:
        BadInput: the file is not TOML, or names a setting that does not exist.
    """
    folder = (home or default_home()).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    values = _from_file(folder / "config.toml") | _from_environment()
    for name in ("database_url", "jobs_url"):
        values[name] = _under(folder, values.get(name, ""))
    return replace(Settings(home=folder), **values)


def _under(folder: Path, url: str) -> str:
    """The URL with a relative SQLite path taken from ``folder``: processes work in many folders."""
    scheme, slashes, path = url.partition(":///")
    relative = scheme.startswith("sqlite") and path and not path.startswith(("/", ":", "file:"))
    return f"{scheme}{slashes}{folder / path}" if relative else url


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}", code="settings.toml") from error
    if unknown := sorted(set(values) - _names()):
        raise BadInput(
            f"{path} has unknown settings: {', '.join(unknown)}.",
            code="settings.unknown",
            next=f"Known settings are {', '.join(sorted(_names()))}.",
        )
    return values


def _from_environment() -> dict[str, Any]:
    found = {name: os.environ.get(f"COURSEWRIGHT_{name.upper()}") for name in _names()}
    numbers = {f.name for f in fields(Settings) if f.type == "int"}
    return {k: int(v) if k in numbers else v for k, v in found.items() if v}


def _names() -> set[str]:
    return {f.name for f in fields(Settings)} - {"home"}
