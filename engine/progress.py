"""How verbs report progress: a call-back, and the simplest one of all."""

from __future__ import annotations

from collections.abc import Callable

from engine.schema import Progress

Report = Callable[[Progress], None]
"""Called by verbs as they go; may raise ``Cancelled``, which stops the work at a safe point."""


def silent(progress: Progress) -> None:
    """A report that nobody reads."""
