"""Finds out what an endpoint can do, and says what to do where it cannot.

Costs about five very short calls. The key is never part of a report.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from engine.errors import BadAnswer, EngineError, TeacherError
from engine.llm import Request, user
from engine.llm.content import find_json, without_thoughts
from engine.llm.dialect import Dialect, JsonMode
from engine.llm.wire import Address, Reply, reply_of, translated
from engine.schema import Value

Status = Literal["ok", "failed", "unknown"]

_SCHEMA = {
    "type": "object",
    "properties": {"capital": {"type": "string"}, "letters": {"type": "integer"}},
    "required": ["capital", "letters"],
    "additionalProperties": False,
}
_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
_JSON_WORDS: dict[JsonMode, str] = {
    "schema": "Answers are held to a JSON schema.",
    "object": "Answers are JSON; the schema is asked for in words.",
    "words": "JSON can only be asked for in words; some answers will need a second try.",
}


class Check(Value):
    """One thing that was tried: what came of it, in words, and what to do about a failure."""

    name: Literal["models", "model", "chat", "json", "context", "limits", "streaming"]
    status: Status
    message: str
    code: str = ""
    next: str = ""


class ProbeReport(Value):
    """What an endpoint can do. ``seconds`` is the latency of a one-word answer.

    ``json_mode`` is ``none`` where no form of asking brought valid JSON; ``context`` is in tokens;
    ``limits`` are the announced rate limits.
    """

    base_url: str
    model: str
    checks: tuple[Check, ...]
    models: tuple[str, ...] = ()
    json_mode: Literal["schema", "object", "words", "none"] = "none"
    seconds: float | None = None
    context: int | None = None
    limits: dict[str, str] = Field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether this endpoint can be the teacher: it chats, and gives JSON in some way."""
        return self.json_mode != "none" and not any(
            check.status == "failed" and check.name in ("chat", "model") for check in self.checks
        )


def probe(base_url: str, model: str, api_key: str = "", *, timeout: float = 30.0) -> ProbeReport:
    """Try an endpoint out.

    Args:
        base_url: Address up to and including ``/v1``.
        model: Name of the model to be used.
        api_key: Key, if the server wants one.
        timeout: Seconds that each call may take.

    Raises:
        BadInput: the address is none.
    """
    from openai import OpenAI

    address = Address(base_url, model, api_key)
    with OpenAI(**address.client_options(timeout)) as client:
        return _Probe(address, client).run()


class _Probe:
    """The checks, in order, and what they found."""

    def __init__(self, address: Address, client: Any) -> None:
        self.address = address
        self.client = client
        self.checks: list[Check] = []
        self.found: dict[str, Any] = {}
        self.listed: list[dict[str, Any]] = []
        self.dialect = Dialect()

    def run(self) -> ProbeReport:
        steps: tuple[tuple[Any, Callable[[], Check]], ...] = (
            ("models", self._models),
            ("model", self._model),
            ("chat", self._chat),
            ("limits", self._limits),
            ("json", self._json),
            ("context", self._context),
            ("streaming", self._streaming),
        )
        for name, step in steps:
            try:
                self.checks.append(step())
            except TeacherError as error:
                self.checks.append(_failed(name, error))
                if error.code in _HOPELESS or name == "chat":
                    break
        return ProbeReport(
            base_url=self.address.base_url,
            model=self.address.model,
            checks=tuple(self.checks),
            **self.found,
        )

    # ------------------------------------------------------------ one method, one check

    def _models(self) -> Check:
        try:
            self.listed = list(self._list())
        except TeacherError as error:
            if error.code in _HOPELESS:
                raise
            if suggestion := self._with_v1():
                raise type(error)(
                    error.message,
                    code="teacher.path",
                    next=f"Use {suggestion} as the address; a model list is there.",
                ) from error
            return Check(
                name="models",
                status="unknown",
                message="The endpoint has no list of models; not every service has one.",
                code=error.code,
                next=error.next,
            )
        names = tuple(str(entry["id"]) for entry in self.listed)
        self.found["models"] = names
        return Check(name="models", status="ok", message=f"The endpoint lists {len(names)} models.")

    def _list(self, client: Any = None) -> Iterator[dict[str, Any]]:
        """Entries of the model list.

        Raises:
            TeacherError: there is no such list.
        """
        with translated(self.address):
            raw = (client or self.client).models.with_raw_response.list()
        entries = _json_of(raw.content)
        data = entries.get("data") if isinstance(entries, dict) else entries
        if not isinstance(data, list):
            raise BadAnswer("The answer is no list of models.", code="teacher.form")
        return (entry for entry in data if isinstance(entry, dict) and "id" in entry)

    def _with_v1(self) -> str:
        """The address with ``/v1``, if that is what was forgotten."""
        url = f"{self.address.base_url}/v1"
        if re.search(r"/v\d+$", self.address.base_url):
            return ""
        try:
            list(self._list(self.client.with_options(base_url=url)))
        except TeacherError:  # it was a guess; the first error stands
            return ""
        return url

    def _model(self) -> Check:
        names = list(self.found.get("models", ()))
        model = self.address.model
        if not names:
            return Check(name="model", status="unknown", message="The model cannot be looked up.")
        if model in names:
            return Check(name="model", status="ok", message=f"“{model}” is there.")
        lowered = {name.lower(): name for name in names}
        near = difflib.get_close_matches(model.lower(), lowered, n=3, cutoff=0.4)
        near += [low for low in lowered if model.lower() in low and low not in near][:3]
        shown = [lowered[low] for low in near] or names[:3]
        return Check(
            name="model",
            status="failed",
            message=f"The endpoint does not list “{model}”.",
            code="teacher.model",
            next=f"Choose one it lists, such as {', '.join(shown)}.",
        )

    def _chat(self) -> Check:
        request = Request(messages=user("Reply with the word: ready"), max_tokens=512)
        began = time.monotonic()
        reply = self._ask(request)
        seconds = self.found["seconds"] = time.monotonic() - began
        said = without_thoughts(reply.text).strip()
        if not said:
            raise BadAnswer("The model said nothing.", code="teacher.empty", next=_OTHER_MODEL)
        self.found["limits"] = _limits(reply.headers)
        return Check(name="chat", status="ok", message=f"The model answered in {seconds:.1f} s.")

    def _limits(self) -> Check:
        limits = self.found["limits"]
        if not limits:
            return Check(name="limits", status="unknown", message="No rate limit is announced.")
        told = ", ".join(f"{value} {name} a minute" for name, value in limits.items())
        return Check(name="limits", status="ok", message=f"Announced limits: {told}.")

    def _json(self) -> Check:
        text = "What is the capital of France, and how many letters has its name?"
        request = Request(messages=user(text), answer_schema=_SCHEMA, max_tokens=1024)
        last = BadAnswer("No form of asking was tried.", code="teacher.json")
        for mode in _JSON_WORDS:
            try:
                reply = self._ask(request, replace(self.dialect, json=mode))
                find_json(without_thoughts(reply.text), _SCHEMA)
            except BadAnswer as error:
                last = error
                continue
            self.found["json_mode"] = mode
            return Check(name="json", status="ok", message=_JSON_WORDS[mode])
        raise BadAnswer(last.message, code="teacher.json", next=_OTHER_MODEL)

    def _context(self) -> Check:
        entry = next((e for e in self.listed if e["id"] == self.address.model), {})
        told = [entry[name] for name in _CONTEXT_FIELDS if isinstance(entry.get(name), int)]
        context = told[0] if told else self._context_from_error()
        if context is None:
            return Check(name="context", status="unknown", message="The context size is not told.")
        self.found["context"] = context
        return Check(name="context", status="ok", message=f"The context is {context} tokens.")

    def _context_from_error(self) -> int | None:
        """The context size in the refusal of an absurd length, which costs nothing."""
        request = Request(messages=user("Reply with the word: ready"), max_tokens=100_000_000)
        try:
            self._ask(request)
        except TeacherError as error:
            found = re.search(r"context\D{0,60}?(\d{4,7})\b", error.message)
            return int(found.group(1)) if found else None
        return None

    def _streaming(self) -> Check:
        request = Request(messages=user("Count from one to ten."), max_tokens=256)
        body = self.dialect.body(request, self.address.model)
        with (
            translated(self.address),
            self.client.chat.completions.create(**body, stream=True) as events,
        ):
            pieces = sum(1 for event in events if event.choices and event.choices[0].delta.content)
        if not pieces:
            raise BadAnswer("The stream held no text.", code="teacher.stream", next=_OTHER_MODEL)
        message = f"Answers can be read as they are made ({pieces} pieces)."
        return Check(name="streaming", status="ok", message=message)

    def _ask(self, request: Request, dialect: Dialect | None = None) -> Reply:
        """One call; where the endpoint objects to a parameter other than the format, without it.

        Raises:
            TeacherError: the call failed.
        """
        asked = dialect or self.dialect
        while True:
            body = asked.body(request, self.address.model)
            try:
                with translated(self.address):
                    raw = self.client.chat.completions.with_raw_response.create(**body)
            except BadAnswer as error:
                plainer = asked.plainer(error.message, body)
                if plainer is None or plainer.json != asked.json:
                    raise
                asked = plainer
                self.dialect = replace(asked, json=self.dialect.json)
                continue
            return reply_of(raw.content, raw.headers, self.address)


_HOPELESS = {"teacher.key", "teacher.unreachable", "teacher.tls", "teacher.hang", "teacher.quota"}
_OTHER_MODEL = "Choose another model of this endpoint."


def _failed(name: Any, error: EngineError) -> Check:
    return Check(
        name=name, status="failed", message=error.message, code=error.code, next=error.next
    )


def _limits(headers: Mapping[str, str]) -> dict[str, str]:
    """The announced limits a minute: ``{"requests": "500", "tokens": "30000"}``."""
    names = ("requests", "tokens")
    found = {name: headers.get(f"x-ratelimit-limit-{name}") for name in names}
    return {name: value for name, value in found.items() if value}


def _json_of(content: bytes) -> Any:
    import json

    try:
        return json.loads(content)
    except ValueError as error:
        page = content.lstrip().startswith(b"<")
        raise BadAnswer(
            "A web page came instead of a list of models." if page else "The list is no JSON.",
            code="teacher.form",
            next="Check the address; it usually ends in /v1.",
        ) from error
