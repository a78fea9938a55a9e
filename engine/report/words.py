"""The words of the reports in the course's language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from engine.schema import Language

Words = Callable[..., str]


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All words by language and key."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def words(language: Language) -> Words:
    """``say(key, **values)`` in this language."""
    own = catalogue()[language]

    def say(key: str, **values: object) -> str:
        return own[key].format(**values) if values else own[key]

    return say
