"""Version 2: learners under pseudonyms, and what they did."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.migrations.ddl import run

_TABLES = (
    """CREATE TABLE IF NOT EXISTS learners (
        course VARCHAR(200) NOT NULL, pseudonym VARCHAR(200) NOT NULL, name VARCHAR(200),
        "group" VARCHAR(200), PRIMARY KEY (course, pseudonym))""",
    """CREATE TABLE IF NOT EXISTS events (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, learner VARCHAR(64),
        item VARCHAR(200), concept VARCHAR(400), correct INTEGER, score FLOAT, at FLOAT,
        source VARCHAR(64), PRIMARY KEY (course, id))""",
    "CREATE INDEX IF NOT EXISTS ix_events_learner ON events (learner)",
)


def up(connection: sa.Connection) -> None:
    """Make the tables of learners."""
    run(connection, *_TABLES)
