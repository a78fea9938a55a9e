"""What stands in an answer: thoughts taken out, JSON found, checked against its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from engine.errors import BadAnswer

_THOUGHTS = re.compile(r"^\s*<think>.*?</think>\s*", re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_CANDIDATES = 20


def without_thoughts(text: str) -> str:
    """The text without the ``<think>`` block that reasoning models put first."""
    return _THOUGHTS.sub("", text, count=1)


def spoken(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces of a streamed answer without a leading ``<think>`` block."""
    held = ""
    for piece in pieces:
        held += piece
        start = held.lstrip()
        if start.startswith("<think>"):
            if "</think>" not in held:
                continue
            held = held.partition("</think>")[2].lstrip()
        elif "<think>".startswith(start):
            continue
        if held:
            yield held
        yield from pieces
        return
    if held and not held.lstrip().startswith("<think>"):
        yield held


def usable_text(text: str) -> str:
    """The text of an answer, cleaned of thoughts.

    Raises:
        BadAnswer: nothing is left, or it holds what no database can store.
    """
    text = without_thoughts(text)
    if not text.strip():
        raise BadAnswer("The model's answer is empty.", code="teacher.empty", next=_AGAIN)
    if not _storable(text):
        raise BadAnswer("The answer is not valid text.", code="teacher.text", next=_AGAIN)
    return text


def find_json(text: str, schema: dict[str, Any]) -> Any:
    """The first JSON value in a text that is valid against the schema.

    The whole text, then fenced blocks, then whatever starts with a bracket.

    Raises:
        BadAnswer: there is none; says what is wrong with the best candidate.
    """
    wrong = "no JSON value in it"
    check = _validator(json.dumps(schema, sort_keys=True))
    for number, value in enumerate(_values(text)):
        error = next(check.iter_errors(value), None)
        if error is None and _clean(value):
            return value
        if number == 0 and error is not None:
            wrong = f"{error.json_path}: {error.message}"[:200]
    raise BadAnswer(
        f"The answer is not the JSON asked for ({wrong}).",
        code="teacher.json",
        next=_AGAIN,
        reason=wrong,
    )


_AGAIN = "Ask again, or choose a stronger model."


def _values(text: str) -> Iterator[Any]:
    """JSON values in a text, the most likely first."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    for candidate in (text, *_FENCE.findall(text)):
        try:
            yield decoder.decode(candidate.strip())
        except ValueError:
            continue
    for match in list(re.finditer(r"[{\[]", text))[:_CANDIDATES]:
        try:
            yield decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):
            continue


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def check_schema(schema: dict[str, Any]) -> None:
    """Check that a JSON schema is one.

    Raises:
        BadAnswer: it is not.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadAnswer(
            f"The JSON schema is wrong: {error.message[:200]}", code="teacher.request"
        ) from error


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _storable(text: str) -> bool:
    """No lone surrogates and no NUL: SQLite refuses the first, PostgreSQL the second."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _clean(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return _storable(text) and not _NUL.search(text)


def schema_words(schema: dict[str, Any]) -> str:
    """The sentence that asks for JSON where the endpoint cannot be made to give it."""
    text = json.dumps(schema, ensure_ascii=False)
    return f"Answer with one JSON value and nothing else, valid against this JSON schema:\n{text}"
