"""A model that is always asked with a system prompt, unless the request brings its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.errors import TeacherError
from engine.llm import Answer, Chat, Request
from engine.schema import Message


@dataclass(frozen=True)
class Instructed:
    """``Chat`` by another one; a student is asked as it was trained (``Recipe.system``)."""

    chat: Chat
    system: str

    @property
    def model(self) -> str:
        """The other's name: its cache knows the prompt."""
        return self.chat.model

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """See ``Chat.ask``."""
        yield from self.chat.ask(self._with(request) for request in requests)

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``."""
        yield from self.chat.stream(self._with(request))

    def _with(self, request: Request) -> Request:
        if any(message.role == "system" for message in request.messages):
            return request
        head = Message(role="system", content=self.system)
        return request.model_copy(update={"messages": (head, *request.messages)})
