"""What an endpoint's refusals and faults mean: from status, headers and words to our errors.

``TeacherRefused`` ends everything, ``TeacherBusy`` waits, ``TeacherBroken`` is retried, and
``BadAnswer`` from here means that the endpoint rejects this one request as it is.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterator, Mapping

from engine.errors import BadAnswer, TeacherBroken, TeacherBusy, TeacherError, TeacherRefused

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_TOO_LONG = re.compile(r"context.{0,20}(length|window|size)|too long|too many tokens", re.I | re.S)
_QUOTA = re.compile(r"insufficient.{0,3}(quota|balance|funds)|exceeded your current quota", re.I)


def seconds_of(text: str) -> float | None:
    """Seconds in a header's value: ``2``, ``1.5s``, ``6m0s``, ``120ms`` or an HTTP date."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if parts := _DURATION.findall(text):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):  # no date either: the header says nothing that we know
        return None
    return max(0.0, date.timestamp() - time.time())


def announced_wait(headers: Mapping[str, str], words: str) -> float | None:
    """How long a 429 tells us to wait, in seconds; None where it does not say."""
    if (milliseconds := headers.get("retry-after-ms", "")).replace(".", "", 1).isdigit():
        return float(milliseconds) / 1000
    if (seconds := seconds_of(headers.get("retry-after", ""))) is not None:
        return seconds
    for name in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{name}") == "0":
            return seconds_of(headers.get(f"x-ratelimit-reset-{name}", ""))
    told = re.search(r"(?:try again|retry) (?:in|after) ([\d.]+ ?(?:ms|s|m)?\b)", words, re.I)
    return seconds_of(told.group(1)) if told else None


def words_of(body: str) -> str:
    """The human part of an error body: OpenAI's ``error.message``, other shapes, or its start."""
    try:
        data = json.loads(body)
    except ValueError:
        return "a web page (HTML)" if body.lstrip().startswith("<") else body.strip()[:300]
    for name in ("error", "message", "detail", "msg"):
        if isinstance(data, dict) and data.get(name):
            data = data[name]
    return (data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))[:300]


def of_status(
    status: int, headers: Mapping[str, str], body: str, *, model: str, base_url: str
) -> TeacherError:
    """The error that an HTTP status other than 200 means. ``values`` has the status and words."""
    words = words_of(body)
    if status == 402 or _QUOTA.search(body):
        return TeacherRefused(
            f"The account has no credit left: {words}",
            code="teacher.quota",
            next="Top up the account at the provider, or choose another teacher.",
            status=status,
        )
    if status in (401, 403):
        return TeacherRefused(
            f"The endpoint refuses the key ({status}): {words}",
            code="teacher.key",
            next="Check the API key and that it may use this model.",
            status=status,
        )
    if status in (404, 405) or 300 <= status < 400:
        return _not_found(status, words, model, base_url)
    if status == 429 or (status in (503, 529) and headers.get("retry-after")):
        return TeacherBusy(
            f"The endpoint is at its limit: {words}",
            code="teacher.busy",
            next="Wait a little, or lower the number of calls at a time.",
            status=status,
            wait=announced_wait(headers, words),
        )
    if status >= 500 or status in (408, 409, 425):
        return TeacherBroken(
            f"The endpoint had a fault ({status}): {words}",
            code="teacher.server",
            next="Try again later; if it stays, look at the server's log.",
            status=status,
        )
    return _rejected(status, words)


def _not_found(status: int, words: str, model: str, base_url: str) -> TeacherError:
    if "model" in words.lower():
        return TeacherRefused(
            f"The endpoint does not know the model “{model}”: {words}",
            code="teacher.model",
            next="Choose one of the models that the endpoint lists.",
            status=status,
            model=model,
        )
    return TeacherRefused(
        f"There is no chat service at {base_url} ({status}): {words}",
        code="teacher.path",
        next="Check the address; it usually ends in /v1.",
        status=status,
        base_url=base_url,
    )


def _rejected(status: int, words: str) -> TeacherError:
    if status == 413 or _TOO_LONG.search(words):
        return BadAnswer(
            f"The request is longer than the model's context: {words}",
            code="teacher.too_long",
            next="Use shorter passages, or a model with a longer context.",
            status=status,
        )
    return BadAnswer(
        f"The endpoint rejects the request ({status}): {words}",
        code="teacher.request",
        next="Look at the endpoint's message; run the probe to see what it can do.",
        status=status,
    )


def of_connection(error: BaseException, base_url: str) -> TeacherBroken:
    """The error that a failed connection means. ``values["unreachable"]``: nothing answered."""
    chain = list(_causes(error))
    words = f"{type(chain[-1]).__name__}: {chain[-1]}".removesuffix(": ")
    if not {"ConnectError", "ConnectTimeout"} & {type(cause).__name__ for cause in chain}:
        return TeacherBroken(
            f"The connection broke ({words}).",
            code="teacher.connection",
            next="Try again; if it stays, look at the server's log.",
        )
    if any(re.search(r"certificate|ssl|tls", str(cause), re.I) for cause in chain):
        return TeacherBroken(
            f"No secure connection to {base_url} ({words}).",
            code="teacher.tls",
            next="Check http:// or https:// in the address, and the server's certificate.",
            unreachable=True,
        )
    return TeacherBroken(
        f"Nothing answers at {base_url} ({words}).",
        code="teacher.unreachable",
        next="Check the address, and that the server runs.",
        unreachable=True,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
