"""A teacher behind any OpenAI-compatible address, used as hard as it allows and no harder.

``Endpoint`` is the ``Chat``; ``_Exchange`` is the way of one request through retries. What counts
against a request: a broken connection, a server fault or a hang (6 times), an unusable answer
(4 times, each paid for). What does not: being told to wait, and an endpoint that is down for all
(``Admission`` probes it). The key, the address and the model are refused once and for all.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from engine.errors import BadAnswer, TeacherBroken, TeacherBusy, TeacherError, TeacherRefused
from engine.llm import Answer, Request
from engine.llm.admission import Admission, Latencies
from engine.llm.content import find_json, spoken, usable_text
from engine.llm.dialect import Dialect
from engine.llm.runner import AdmissionQueue, Failed, Outcome, RequestRunner, Work
from engine.llm.wire import Address, Reply, call, hang, translated

HOSTED_CEILING = 8
LOCAL_CEILING = 64
_LOCAL_START = 32.0
_UNUSABLE_AFTER = 20
_LONGEST_WAIT = 600.0


class Endpoint:
    """``Chat`` by an OpenAI-compatible server.

    Args:
        base_url: Address up to and including ``/v1``.
        model: Name of the model.
        api_key: Key, if the server wants one; never logged.
        ceiling: Most calls at a time; default 8, or 64 for a server in the own network.
        timeout: Longest time of one call, in seconds.
        attempts: How often one request may meet a fault.
        content_attempts: How many unusable answers one request may get.
        patience: Seconds for which an endpoint that broke down is probed.

    Raises:
        BadInput: the address is none.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str = "",
        *,
        ceiling: int | None = None,
        timeout: float = 600.0,
        attempts: int = 6,
        content_attempts: int = 4,
        patience: float = 120.0,
    ) -> None:
        self.address = Address(base_url, model, api_key)
        self.ceiling = ceiling or (LOCAL_CEILING if self.address.is_local else HOSTED_CEILING)
        self.timeout = timeout
        self.attempts = attempts
        self.content_attempts = content_attempts
        self.patience = patience
        self.dialect = Dialect()
        self.latencies = Latencies(timeout)
        self.good = 0
        self.useless = 0
        self._start = _LOCAL_START if self.address.is_local else float(HOSTED_CEILING)
        self._unread: list[tuple[int, Answer]] = []

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.address.model

    def ask(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """See ``Chat.ask``; requests are pulled in the caller's thread, as slots become free.

        Raises:
            TeacherRefused: key, address, model or credit refused, or the endpoint stayed down.
        """
        source = enumerate(requests)
        first = next(source, None)
        if first is None:
            return
        runner = RequestRunner(self._opening, window=2 * self.ceiling)
        try:
            runner.submit(*first)
            more = True
            while more or not runner.idle:
                more = more and _submit(runner, source)
                if not runner.idle:
                    yield runner.take()
        finally:
            outcomes = runner.close()
            self._unread = [(i, found) for i, found in outcomes if isinstance(found, Answer)]

    def unread(self) -> list[tuple[int, Answer]]:
        """Answers that came in after the reader of the last ``ask`` had gone (paid for)."""
        found, self._unread = self._unread, []
        return found

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[Work]:
        """Inside: a client, and an admission that starts at the limit learnt so far."""
        from openai import AsyncOpenAI

        queue = AdmissionQueue(Admission(self.ceiling, self._start, self.patience))
        async with AsyncOpenAI(**self.address.client_options(self.timeout)) as client:

            async def work(request: Request) -> Answer:
                return await _Exchange(self, client, queue, request).answer()

            yield work
        self._start = queue.admission.limit

    # ------------------------------------------------------------ one answer, as it is made

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``. Faults before the first piece are retried twice.

        Raises:
            TeacherError: the endpoint refused or broke, or said nothing.
        """
        for attempt in range(3):
            pieces = spoken(self._pieces(request))
            try:
                first = next(pieces, "")
            except (TeacherBusy, TeacherBroken) as error:
                if attempt == 2:
                    raise
                time.sleep(min(10.0, error.values.get("wait") or 0.5 * 2**attempt))
                continue
            yield first or usable_text("")  # which raises
            yield from pieces
            return

    def _pieces(self, request: Request) -> Iterator[str]:
        body = self.dialect.body(request, self.model)
        with (
            translated(self.address),
            self._client.chat.completions.create(**body, stream=True) as events,
        ):
            for event in events:
                if event.choices and (piece := event.choices[0].delta.content):
                    yield piece

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        return OpenAI(**self.address.client_options(min(120.0, self.timeout)))


def _submit(runner: RequestRunner, source: Iterator[tuple[int, Request]]) -> bool:
    """Submit while there is room and nothing to take; False once the source has ended."""
    while runner.has_room:
        item = next(source, None)
        if item is None:
            return False
        runner.submit(*item)
        if runner.has_outcome:
            break
    return True


class _Exchange:
    """One request on its way: attempts, waits, what they cost, and the answer at last."""

    def __init__(
        self, endpoint: Endpoint, client: Any, queue: AdmissionQueue, request: Request
    ) -> None:
        self.endpoint = endpoint
        self.client = client
        self.queue = queue
        self.request = request
        self.own: Dialect | None = None  # after a rejection, until it is proven
        self.asked = endpoint.dialect
        self.body: dict[str, Any] = {}
        self.rejected = 0
        self.paid = self.broken = self.bad = self.busy = self.hangs = 0
        self.prompt_tokens = self.completion_tokens = 0
        self.room = 1
        self.seconds = 0.0

    async def answer(self) -> Answer:
        """The answer to the request.

        Raises:
            Failed: this request cannot be answered.
            TeacherRefused: no request can.
        """
        while True:
            try:
                return self._answer_of(await self._attempt())
            except TeacherBusy as error:
                self._keep_waiting(error)
            except TeacherBroken as error:
                await self._fault(error)
            except BadAnswer as error:
                self._unusable(error)

    async def _attempt(self) -> Reply:
        """Wait for leave, send, and tell the admission what came of it."""
        admission = self.queue.admission
        async with self.queue.admitted(self.broken + self.bad + self.rejected) as started:
            began = time.monotonic()
            try:
                reply = await self._in_time(self._body(), began)
            except TeacherBusy as error:
                self.busy += 1
                wait = error.values.get("wait") or _backoff(self.busy)
                headers = getattr(getattr(error.__cause__, "response", None), "headers", {})
                admission.call_throttled(started, time.monotonic(), headers, wait)
                raise
            except TeacherBroken:
                self.broken += admission.call_failed(started, time.monotonic())
                raise
            now = time.monotonic()
            self.seconds = now - began
            tokens = reply.prompt_tokens + reply.completion_tokens
            admission.call_succeeded(started, now, reply.headers, tokens)
        self.endpoint.latencies.add(self.request.max_tokens, self.seconds)
        self.paid += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        return reply

    def _body(self) -> dict[str, Any]:
        """The body to send now, in what is known by now of the endpoint's dialect."""
        self.asked = self.own or self.endpoint.dialect
        self.body = body = self.asked.body(self.request, self.endpoint.model, self.bad)
        if self.room > 1:
            body[self.asked.length] *= self.room
        return body

    async def _in_time(self, body: dict[str, Any], began: float) -> Reply:
        """The reply, unless it takes longer than others do; the deadline moves as we learn."""
        sending = asyncio.ensure_future(call(self.client, self.endpoint.address, body))
        try:
            while True:
                in_flight = self.queue.admission.in_flight
                deadline = self.endpoint.latencies.deadline(self.request.max_tokens, in_flight)
                left = deadline * 2 ** max(0, self.hangs - 1) - (time.monotonic() - began)
                if left <= 0:
                    self.hangs += 1
                    raise hang(self.endpoint.address)
                await asyncio.wait({sending}, timeout=min(left, 1.0))
                if sending.done():
                    return sending.result()
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
            if not sending.cancelled():
                sending.exception()  # seen, also where nobody asks for it any more

    def _answer_of(self, reply: Reply) -> Answer:
        """The answer in a reply.

        Raises:
            BadAnswer: it is empty, cut off, or not the JSON asked for.
        """
        if reply.finish == "length" and not self.request.may_be_cut:
            self.room = 2
            raise BadAnswer(
                f"The answer was cut off at {self.request.max_tokens} tokens.",
                code="teacher.length",
                next="Allow longer answers, or ask for less at a time.",
            )
        text = usable_text(reply.text)
        schema = self.request.answer_schema
        data = find_json(text, schema) if schema is not None else None
        if not self.endpoint.good:  # the first good answer proves how this endpoint is asked
            self.endpoint.dialect = self.asked
        self.endpoint.good += 1
        return Answer(
            text=text,
            data=data,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            seconds=self.seconds,
            attempts=max(1, self.paid),
        )

    # ------------------------------------------------------------ what came instead

    def _keep_waiting(self, error: TeacherBusy) -> None:
        wait = error.values.get("wait") or 0.0
        if wait > _LONGEST_WAIT or self.queue.admission.given_up(time.monotonic()):
            raise TeacherRefused(
                f"The endpoint's limit is used up: {error.message}",
                code="teacher.limit",
                next="Go on later (what is done is kept), or raise the limit at the provider.",
                wait=wait,
            ) from error

    async def _fault(self, error: TeacherBroken) -> None:
        admission = self.queue.admission
        if admission.given_up(time.monotonic()):
            raise TeacherRefused(error.message, code=error.code, next=error.next) from error
        hopeless = error.values.get("unreachable") and not self.endpoint.good
        if self.broken >= (min(3, self.endpoint.attempts) if hopeless else self.endpoint.attempts):
            raise Failed(self._with_cost(error))
        if not admission.open and error.code != "teacher.hang":  # a hang has waited enough
            await asyncio.sleep(_backoff(self.broken))

    def _unusable(self, error: BadAnswer) -> None:
        """Find another way to ask.

        Raises:
            Failed: there is none.
            TeacherRefused: nor was there for any request so far.
        """
        if "status" in error.values:
            self.rejected += 1
            if self.own is None and self.asked != self.endpoint.dialect:
                return  # another request has found out how to ask
            self.own = self.asked.plainer(error.message, self.body)
            if self.own and error.code == "teacher.request":
                return
        else:
            self.bad += 1
            if self.bad < self.endpoint.content_attempts:
                return
        self.endpoint.useless += 1
        if not self.endpoint.good and self.endpoint.useless >= _UNUSABLE_AFTER:
            raise TeacherRefused(
                f"None of the first {_UNUSABLE_AFTER} answers could be used: {error.message}",
                code="teacher.unusable",
                next="Run the probe, or choose another model.",
            ) from error
        raise Failed(self._with_cost(error)) from error

    def _with_cost(self, error: TeacherError) -> TeacherError:
        """The error with the tokens that the request cost in vain (see ``Ledger``)."""
        error.values |= {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        return error


def _backoff(times: int) -> float:
    """Seconds before the next try: 0.25 to 0.5 at first, doubling, at most 8, jittered."""
    return float(min(8.0, 0.5 * 2.0 ** (times - 1)) * (0.5 + random.random() / 2))  # noqa: S311
