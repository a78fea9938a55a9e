"""``_("English source")``: the text in the language of the interface (gettext, read by Babel).

The English sentence is the id of a message; ``locale/<language>/LC_MESSAGES/coursewright.po`` holds
its translation. Codes of the engine (errors, kinds of pairs, stages of progress) are messages with
a context. A language of the interface is a folder with such a file, here or in a folder that
``COURSEWRIGHT_LANGUAGES`` names (see ``engine.language``). Nothing is compiled beforehand: a
catalogue is read when it is first used.
"""

import gettext
import io
import os
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from engine.errors import EngineError
from engine.language import DEFAULT, VARIABLE
from engine.schema import Warn

FOLDER = Path(__file__).parent / "locale"
_FILE = Path("LC_MESSAGES") / "coursewright.po"


def languages() -> dict[str, str]:
    """Code to own name of each language of the interface, English first."""
    return {code: _own_name(code) for code in (DEFAULT, *_catalogues())}


def _catalogues() -> dict[str, Path]:
    return _found(os.environ.get(VARIABLE, ""))


@cache
def _found(extra: str) -> dict[str, Path]:
    places = [FOLDER, *(Path(place) for place in extra.split(os.pathsep) if place)]
    found = {path.parents[1].name: path for place in places for path in place.glob(f"*/{_FILE}")}
    return dict(sorted(found.items()))


@cache
def _own_name(code: str) -> str:
    try:
        name = Locale.parse(code).get_display_name(code) or code
    except (UnknownLocaleError, ValueError):
        return code
    return name[:1].upper() + name[1:]


class _English(gettext.NullTranslations):
    """No translation: texts stay as they are, and codes have none."""

    def pgettext(self, context: str, message: str) -> str:
        return ""


@cache
def catalogue(path: Path | None) -> gettext.NullTranslations:
    """The translations of a ``.po`` file; without one, English."""
    if path is None:
        return _English()
    with path.open("rb") as file:
        known = read_po(file)
    for message in [m for m in known if isinstance(m.string, tuple) and not all(m.string)]:
        known.delete(message.id, message.context)
    compiled = io.BytesIO()
    write_mo(compiled, known)
    compiled.seek(0)
    found = gettext.GNUTranslations(compiled)
    found.add_fallback(_English())
    return found


def _translations() -> gettext.NullTranslations:
    return catalogue(_catalogues().get(language()))


def language_name(code: str) -> str:
    """What a language is called in the language of the interface."""
    try:
        return str(Locale.parse(code).get_display_name(language()) or code)
    except (UnknownLocaleError, ValueError):
        return code


def language() -> str:
    """The interface's language: chosen, else the browser's, else English."""
    known = languages()
    chosen = st.session_state.get("lang")
    if chosen in known:
        return str(chosen)
    asked = (st.context.locale or DEFAULT).lower().partition("-")[0]
    return asked if asked in known else DEFAULT


def _(text: str, **values: Any) -> str:
    found = _translations().gettext(text)
    return found.format(**values) if values else found


def _n(one: str, many: str, count: int, /, **values: Any) -> str:
    """The form that fits the count in this language; ``{n}`` is the count as people write it."""
    found = _translations().ngettext(one, many, count)
    return found.format(**({"n": number(count)} | values))


def number(value: float, digits: int = 0) -> str:
    """A number with the marks of the language: 1,234.5 in English, 1.234,5 in German."""
    form = "#,##0" + ("." + "0" * digits if digits else "")
    try:
        return str(format_decimal(value, form, locale=language()))
    except (UnknownLocaleError, ValueError):
        return f"{value:,.{digits}f}"


def code_text(table: str, code: str, english: str) -> str:
    """The translation of an engine's code (stages of progress, kinds of pairs), else the English.

    ``table`` is the context of such codes in the catalogue.
    """
    return _translations().pgettext(table, code) or english


def error_text(error: EngineError | dict[str, Any]) -> str:
    """What happened and what to do next, in the interface's language."""
    row = error if isinstance(error, dict) else error.as_dict() | {"values": error.values}
    english = f"{row['message']} {row.get('next', '')}".strip()
    template = _translations().pgettext("errors", row["code"])
    if not template:
        return english
    try:
        return template.format(**row.get("values", {}))
    except (KeyError, IndexError):
        return template


def warning_text(warning: Warn) -> str:
    """A warning about a book, in the interface's language, with its numbers."""
    template = code_text("warnings", warning.code, "")
    try:
        return template.format(**warning.values) or warning.message
    except (KeyError, IndexError):
        return warning.message


def minutes_text(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return _("{n} s", n=round(seconds))
    if seconds < 5400:
        return _("{n} min", n=round(seconds / 60))
    return _("{n} h", n=number(seconds / 3600, 1))
