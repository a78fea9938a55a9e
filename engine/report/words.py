"""The words of the reports in the course's language."""

from __future__ import annotations

from collections.abc import Callable

from engine.language import table
from engine.schema import Language

Words = Callable[..., str]


def words(language: Language) -> Words:
    """``say(key, **values)`` in this language."""
    own = table(language, "report")

    def say(key: str, **values: object) -> str:
        return str(own[key].format(**values) if values else own[key])

    return say
