"""Pays for no answer twice: looks each request up, asks what is missing, saves what arrives.

Also the book of what was spent: ``spend`` puts the user's prices on the store's sums.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from engine.errors import TeacherError
from engine.llm import Answer, Chat, Request
from engine.schema import Value
from engine.store import Store
from engine.text import count_tokens

Outcome = tuple[int, Answer | TeacherError]


@runtime_checkable
class _Buffered(Protocol):
    """A ``Chat`` in which answers may wait unread when its reader leaves."""

    def unread(self) -> list[tuple[int, Answer]]: ...


class Ledger:
    """``Chat`` that wraps another and keeps its answers in the store.

    Every answer is saved before it is handed on, so a killed run finds it again; equal requests
    of one batch are asked once. Unusable answers that were paid for are booked, too.
    """

    def __init__(self, chat: Chat, store: Store) -> None:
        self.chat = chat
        self.store = store

    @property
    def model(self) -> str:
        """Name of the wrapped model."""
        return self.chat.model

    def ask(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """See ``Chat.ask``. Saved answers have ``cached`` set; repeats within the batch, too.

        Raises:
            TeacherRefused: the endpoint refuses us altogether.
        """
        batch = _Batch(self, requests)
        asking = self.chat.ask(batch.missing())
        try:
            for number, outcome in asking:
                yield from batch.settle(number, outcome)
                yield from batch.saved()
        finally:
            if isinstance(asking, Generator):
                asking.close()
            self._keep_unread(batch)
        yield from batch.saved()

    def _keep_unread(self, batch: _Batch) -> None:
        for number, answer in self.chat.unread() if isinstance(self.chat, _Buffered) else ():
            self.save(batch.request(number), answer)

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``. A saved answer comes in one piece; a whole new one is saved.

        Raises:
            TeacherError: see the wrapped model.
        """
        if found := self.find(request.key(self.model)):
            yield found.text
            return
        said = []
        for piece in self.chat.stream(request):
            said.append(piece)
            yield piece
        text = "".join(said)  # servers tell no usage while streaming: the tokens are estimates
        prompt = sum(count_tokens(message.content) for message in request.messages)
        answer = Answer(text=text, prompt_tokens=prompt, completion_tokens=count_tokens(text))
        self.save(request, answer)

    def find(self, key: str) -> Answer | None:
        """The saved answer under a request's key."""
        data = self.store.cached_answer(key)
        return Answer.model_validate(data | {"cached": True}) if data else None

    def save(self, request: Request, answer: Answer) -> None:
        """Keep an answer under its request's key."""
        self.store.save_answer(
            request.key(self.model),
            answer.model_dump(mode="json", exclude={"cached"}),
            model=self.model,
            purpose=request.purpose,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )

    def book_loss(self, request: Request, error: TeacherError) -> None:
        """Book the tokens of a request that failed, under a name that is never looked up."""
        prompt = int(error.values.get("prompt_tokens", 0))
        completion = int(error.values.get("completion_tokens", 0))
        if prompt or completion:
            self.store.save_answer(
                f"lost-{request.key(self.model)}-{time.time_ns()}",
                error.as_dict(),
                model=self.model,
                purpose=request.purpose,
                prompt_tokens=prompt,
                completion_tokens=completion,
            )


class _Batch:
    """Which request of a batch waits for which answer."""

    def __init__(self, ledger: Ledger, requests: Iterable[Request]) -> None:
        self._ledger = ledger
        self._source = enumerate(requests)
        self._asked: dict[int, tuple[str, Request]] = {}
        self._waiting: defaultdict[str, list[int]] = defaultdict(list)
        self._found: deque[tuple[int, str]] = deque()  # keys only: there may be very many

    def missing(self) -> Iterator[Request]:
        """The requests to ask; saved ones and repeats met on the way are noted."""
        number = 0
        for index, request in self._source:
            key = request.key(self._ledger.model)
            if key in self._waiting:
                self._waiting[key].append(index)
            elif self._ledger.store.cached_answer(key):
                self._found.append((index, key))
            else:
                self._waiting[key].append(index)
                self._asked[number] = (key, request)
                number += 1
                yield request

    def request(self, number: int) -> Request:
        """The request that was asked as this number."""
        return self._asked[number][1]

    def settle(self, number: int, outcome: Answer | TeacherError) -> Iterator[Outcome]:
        """Save an outcome, then hand it to all that wait for it."""
        key, request = self._asked.pop(number)
        if isinstance(outcome, Answer):
            self._ledger.save(request, outcome)
        else:
            self._ledger.book_loss(request, outcome)
        for repeat, index in enumerate(self._waiting.pop(key)):
            if repeat and isinstance(outcome, Answer):
                outcome = outcome.model_copy(update={"cached": True})
            yield index, outcome

    def saved(self) -> Iterator[Outcome]:
        """The saved answers met so far."""
        while self._found:
            index, key = self._found.popleft()
            answer = self._ledger.find(key)
            assert answer is not None, "answers are kept for ever"
            yield index, answer


class Price(Value):
    """What a model costs, per million tokens."""

    prompt: float = 0.0
    completion: float = 0.0
    currency: str = "USD"


class Spend(Value):
    """Calls, tokens and money of one model for one purpose; ``cost`` is None without a price."""

    model: str
    purpose: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    currency: str = ""


def spend(store: Store, prices: Mapping[str, Price]) -> list[Spend]:
    """What was spent so far by model and purpose, at the user's prices by model name."""
    return [_priced(row, prices.get(row["model"])) for row in store.spent()]


def _priced(row: Mapping[str, Any], price: Price | None) -> Spend:
    found = Spend.model_validate(row)
    if price is None:
        return found
    cost = found.prompt_tokens * price.prompt + found.completion_tokens * price.completion
    return found.model_copy(update={"cost": cost / 1e6, "currency": price.currency})
