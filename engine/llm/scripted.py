"""A model that a function plays: for tests, demos and the offline first run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from engine.errors import TeacherError
from engine.llm import Answer, Request
from engine.llm.content import find_json
from engine.text import count_tokens

Function = Callable[[Request], str | TeacherError]


class Scripted:
    """``Chat`` by a function of the request that returns the answer's text, or an error.

    Where the request has a schema, the text is parsed and checked like that of any model.
    """

    def __init__(self, function: Function, model: str = "scripted") -> None:
        self._function = function
        self._model = model

    @property
    def model(self) -> str:
        """The name under which answers are cached."""
        return self._model

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """See ``Chat.ask``; answers come in the order of the requests.

        Raises:
            TeacherRefused: where the function raises it.
        """
        for index, request in enumerate(requests):
            yield index, self._answer(request)

    def _answer(self, request: Request) -> Answer | TeacherError:
        text = self._function(request)
        if isinstance(text, TeacherError):
            return text
        try:
            data = None if request.answer_schema is None else find_json(text, request.answer_schema)
        except TeacherError as error:
            return error
        prompt = json.dumps([message.content for message in request.messages], ensure_ascii=False)
        return Answer(
            text=text,
            data=data,
            prompt_tokens=count_tokens(prompt),
            completion_tokens=count_tokens(text),
        )

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``; one piece a word.

        Raises:
            TeacherError: where the function returns one.
        """
        answer = self._answer(request)
        if isinstance(answer, TeacherError):
            raise answer
        head, *rest = answer.text.split(" ")
        yield head
        yield from (f" {word}" for word in rest)
