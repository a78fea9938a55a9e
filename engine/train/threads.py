"""As many threads as cores are free, so that two programs do not wait for each other.

torch's threads meet after every product, and wait for each other by spinning. Where another program
takes a core, each meeting waits for the scheduler: on a busy machine of two cores, two threads
were seen to be 20 times slower than one.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from engine.settings import Settings

PERIOD = 3.0
"""Seconds between looks at the machine."""


@dataclass
class Threads:
    """Keeps torch's thread count at the number of cores that others leave free.

    ``settings.threads`` fixes it instead. The sums of a product may change in their last bits with
    the count, as they do between machines.
    """

    settings: Settings
    _at: float = field(default=0.0, init=False)
    _own: float = field(default=0.0, init=False)
    _busy: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Look for a fifth of a second, so that the first count is right too."""
        import torch

        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
            return
        self._at, self._own, self._busy = _clocks()
        time.sleep(0.2)
        self._adapt()

    def adapt(self) -> None:
        """Look again if ``PERIOD`` is over; called between steps."""
        if not self.settings.threads and time.monotonic() - self._at >= PERIOD:
            self._adapt()

    def _adapt(self) -> None:
        import torch

        now, own, busy = _clocks()
        others = (busy - self._busy - (own - self._own)) / (now - self._at)
        self._at, self._own, self._busy = now, own, busy
        torch.set_num_threads(free_cores(_cores(), others))


def free_cores(cores: int, others: float) -> int:
    """How many of ``cores`` are left when others use ``others`` of them; at least one."""
    return min(cores, max(1, cores - round(max(0.0, others))))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _clocks() -> tuple[float, float, float]:
    """Seconds now, of our own processor time, and of all processors' busy time."""
    import psutil

    times = psutil.cpu_times()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    return time.monotonic(), time.process_time(), busy
