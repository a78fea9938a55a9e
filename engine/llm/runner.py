"""Runs the requests of one ``ask`` in an event loop of their own; outcomes come through a queue.

The caller's thread submits requests and takes outcomes; the loop's thread makes the calls.
``AdmissionQueue`` starts waiting calls as ``Admission`` allows, retries first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import queue
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from engine.errors import TeacherError
from engine.llm import Answer, Request
from engine.llm.admission import Admission, StartedCall

Work = Callable[[Request], Awaitable[Answer]]
ClientContext = Callable[[], AbstractAsyncContextManager[Work]]
Outcome = tuple[int, Answer | TeacherError]


class AdmissionQueue:
    """Calls that wait until they may start. Lives in one event loop."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._waiting: list[tuple[int, int, asyncio.Future[StartedCall]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def admitted(self, retries: int) -> AsyncIterator[StartedCall]:
        """Wait until the call may start; within the context it counts as in flight."""
        granted: asyncio.Future[StartedCall] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-retries, next(self._numbers), granted))
        self.release()
        try:
            yield await granted
        finally:
            if not granted.cancelled():
                self.admission.end_call()
            self.release()

    def release(self) -> None:
        """Start the waiting calls that may start now, and set a timer for the next one."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            if self._waiting[0][2].done():  # cancelled while it waited
                heapq.heappop(self._waiting)
                continue
            now = time.monotonic()
            delay = self.admission.delay(now)
            if delay == float("inf"):
                return
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self.release)
                return
            heapq.heappop(self._waiting)[2].set_result(self.admission.start_call(now))


class RequestRunner:
    """Runs ``work`` for each submitted request in a thread of its own.

    Args:
        opening: Makes, inside the loop, what does the work (a client); closed at the end.
        window: How many requests may be submitted and not yet taken out as outcomes.
    """

    def __init__(self, client: ClientContext, window: int) -> None:
        self._client = client
        self._window = window
        self._outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._outstanding = 0
        self._thread = threading.Thread(target=self._run, name="llm-flight", daemon=True)
        self._thread.start()
        self._ready.wait()

    # ------------------------------------------------------------ in the caller's thread

    @property
    def has_room(self) -> bool:
        """Whether another request may be submitted."""
        return self._outstanding < self._window

    @property
    def has_outcome(self) -> bool:
        """Whether an outcome is there to be taken at once."""
        return not self._outcomes.empty()

    @property
    def idle(self) -> bool:
        """Whether all that was submitted has been taken out."""
        return self._outstanding == 0

    def submit(self, index: int, request: Request) -> None:
        """Start on a request."""
        self._outstanding += 1
        self._call(self._start, index, request)

    def take(self) -> Outcome:
        """The next outcome, waiting for it.

        Raises:
            TeacherRefused: the endpoint refuses us altogether.
        """
        found = self._outcomes.get()
        if isinstance(found, BaseException):
            raise found
        self._outstanding -= 1
        return found

    def close(self) -> list[Outcome]:
        """Cancel all that is in flight; returns the outcomes, paid for, that nobody took."""
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        found = [self._outcomes.get() for _ in range(self._outcomes.qsize())]
        return [outcome for outcome in found if not isinstance(outcome, BaseException)]

    def _call(self, function: Callable[..., object], *values: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *values)
        except RuntimeError:  # the loop has ended: its reason is, or will be, in the queue
            self._thread.join()
            if not self.has_outcome:
                raise

    # ------------------------------------------------------------ in the loop's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # the caller raises it
            self._outcomes.put(error)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._client() as self._work:
            self._ready.set()
            await self._stop.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, index: int, request: Request) -> None:
        task = self._loop.create_task(self._one(index, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, index: int, request: Request) -> None:
        """Put the outcome of one request into the queue; anything but a failed call ends all."""
        try:
            self._outcomes.put((index, await self._work(request)))
        except Failed as failed:
            self._outcomes.put((index, failed.error))
        except Exception as error:  # the caller raises it
            self._outcomes.put(error)
            self._stop.set()


class Failed(Exception):
    """One request finally failed with ``error``; the others go on."""

    def __init__(self, error: TeacherError) -> None:
        super().__init__(str(error))
        self.error = error
