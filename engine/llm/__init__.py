"""Language models behind one Protocol, ``Chat``: hosted teacher, embedded model, scripted fake.

``endpoint.py`` speaks to any OpenAI-compatible server, ``embedded.py`` runs a GGUF model here,
``scripted.py`` answers from a function (tests, demos), ``ledger.py`` wraps any of them so that no
answer is paid twice, ``probe.py`` finds out what an endpoint can do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from pydantic import Field

from engine.errors import TeacherError
from engine.schema import Message, Value, content_id


class Request(Value):
    """One question to a model.

    ``answer_schema`` is a JSON schema; when given, the answer's ``data`` is valid against it.
    ``purpose`` says which verb asks (for the ledger); ``may_be_cut`` takes an answer that reached
    ``max_tokens`` as an answer. Both are no part of the request's identity.
    """

    messages: tuple[Message, ...]
    answer_schema: dict[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    may_be_cut: bool = Field(default=False, exclude=True)
    purpose: str = Field(default="", exclude=True)

    def key(self, model: str) -> str:
        """The name under which the answer of ``model`` to this request is cached."""
        return content_id(model, self.model_dump(mode="json"))


class Answer(Value):
    """What a model said. ``data`` is the parsed JSON where a schema was asked for.

    Tokens are those of all ``attempts`` that the endpoint charged for, unusable ones included;
    ``seconds`` is how long the last one took.
    """

    text: str
    data: Any = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cached: bool = False
    attempts: int = 1


class Chat(Protocol):
    """A model that answers. Implementations are safe to use from one thread at a time."""

    @property
    def model(self) -> str:
        """Name of the model, part of every cache key."""
        ...

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """Answer all requests, as many at a time as the model can take.

        Yields ``(index, outcome)`` in order of *completion*; a request that finally failed yields
        its error instead of raising, so that one bad item never loses the others.

        Raises:
            TeacherRefused: the endpoint refuses us altogether; nothing more will come.
        """
        ...

    def stream(self, request: Request) -> Iterator[str]:
        """The answer's text, piece by piece, as it is made."""
        ...


def user(text: str, system: str = "") -> tuple[Message, ...]:
    """Messages of a single question, with an optional system prompt."""
    head = (Message(role="system", content=system),) if system else ()
    return (*head, Message(role="user", content=text))


def ask_one(chat: Chat, request: Request) -> Answer:
    """The answer to one request.

    Raises:
        TeacherError: the request failed.
    """
    [(_, outcome)] = list(chat.ask([request]))
    if isinstance(outcome, TeacherError):
        raise outcome
    return outcome
