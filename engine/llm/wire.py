"""One call on the wire: a body goes out, a ``Reply`` or one of our errors comes back."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.errors import BadAnswer, BadInput, TeacherBroken
from engine.llm import faults


@dataclass(frozen=True)
class Address:
    """Where a teacher is: the URL up to ``/v1``, the model's name and the key.

    Raises:
        BadInput: the URL is not one of http or https.
    """

    base_url: str
    model: str
    api_key: str = ""

    def __post_init__(self) -> None:
        url = self.base_url.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                f"“{self.base_url}” is not a web address.",
                code="teacher.address",
                next="Give an address such as https://api.openai.com/v1.",
            )
        object.__setattr__(self, "base_url", url)

    def __repr__(self) -> str:
        return f"Address({self.base_url!r}, {self.model!r})"

    @property
    def is_local(self) -> bool:
        """Whether the server stands here or in a private network (told by the name alone)."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan"))
        return address.is_loopback or address.is_private or address.is_link_local

    def client_options(self, timeout: float) -> dict[str, Any]:
        """Arguments for the openai clients; retries are ours."""
        from openai import Timeout

        return {
            "base_url": self.base_url,
            "api_key": self.api_key or "none",
            "max_retries": 0,
            "timeout": Timeout(timeout, connect=min(10.0, timeout)),
        }

    def without_key(self, text: str) -> str:
        """A server's words with the key blacked out, should it repeat it."""
        return text.replace(self.api_key, "***") if len(self.api_key) > 3 else text


@dataclass(frozen=True)
class Reply:
    """What the endpoint said, before anybody judged it."""

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    headers: Mapping[str, str]


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Inside, errors of the openai client become ours.

    Raises:
        TeacherRefused, TeacherBusy, TeacherBroken, BadAnswer: see ``faults``.
    """
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        response = error.response
        raise faults.of_status(
            response.status_code,
            response.headers,
            address.without_key(response.text),
            model=address.model,
            base_url=address.base_url,
        ) from error
    except openai.APITimeoutError as error:
        broken = faults.of_connection(error, address.base_url)
        raise (broken if broken.values else hang(address)) from error
    except openai.APIError as error:
        raise faults.of_connection(error, address.base_url) from error


def hang(address: Address) -> TeacherBroken:
    """The error of a call that took too long."""
    return TeacherBroken(
        f"{address.base_url} did not answer in time.",
        code="teacher.hang",
        next="Try again; for a slow model, raise the timeout.",
    )


async def call(client: Any, address: Address, body: dict[str, Any]) -> Reply:
    """Send one chat request.

    Raises:
        TeacherRefused, TeacherBusy, TeacherBroken, BadAnswer: see ``faults``.
    """
    with translated(address):
        raw = await client.chat.completions.with_raw_response.create(**body)
    return reply_of(raw.content, raw.headers, address)


def reply_of(content: bytes, headers: Mapping[str, str], address: Address) -> Reply:
    """The reply in the body of an HTTP answer with status 200.

    Raises:
        TeacherBroken: the body is not what chat endpoints send (cut off, a web page, an error).
        BadAnswer: the model refuses to answer.
    """
    try:
        data = json.loads(content)
        choice = data["choices"][0]
        message = choice["message"]
        usage = data.get("usage") or {}
        prompt = int(usage.get("prompt_tokens") or 0)
        completion = int(usage.get("completion_tokens") or 0)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        words = faults.words_of(address.without_key(content.decode(errors="replace")))
        raise TeacherBroken(
            f"The endpoint's answer is not that of a chat service: {words}",
            code="teacher.form",
            next="Check the address; it usually ends in /v1.",
        ) from error
    refusal = message.get("refusal")
    if refusal and not message.get("content"):
        raise BadAnswer(
            f"The model refuses to answer: {str(refusal)[:200]}",
            code="teacher.refusal",
            next="Reword the passage or the prompt, or choose another teacher.",
        )
    finish = str(choice.get("finish_reason") or "stop")
    return Reply(str(message.get("content") or ""), finish, prompt, completion, headers)
