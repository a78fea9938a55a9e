"""How many calls may be in flight, and when the next one may start. No input or output, no clock.

Three rules, each for another kind of trouble:

* the **concurrency limit** doubles while that answers more calls a second (``SlowStart``); an
  answer "too many requests" brings it to 3/4, at most once a round, and from there it grows by one
  call a round (additive increase, multiplicative decrease, as in TCP);
* the **rate limit** is the one that ``x-ratelimit-*`` headers announce: it is kept rather than hit;
  after ``Retry-After`` no call starts for as long as the header says;
* the **circuit breaker** opens when more than half of the last 20 calls failed: then one probe at
  a time, ever rarer, until one succeeds. Single faults leave the limit alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from engine.llm.faults import seconds_of

SHRINK = 0.75
WINDOW = 20
SLOWEST_PROBE = 15.0
RATE_MARGIN = 0.98


class RateLimit:
    """A token bucket that follows one announced limit (of requests, or of tokens)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rate = 0.0
        self._level = math.inf
        self._most = 0.0
        self._at = 0.0

    def update(self, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer's headers; headers that say nothing change nothing."""
        limit = _number(headers.get(f"x-ratelimit-limit-{self.name}"))
        left = _number(headers.get(f"x-ratelimit-remaining-{self.name}"))
        if not limit or left is None:
            return
        self._refill(now)
        self.rate = RATE_MARGIN * self._rate(limit, left, headers)
        self._most = max(self._most, left + 1)
        # One more than announced: the figure is older than what refilled since.
        self._level = min(self._level, left + 1)

    def _rate(self, limit: float, left: float, headers: Mapping[str, str]) -> float:
        """Limits are per minute, unless the time to refill shows a longer period (a day)."""
        reset = seconds_of(headers.get(f"x-ratelimit-reset-{self.name}", ""))
        by_reset = (limit - left) / reset if reset and left < limit else math.inf
        return by_reset if by_reset < limit / 120 else limit / 60

    def _refill(self, now: float) -> None:
        if self.rate:
            self._level = min(self._most, self._level + (now - self._at) * self.rate)
        self._at = now

    def wait(self, cost: float, now: float) -> float:
        """Seconds until ``cost`` may be taken."""
        if not self.rate:
            return 0.0
        self._refill(now)
        return max(0.0, (min(cost, self._most) - self._level) / self.rate)

    def spend(self, cost: float) -> None:
        """Take ``cost`` from the bucket."""
        self._level -= cost


class Latencies:
    """How long answers took, by size class, and the deadline that follows from it.

    A call that takes three times as long as the slowest percent so far hangs; but not before
    ``floor`` seconds, nor before enough calls were seen (until then ``longest`` holds), so that
    slow local models are not cut off. Size classes are powers of two of ``max_tokens``.
    """

    def __init__(self, longest: float, floor: float = 4.0) -> None:
        self.longest = longest
        self.floor = floor
        self._recent: dict[int, deque[float]] = {}
        self._sorted: dict[int, list[float]] = {}

    def add(self, max_tokens: int, seconds: float) -> None:
        """Remember one answer's latency."""
        size = max_tokens.bit_length()
        recent = self._recent.setdefault(size, deque())
        ordered = self._sorted.setdefault(size, [])
        if len(recent) == 200:
            del ordered[bisect_left(ordered, recent.popleft())]
        recent.append(seconds)
        insort(ordered, seconds)

    def deadline(self, max_tokens: int, in_flight: float) -> float:
        """Seconds after which a call with this ``max_tokens`` counts as hung."""
        seen = self._sorted.get(max_tokens.bit_length(), [])
        if len(seen) < max(20.0, in_flight / 2):
            return self.longest
        slow = seen[min(len(seen) - 1, math.ceil(0.99 * len(seen)) - 1)]
        return min(self.longest, max(self.floor, 3 * slow))


@dataclass(frozen=True)
class StartedCall:
    """When a call started, and in which round and stage; reported back with its outcome."""

    at: float
    round: int
    stage: int


class SlowStart:
    """Doubles the calls in flight as long as that brings more answers a second.

    A stage ends when as many calls as its limit, all sent in it, were answered. By Little's law
    its throughput is limit / mean latency. Where that grew by less than ``GAIN``, the calls only
    queue at the server (and hide hangs): back to the limit before, to try again much later.
    """

    GAIN = 1.15
    RETRY_ROUNDS = 20

    def __init__(self) -> None:
        self.stage = 0
        self.going = True
        self._count = 0
        self._seconds = 0.0
        self._speed = self._before = 0.0

    def next_limit(self, limit: float, ceiling: float, started: StartedCall, now: float) -> float:
        """The limit after one more answer came while the limit was fully used."""
        if started.stage != self.stage:
            return limit
        self._count += 1
        self._seconds += now - started.at
        if not self.going:
            if self._count > self.RETRY_ROUNDS * limit:
                self._speed = 0.0
                self._begin(going=True)
            return limit
        return limit if self._count < limit else self._judged(limit, ceiling)

    def _judged(self, limit: float, ceiling: float) -> float:
        speed = limit * self._count / max(self._seconds, 1e-9)
        if speed <= self.GAIN * self._speed:
            self._begin(going=False)
            return self._before
        self._speed, self._before = speed, limit
        self._begin(going=limit < ceiling)
        return min(ceiling, 2 * limit)

    def _begin(self, *, going: bool) -> None:
        self.stage += 1
        self.going = going
        self._count, self._seconds = 0, 0.0


class Admission:
    """Decides when the next call may start, from the outcomes of the calls before.

    Args:
        ceiling: Most calls in flight, ever.
        start: Calls in flight to begin with.
        patience: Seconds for which an endpoint that broke down is probed.
    """

    def __init__(self, ceiling: int, start: float, patience: float = 120.0) -> None:
        self.ceiling = ceiling
        self.limit = float(min(start, ceiling))
        self.patience = patience
        self.in_flight = 0
        self.answered = 0
        self._slow_start = SlowStart()
        self._additive = False
        self._round = 0
        self._closed_until = 0.0
        self._busy_since = math.inf
        self._rate_limits = (RateLimit("requests"), RateLimit("tokens"))
        self._tokens = 0.0
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._open_since = math.inf
        self._probe_wait = 0.0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the endpoint seems down and is only probed."""
        return self._open_since < math.inf

    def delay(self, now: float) -> float:
        """Seconds until a call may start; infinity where another one must end first."""
        if self.in_flight >= (1 if self.open else max(1, int(self.limit))):
            return math.inf
        rate_limits = zip(self._rate_limits, (1.0, self._tokens), strict=True)
        return max(
            self._closed_until - now,
            *(rate_limit.wait(cost, now) for rate_limit, cost in rate_limits),
            0.0,
        )

    def start_call(self, now: float) -> StartedCall:
        """Count a call as started; report its outcome together with the value returned."""
        self.in_flight += 1
        for rate_limit, cost in zip(self._rate_limits, (1.0, self._tokens), strict=True):
            rate_limit.spend(cost)
        return StartedCall(now, self._round, self._slow_start.stage)

    def end_call(self) -> None:
        """Count a call as no longer in flight, whatever its outcome."""
        self.in_flight -= 1

    def call_succeeded(
        self, started: StartedCall, now: float, headers: Mapping[str, str], tokens: int
    ) -> None:
        """Record that a call was answered, usefully or not."""
        self._tokens = 0.9 * self._tokens + 0.1 * tokens if self._tokens else float(tokens)
        for rate_limit in self._rate_limits:
            rate_limit.update(headers, now)
        self.answered += 1
        self._busy_since = math.inf
        self._recent.append(True)
        if self.open:
            self._open_since, self._probe_wait, self._closed_until = math.inf, 0.0, now
            self._recent.clear()
        elif self.in_flight >= int(self.limit):  # only a limit that is used is worth raising
            self._raise(started, now)

    def _raise(self, started: StartedCall, now: float) -> None:
        if self._additive:
            self.limit = min(float(self.ceiling), self.limit + 1.0 / self.limit)
        else:
            self.limit = self._slow_start.next_limit(self.limit, float(self.ceiling), started, now)

    def call_throttled(
        self, started: StartedCall, now: float, headers: Mapping[str, str], wait: float
    ) -> None:
        """Record "too many requests": no call starts for ``wait`` seconds."""
        for rate_limit in self._rate_limits:
            rate_limit.update(headers, now)
        self._busy_since = min(self._busy_since, now)
        self._closed_until = max(self._closed_until, now + wait)
        if started.round == self._round:
            self._round += 1
            if not any(
                rate_limit.rate for rate_limit in self._rate_limits
            ):  # else the rate was at fault
                self._additive = True
                self.limit = max(1.0, self.limit * SHRINK)

    def call_failed(self, started: StartedCall, now: float) -> bool:
        """Record a server fault, a reset or a hang.

        Returns:
            Whether it counts against the request; not while the endpoint is down for all.
        """
        if self.open:
            if started.round == self._round:
                self._probe(now)
            return False
        self._recent.append(False)
        if len(self._recent) >= WINDOW // 2 and sum(self._recent) < len(self._recent) / 2:
            self._open_since = now
            self.limit = max(1.0, self.limit / 2)
            self._additive = True
            self._probe(now)
        return True

    def _probe(self, now: float) -> None:
        self._round += 1
        self._probe_wait = min(SLOWEST_PROBE, 2 * self._probe_wait or 0.5)
        self._closed_until = now + self._probe_wait

    def given_up(self, now: float) -> bool:
        """Whether the endpoint was down, or turned everything away, for longer than patience."""
        patience = self.patience if self.answered else min(10.0, self.patience)
        busy = now - self._busy_since > self.patience * 5
        return busy or (self.open and now - self._open_since > patience)


def _number(text: str | None) -> float | None:
    """The number in a header's value, if it is one."""
    try:
        return float(text) if text else None
    except ValueError:
        return None
