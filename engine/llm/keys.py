"""Where API keys are kept: the environment, the system's keyring, or a file only its owner reads.

Never the database, never a log. The database knows only which of these places to ask.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from engine.errors import BadInput, Missing
from engine.files import write_text
from engine.settings import Settings

Place = Literal["keyring", "file"]
_SERVICE = "coursewright"


def keep_key(settings: Settings, name: str, key: str) -> Place:
    """Keep a key that was typed in, under a name (the endpoint's address); says where it is."""
    if (keyring := _keyring()) is not None:
        keyring.set_password(_SERVICE, name, key)
        return "keyring"
    _write(settings.home / "secrets.toml", _read(settings) | {name: key})
    return "file"


def forget_key(settings: Settings, name: str) -> None:
    """Remove a kept key, wherever it is."""
    keyring = _keyring()
    if keyring is not None and keyring.get_password(_SERVICE, name) is not None:
        keyring.delete_password(_SERVICE, name)
    kept = _read(settings)
    if kept.pop(name, None) is not None:
        _write(settings.home / "secrets.toml", kept)


def kept_key(settings: Settings, name: str, place: Place) -> str:
    """The key kept under this name.

    Raises:
        Missing: it is not there any more.
    """
    keyring = _keyring() if place == "keyring" else None
    found = keyring.get_password(_SERVICE, name) if keyring else _read(settings).get(name)
    if not found:
        raise Missing(
            f"The API key for {name} is not kept on this machine.",
            code="teacher.key_missing",
            next="Enter the key again in the teacher settings.",
        )
    return str(found)


def check_variable(name: str) -> None:
    """Check that a non-empty text can name an environment variable.

    Raises:
        BadInput: it cannot; it may be the key itself, so it is not repeated.
    """
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BadInput(
            "This is not the name of an environment variable.",
            code="teacher.key_name",
            next="Give the variable's name, such as OPENAI_API_KEY, not the key.",
        )


def key_from_environment(variable: str) -> str:
    """The key in an environment variable.

    Raises:
        BadInput: this is no name of a variable.
        Missing: the variable is not set.
    """
    check_variable(variable)
    if key := os.environ.get(variable, "").strip():
        return key
    raise Missing(
        f"The environment variable {variable} is not set.",
        code="teacher.key_missing",
        next=f"Set {variable} to your API key and start again, or enter the key in the settings.",
        variable=variable,
    )


def _keyring() -> Any:
    """The system's keyring, if the optional package is there and has somewhere to keep keys."""
    try:
        import keyring
        from keyring.backends.fail import Keyring as Nowhere
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), Nowhere) else keyring


def _read(settings: Settings) -> dict[str, str]:
    path = settings.home / "secrets.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, keys: dict[str, str]) -> None:
    """Replace the file in one step; it is its owner's alone (0600) from its first byte on."""
    quoted = {name: json.dumps(key, ensure_ascii=False) for name, key in keys.items()}
    lines = [f"{json.dumps(name, ensure_ascii=False)} = {key}\n" for name, key in quoted.items()]
    write_text(path, "".join(lines), mode=0o600, durable=True)
