"""A chat server for tests whose every answer a function decides, and helpers around it."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}
GOOD = json.dumps({"question": "What?", "answer": "That."})
RESET, HANG = object(), object()


class Said:
    """An HTTP answer: status, body (text, or a chat completion made of ``content``), headers."""

    def __init__(
        self,
        content: str = GOOD,
        *,
        status: int = 200,
        body: str = "",
        finish="stop",
        **headers: str,
    ):
        self.status, self.headers = status, {k.replace("_", "-"): v for k, v in headers.items()}
        message = {"role": "assistant", "content": content}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        self.body = body or json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            }
        )


def error(status: int, message: str, **headers: str) -> Said:
    return Said(status=status, body=json.dumps({"error": {"message": message}}), **headers)


class Server:
    """Counts calls; ``decide(body, number)`` gives a ``Said``, ``RESET`` or ``HANG``."""

    def __init__(self, decide: Callable[[dict[str, Any], int], Any], models: Any = None):
        self.decide, self.models = decide, models
        self.bodies: list[dict[str, Any]] = []
        self.in_flight = self.peak = self.gone = 0
        self.lock, self.released = threading.Lock(), threading.Event()
        self.prefix = "/v1"

    def next(self, body: dict[str, Any]) -> Any:
        with self.lock:
            self.bodies.append(body)
            number = len(self.bodies) - 1
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
        try:
            return self.decide(body, number)
        finally:
            with self.lock:
                self.in_flight -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server

    def log_message(self, *_: Any) -> None:
        pass

    def _send(self, said: Said) -> None:
        data = said.body.encode("utf-8", "surrogatepass")
        self.send_response(said.status)
        for name, value in {"content-type": "application/json", **said.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if self.path != f"{self.owner.prefix}/models" or self.owner.models is None:
            self._send(error(404, "Not Found"))
        elif isinstance(self.owner.models, Said):
            self._send(self.owner.models)
        else:
            self._send(Said(body=json.dumps({"object": "list", "data": self.owner.models})))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body["_key"] = self.headers.get("authorization", "")
        if self.path != f"{self.owner.prefix}/chat/completions":
            self._send(error(404, "Not Found"))
            return
        said = self.owner.next(body)
        if said is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif said is HANG:
            self._hang()
        elif body.get("stream"):
            self._stream(said)
        else:
            self._send(said)

    def _hang(self) -> None:
        self.connection.settimeout(0.02)
        while not self.owner.released.is_set():
            try:
                if not self.connection.recv(1):
                    self.owner.gone += 1
                    break
            except TimeoutError:
                continue
            except OSError:
                self.owner.gone += 1
                break
        self.close_connection = True

    def _stream(self, said: Said) -> None:
        if said.status != 200:
            self._send(said)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        text = json.loads(said.body)["choices"][0]["message"]["content"]
        try:
            for piece in [text[i : i + 4] for i in range(0, len(text), 4)]:
                event = {
                    "id": "x",
                    "object": "chat.completion.chunk",
                    "created": 0,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
                }
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.owner.gone += 1


@contextmanager
def serving(
    decide: Callable[[dict[str, Any], int], Any], **options: Any
) -> Iterator[tuple[str, Server]]:
    """The base URL and the ``Server`` of a running server."""
    owner = Server(decide, **options)
    handler = type("Handler", (_Handler,), {"owner": owner})
    kind = type("Http", (ThreadingHTTPServer,), {"request_queue_size": 256, "daemon_threads": True})
    http = kind(("127.0.0.1", 0), handler)
    http.handle_error = lambda *_: None
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/v1", owner
    finally:
        owner.released.set()
        http.shutdown()
        http.server_close()


def shared_folder() -> Path:
    """Where the project's shared tools lie, if they do."""
    given = os.environ.get("COURSEWRIGHT_TEST_SHARED")
    return Path(given) if given else Path(__file__).parents[2].parent / "shared"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_models_home() -> Path:
    """A home folder whose models are fetched once for all test runs."""
    given = os.environ.get("COURSEWRIGHT_TEST_MODELS")
    return Path(given) if given else Path.home() / ".cache" / "coursewright-tests"


test_models_home.__test__ = False
