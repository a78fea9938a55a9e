"""``_("English source")``: the text in the language of the interface.

The English sentence is the key; ``zh.toml`` holds the Chinese. Engine errors and other codes have
their own tables there. A test proves that nothing is missing.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import EngineError

LANGUAGES = {"en": "English", "zh": "中文"}


@cache
def catalogue() -> dict[str, dict[str, str]]:
    text = (Path(__file__).parent / "zh.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def language() -> str:
    """The interface's language: chosen, else the browser's."""
    chosen = st.session_state.get("lang")
    if chosen in LANGUAGES:
        return str(chosen)
    return "zh" if (st.context.locale or "en").lower().startswith("zh") else "en"


def _(text: str, **values: Any) -> str:
    found = catalogue()["screens"].get(text, text) if language() == "zh" else text
    return found.format(**values) if values else found


def code_text(table: str, code: str, english: str) -> str:
    """Chinese for a code of the engine (stages of progress, kinds of pairs), else the English."""
    return catalogue()[table].get(code, english) if language() == "zh" else english


def error_text(error: EngineError | dict[str, Any]) -> str:
    """What happened and what to do next, in the interface's language."""
    row = error if isinstance(error, dict) else error.as_dict() | {"values": error.values}
    english = f"{row['message']} {row.get('next', '')}".strip()
    template = catalogue()["errors"].get(row["code"]) if language() == "zh" else None
    if template is None:
        return english
    try:
        return template.format(**row.get("values", {}))
    except (KeyError, IndexError):
        return template


def minutes_text(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return _("{n} s", n=round(seconds))
    if seconds < 5400:
        return _("{n} min", n=round(seconds / 60))
    return _("{n} h", n=f"{seconds / 3600:.1f}")
