"""How many calls may be in flight, and when the next one may leave. No input or output, no clock.

Three rules, each for another kind of trouble:

* the **limit** of calls in flight doubles while that answers more calls a second (``Ramp``);
  "too many" brings it to 3/4, at most once a round, from where it creeps up (AIMD);
* the **pace** is the rate that ``x-ratelimit-*`` headers announce, so that a rate limit is kept
  rather than hit; ``Retry-After`` closes the gate for as long as told;
* the **circuit** opens when more than half of the last 20 calls broke: one probe at a time, ever
  rarer, until one succeeds. Single faults, however many percent, leave the limit alone.
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
PACE_MARGIN = 0.98


class Pace:
    """A token bucket kept in step with one pair of announced limits (requests or tokens)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rate = 0.0
        self._level = math.inf
        self._most = 0.0
        self._at = 0.0

    def told(self, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer's headers; headers that say nothing change nothing."""
        limit = _number(headers.get(f"x-ratelimit-limit-{self.name}"))
        left = _number(headers.get(f"x-ratelimit-remaining-{self.name}"))
        if not limit or left is None:
            return
        self._refill(now)
        self.rate = PACE_MARGIN * self._rate(limit, left, headers)
        self._most = max(self._most, left + 1)
        # One more than told: the server's figure is older than what refilled since.
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

    def take(self, cost: float) -> None:
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
class Ticket:
    """When a call left, and in which round and stage."""

    at: float
    round: int
    stage: int


class Ramp:
    """Looks whether twice the calls in flight bring more answers a second.

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

    def next_limit(self, limit: float, ceiling: float, ticket: Ticket, now: float) -> float:
        """The limit after one more answer came while the limit was fully used."""
        if ticket.stage != self.stage:
            return limit
        self._count += 1
        self._seconds += now - ticket.at
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
    """Decides when the next call may leave; told of each call's fate.

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
        self._ramp = Ramp()
        self._creeping = False
        self._round = 0
        self._closed_until = 0.0
        self._busy_since = math.inf
        self._paces = (Pace("requests"), Pace("tokens"))
        self._tokens = 0.0
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._open_since = math.inf
        self._probe_wait = 0.0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the endpoint seems down and is only probed."""
        return self._open_since < math.inf

    def delay(self, now: float) -> float:
        """Seconds until a call may leave; infinity where one must come back first."""
        if self.in_flight >= (1 if self.open else max(1, int(self.limit))):
            return math.inf
        paces = zip(self._paces, (1.0, self._tokens), strict=True)
        return max(self._closed_until - now, *(pace.wait(cost, now) for pace, cost in paces), 0.0)

    def sent(self, now: float) -> Ticket:
        """A call leaves. Its ticket is to be handed back with its fate."""
        self.in_flight += 1
        for pace, cost in zip(self._paces, (1.0, self._tokens), strict=True):
            pace.take(cost)
        return Ticket(now, self._round, self._ramp.stage)

    def back(self) -> None:
        """A call is no longer in flight, whatever came of it."""
        self.in_flight -= 1

    def succeeded(
        self, ticket: Ticket, now: float, headers: Mapping[str, str], tokens: int
    ) -> None:
        """A call was answered (well or badly: that is not the endpoint's concern)."""
        self._tokens = 0.9 * self._tokens + 0.1 * tokens if self._tokens else float(tokens)
        for pace in self._paces:
            pace.told(headers, now)
        self.answered += 1
        self._busy_since = math.inf
        self._recent.append(True)
        if self.open:
            self._open_since, self._probe_wait, self._closed_until = math.inf, 0.0, now
            self._recent.clear()
        elif self.in_flight >= int(self.limit):  # only a limit that is used is worth raising
            self._raise(ticket, now)

    def _raise(self, ticket: Ticket, now: float) -> None:
        if self._creeping:
            self.limit = min(float(self.ceiling), self.limit + 1.0 / self.limit)
        else:
            self.limit = self._ramp.next_limit(self.limit, float(self.ceiling), ticket, now)

    def throttled(
        self, ticket: Ticket, now: float, headers: Mapping[str, str], wait: float
    ) -> None:
        """A call was turned away: "too many"; nothing leaves for ``wait`` seconds."""
        for pace in self._paces:
            pace.told(headers, now)
        self._busy_since = min(self._busy_since, now)
        self._closed_until = max(self._closed_until, now + wait)
        if ticket.round == self._round:
            self._round += 1
            if not any(pace.rate for pace in self._paces):  # else the pace is at fault
                self._creeping = True
                self.limit = max(1.0, self.limit * SHRINK)

    def broke(self, ticket: Ticket, now: float) -> bool:
        """A call broke (server fault, reset, hang). Returns whether this counts against it."""
        if self.open:
            if ticket.round == self._round:
                self._probe(now)
            return False
        self._recent.append(False)
        if len(self._recent) >= WINDOW // 2 and sum(self._recent) < len(self._recent) / 2:
            self._open_since = now
            self.limit = max(1.0, self.limit / 2)
            self._creeping = True
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
