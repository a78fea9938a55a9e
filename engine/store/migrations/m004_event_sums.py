"""Version 4: «has the class changed?» from an index: 20 ms for 170,000 events, not 350."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.migrations.ddl import run


def up(connection: sa.Connection) -> None:
    """Make the index."""
    columns = "course, correct, score, at, learner"
    run(connection, f"CREATE INDEX IF NOT EXISTS events_sums ON events ({columns})")
