"""The student behind an OpenAI-compatible API: streaming, keys, rate limit, health, metrics.

``GET /v1/models``, ``POST /v1/chat/completions`` (plain and streamed), ``GET /health``,
``GET /metrics`` (Prometheus). Requests share one pipeline, which batches them continuously.
Prompts and answers are neither logged nor stored. This module imports FastAPI; nothing imports it
but the step that serves.
"""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi import Request as Http
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent

from engine.errors import BadAnswer, TeacherError, WorkFailed
from engine.llm import Answer, Chat, Request, ask_one
from engine.schema import Message
from engine.serve.keys import owner_of
from engine.store import Store
from engine.text import count_tokens

MAX_PROMPT_CHARACTERS = 24_000
DEFAULT_TOKENS = 256
_SEPARATOR = "\n"
"""Ends a line of an event, as OpenAI's own service does it."""


class ChatBody(BaseModel):
    """What a client may ask for; unknown fields of the OpenAI API are ignored."""

    model_config = ConfigDict(extra="ignore")

    messages: list[Message] = Field(min_length=1, max_length=64)
    model: str = ""
    stream: bool = False
    max_tokens: int | None = Field(default=None, ge=1, le=2048)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=2048)
    temperature: float = Field(default=0.0, ge=0, le=2)
    seed: int = 0

    def request(self) -> Request:
        """The engine's request for this body."""
        limit = self.max_completion_tokens or self.max_tokens or DEFAULT_TOKENS
        return Request(
            messages=tuple(self.messages),
            max_tokens=limit,
            temperature=self.temperature,
            seed=self.seed,
            may_be_cut=True,
            purpose="serve",
        )


@dataclass
class Bucket:
    """A token bucket: ``per_minute`` requests, refilled evenly, a burst of a sixth of them."""

    per_minute: float
    level: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.level = self.size

    @property
    def size(self) -> float:
        """The burst."""
        return max(1.0, self.per_minute / 6)

    def wait(self) -> float:
        """Take one request: 0 if it may go, else seconds until one may (and none is taken)."""
        now = time.monotonic()
        self.level = min(self.size, self.level + (now - self.at) * self.per_minute / 60)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) * 60 / self.per_minute


@dataclass(eq=False)
class _KeyHolders:
    """Admits holders of the course's keys, as often as their rate allows."""

    store: Store
    course: str
    per_minute: float
    metrics: _Metrics
    buckets: dict[str, Bucket] = field(default_factory=dict)

    async def __call__(self, request: Http) -> str:
        """The key's owner; answers 401 or 429 else. Short enough for the event loop."""
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        owner = owner_of(self.store, self.course, key) if key else None
        if owner is None:
            self.metrics.requests.labels("401").inc()
            raise HTTPException(401, "This key is not known.", {"WWW-Authenticate": "Bearer"})
        seconds = self.buckets.setdefault(owner, Bucket(self.per_minute)).wait()
        if seconds:
            self.metrics.requests.labels("429").inc()
            raise HTTPException(429, "Too many requests.", {"Retry-After": f"{seconds:.0f}"})
        return owner


def make_app(
    chat: Chat,
    store: Store,
    course: str,
    *,
    per_minute: float = 120,
    name: str = "",
    lessons: APIRouter | None = None,
) -> FastAPI:
    """The ASGI application that serves ``chat`` to holders of the course's keys.

    Args:
        chat: The student.
        store: Where the keys' hashes lie.
        course: The course's id.
        per_minute: Requests a minute that one key may make.
        name: The model's public name; default is the course's id.
        lessons: Routes for learners' turns (``lesson_routes``), served behind the same keys.
    """
    model = name or course
    metrics = _Metrics()
    app = FastAPI(title="Coursewright", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(HTTPException, _as_openai)
    for_holders = [Depends(_KeyHolders(store, course, per_minute, metrics))]
    if lessons is not None:
        app.include_router(lessons, dependencies=for_holders)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "model": model}

    @app.get("/metrics")
    def show_metrics() -> PlainTextResponse:
        return PlainTextResponse(metrics.text())

    @app.get("/v1/models", dependencies=for_holders)
    def models() -> dict[str, Any]:
        row = {"id": model, "object": "model", "created": 0, "owned_by": "coursewright"}
        return {"object": "list", "data": [row]}

    @app.post("/v1/chat/completions", response_model=None, dependencies=for_holders)
    async def complete(body: ChatBody) -> JSONResponse | EventSourceResponse:
        if sum(len(m.content) for m in body.messages) > MAX_PROMPT_CHARACTERS:
            raise HTTPException(400, f"The prompt is over {MAX_PROMPT_CHARACTERS} characters.")
        if body.stream:
            events = _events(chat, body.request(), model, metrics)
            return EventSourceResponse(_in_threads(events), sep=_SEPARATOR)
        return await run_in_threadpool(_complete, chat, body, model, metrics)

    return app


def _as_openai(_: Http, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = {"error": {"message": error.detail, "type": "invalid_request_error"}}
    return JSONResponse(body, error.status_code, error.headers)


def _complete(chat: Chat, body: ChatBody, model: str, metrics: _Metrics) -> JSONResponse:
    try:
        answer = metrics.timed(lambda: ask_one(chat, body.request()))
    except TeacherError as error:
        metrics.requests.labels("error").inc()
        status = 400 if isinstance(error, BadAnswer) else 503
        raise HTTPException(status, error.message) from error
    metrics.requests.labels("200").inc()
    return JSONResponse(_completion(answer, model))


def _completion(answer: Answer, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        },
    }


def _events(
    chat: Chat, request: Request, model: str, metrics: _Metrics
) -> Generator[ServerSentEvent]:
    """The events of one streamed answer; closed early (the client left), it ends the generation."""
    started, first = time.perf_counter(), True
    event = _chunks(model)
    yield event({"role": "assistant", "content": ""})
    try:
        for piece in chat.stream(request):
            if first:
                metrics.first_token.observe(time.perf_counter() - started)
                first = False
            metrics.tokens.inc(count_tokens(piece))
            yield event({"content": piece})
    except TeacherError as error:
        metrics.requests.labels("error").inc()
        yield JSONServerSentEvent({"error": {"message": error.message}}, sep=_SEPARATOR)
        return
    metrics.requests.labels("200").inc()
    metrics.seconds.observe(time.perf_counter() - started)
    yield event({}, "stop")
    yield ServerSentEvent("[DONE]", sep=_SEPARATOR)


async def _in_threads(events: Generator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    """The events, each waited for in a thread; closed as soon as nobody reads them any more."""
    try:
        async for event in iterate_in_threadpool(events):
            yield event
    finally:
        events.close()


def _chunks(model: str) -> Callable[..., ServerSentEvent]:
    """Makes the events of one answer, which share its id and time."""
    base = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }

    def event(delta: dict[str, str], finish: Literal["stop"] | None = None) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return JSONServerSentEvent(base | {"choices": [choice]}, sep=_SEPARATOR)

    return event


class _Metrics:
    """Counters in a registry of their own, so that several applications may live in one process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self.requests = Counter("coursewright_requests", "Requests by outcome", ["code"], **own)
        self.tokens = Counter("coursewright_tokens", "Tokens of answers, estimated", **own)
        self.first_token = Histogram(
            "coursewright_first_token_seconds", "Time to first token", **own
        )
        self.seconds = Histogram("coursewright_answer_seconds", "Time of whole answers", **own)

    def timed(self, ask: Any) -> Answer:
        started = time.perf_counter()
        answer: Answer = ask()
        self.seconds.observe(time.perf_counter() - started)
        self.tokens.inc(answer.completion_tokens)
        return answer

    def text(self) -> str:
        from prometheus_client import generate_latest

        return str(generate_latest(self.registry).decode())


@contextmanager
def serving(app: FastAPI, port: int) -> Iterator[None]:
    """Serve the application on 127.0.0.1 in a thread while the context is open.

    Raises:
        WorkFailed: the port is taken.
    """
    import uvicorn

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise WorkFailed(
                f"Port {port} is taken.",
                code="serve.port",
                next="Choose another port, or stop what runs there.",
                port=port,
            )
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
