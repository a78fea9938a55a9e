"""The one loader of a language's folder of TOML.

A language is a folder named by its code (``en``, ``zh``) with the files of ``engine/language/en``.
Folders lie here, and in each folder that the environment variable ``COURSEWRIGHT_LANGUAGES`` names
(separated as in ``PATH``); a language found there takes the place of ours of the same code.
What reads text (``READING``) has to be there in full. What says something to people or models may
be missing, key by key: English stands in for it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import BadInput

DEFAULT = "en"
"""The language that stands in where a text is missing, and where nothing says otherwise."""
VARIABLE = "COURSEWRIGHT_LANGUAGES"
READING = ("language", "gates", "definitions", "forms", "wordings", "grading")
"""Tables without which the books and answers in a language cannot be read."""
Table = Mapping[str, Any]


def languages() -> tuple[str, ...]:
    """The codes of all languages that courses can be in, English first, then by the alphabet."""
    return tuple(_folders(os.environ.get(VARIABLE, "")))


def known_language(code: str) -> str:
    """The code, if there is such a language.

    Raises:
        ValueError: there is none.
    """
    if code not in languages():
        raise ValueError(f"no language “{code}”; there are {', '.join(languages())}")
    return code


def table(code: str, name: str) -> Table:
    """One file of a language: its name without the suffix, such as ``gates`` or ``report``.

    Raises:
        BadInput: ``language.unknown``, ``language.toml``, ``language.incomplete``.
    """
    folders = _folders(os.environ.get(VARIABLE, ""))
    if code not in folders:
        raise BadInput(
            f"There is no language “{code}”.",
            code="language.unknown",
            next=f"Choose one of {', '.join(folders)}.",
            language=code,
            known=", ".join(folders),
        )
    return _table(folders[code], folders[DEFAULT], name)


def missing(code: str) -> list[str]:
    """Names (``file.key.key``) of what English has and this language's folder lacks."""
    folders = _folders(os.environ.get(VARIABLE, ""))
    english = folders[DEFAULT]
    found: list[str] = []
    for path in sorted(english.glob("*.toml")):
        own = folders[code] / path.name
        found += _lacking(_read(path), _read(own) if own.exists() else {}, f"{path.stem}.")
    return found


@cache
def _folders(extra: str) -> dict[str, Path]:
    places = [Path(__file__).parent, *(Path(p) for p in extra.split(os.pathsep) if p)]
    found = {
        path.parent.name: path.parent for place in places for path in place.glob("*/language.toml")
    }
    return {code: found[code] for code in sorted(found, key=lambda code: (code != DEFAULT, code))}


@cache
def _table(folder: Path, english: Path, name: str) -> Table:
    own = _read(folder / f"{name}.toml") if (folder / f"{name}.toml").exists() else {}
    whole = _read(english / f"{name}.toml")
    if name not in READING:
        return _filled(whole, own)
    if lacking := _lacking(whole, own, f"{name}."):
        raise BadInput(
            f"The language in {folder} lacks {', '.join(lacking)}.",
            code="language.incomplete",
            next="Add them after the example of engine/language/en.",
            folder=str(folder),
            lacking=", ".join(lacking),
        )
    return own


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"{path} is not valid TOML: {error}",
            code="language.toml",
            next="Correct the line that it names.",
            file=str(path),
            reason=str(error),
        ) from error


_OPEN = ("forms.parts", "definitions.parts", "grading.units", "language.names", "language.sample")
"""Tables whose keys each language chooses by itself."""


def _lacking(whole: Table, own: Table, prefix: str) -> list[str]:
    found: list[str] = []
    for key, value in whole.items():
        name = prefix + key
        if name in _OPEN:
            continue
        if key not in own:
            found.append(name)
        elif isinstance(value, dict):
            found += _lacking(value, own[key], f"{name}.")
    return found


def _filled(whole: Table, own: Table) -> dict[str, Any]:
    """``own`` with what it lacks taken from ``whole``."""
    found = dict(whole) | dict(own)
    for key in whole.keys() & own.keys():
        if isinstance(whole[key], dict):
            found[key] = _filled(whole[key], own[key])
    return found
