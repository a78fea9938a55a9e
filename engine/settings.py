"""One frozen ``Settings``, from the environment and ``<home>/config.toml``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import Field

from engine.errors import BadInput

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

_Count = Annotated[int, Field(gt=0)]


@dataclass(frozen=True)
class Settings:
    """Where this installation keeps its state and what it may use.

    ``database_url`` and ``jobs_url`` are SQLAlchemy URLs, for PostgreSQL
    ``postgresql+psycopg://user:password@host/database``; empty means SQLite files under ``home``,
    where a relative SQLite path lies too.
    ``threads`` 0 means one per core; ``designers`` are the addresses (commas between) of those who
    may do everything where people sign in. ``ocr`` has scanned and damaged pages of PDFs read by
    text recognition, unless a book's own choice says otherwise. Sizes are bytes unless the name
    says otherwise.
    """

    home: Path
    database_url: str = ""
    jobs_url: str = ""
    max_upload: _Count = 200 * 2**20
    max_unpacked: _Count = 600 * 2**20
    max_pages: _Count = 3000
    threads: Annotated[int, Field(ge=0)] = 0
    designers: str = ""
    ocr: bool = False

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
        BadInput: the file is not TOML (``settings.toml``) or names a setting that does not exist
            (``settings.unknown``); a value there or in the environment is not of its kind
            (``settings.value``).
    """
    folder = (home or default_home()).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    values = _given(folder / "config.toml")
    for name in ("database_url", "jobs_url"):
        values[name] = _under(folder, values.get(name, ""))
    return replace(Settings(home=folder), **values)


def _under(folder: Path, url: str) -> str:
    """The URL with a relative SQLite path taken from ``folder``: processes work in many folders."""
    scheme, slashes, path = url.partition(":///")
    relative = scheme.startswith("sqlite") and path and not path.startswith(("/", ":", "file:"))
    return f"{scheme}{slashes}{folder / path}" if relative else url


def _given(file: Path) -> dict[str, Any]:
    """The settings that the environment or the file gives, checked."""
    from pydantic import ValidationError

    try:
        given = _reader(file)()
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"{file} is not valid TOML: {error}",
            code="settings.toml",
            next="Mend the line that is named, or remove the file.",
        ) from error
    except ValidationError as error:
        raise _wrong(error.errors()[0], file) from error
    return dict(given.model_dump(exclude_unset=True))


def _reader(file: Path) -> type[BaseSettings]:
    """A model of ``Settings`` whose values come from the environment, then from the file."""
    from pydantic import create_model
    from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

    class Sources(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix="COURSEWRIGHT_", env_ignore_empty=True, extra="forbid"
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: Any,
            env_settings: Any,
            dotenv_settings: Any,
            file_secret_settings: Any,
        ) -> tuple[Any, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, file)

    kinds = get_type_hints(Settings, include_extras=True)
    own: Any = {f.name: (kinds[f.name], f.default) for f in fields(Settings) if f.name != "home"}
    return create_model("Given", __base__=Sources, **own)


def _wrong(found: Mapping[str, Any], file: Path) -> BadInput:
    """What pydantic found, as an error that says where it stands and what may stand there."""
    name = str(found["loc"][0])
    if found["type"] == "extra_forbidden":
        return BadInput(
            f"{file} has an unknown setting: {name}.",
            code="settings.unknown",
            next=f"Known settings are {', '.join(sorted(_names()))}.",
            name=name,
        )
    variable = f"COURSEWRIGHT_{name.upper()}"
    where = variable if os.environ.get(variable) else f"{name} in {file}"
    return BadInput(
        f"{where} is {found['input']!r}: {found['msg']}.",
        code="settings.value",
        next=f"Correct {where}, or remove it for the default.",
        where=where,
    )


def _names() -> set[str]:
    return {f.name for f in fields(Settings)} - {"home"}
