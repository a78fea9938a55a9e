"""Version 6: a corpus that is being made lies apart from the one in use."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.migrations.ddl import run

_TABLE = """CREATE TABLE IF NOT EXISTS pair_drafts (
    course VARCHAR(200) NOT NULL, plan VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL,
    position INTEGER, data JSON, PRIMARY KEY (course, plan, id))"""


def up(connection: sa.Connection) -> None:
    """Make the table."""
    run(connection, _TABLE)
