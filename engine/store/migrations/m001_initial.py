"""Version 1: courses, books, passages, pairs with their history, results, answers, choices."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.migrations.ddl import run

_TABLES = (
    """CREATE TABLE IF NOT EXISTS courses (
        id VARCHAR(200) NOT NULL, created FLOAT, data JSON, PRIMARY KEY (id))""",
    """CREATE TABLE IF NOT EXISTS documents (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, position INTEGER, data JSON,
        PRIMARY KEY (course, id))""",
    """CREATE TABLE IF NOT EXISTS passages (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, position INTEGER, data JSON,
        PRIMARY KEY (course, id))""",
    """CREATE TABLE IF NOT EXISTS pairs (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, position INTEGER,
        section VARCHAR(64), kind VARCHAR(32), split VARCHAR(16), status VARCHAR(16), data JSON,
        PRIMARY KEY (course, id))""",
    """CREATE TABLE IF NOT EXISTS pair_history (
        number SERIAL NOT NULL, course VARCHAR(200), batch VARCHAR(32), at FLOAT, data JSON,
        PRIMARY KEY (number))""",
    "CREATE INDEX IF NOT EXISTS ix_pair_history_course ON pair_history (course)",
    """CREATE TABLE IF NOT EXISTS results (
        course VARCHAR(200) NOT NULL, stage VARCHAR(200) NOT NULL, name VARCHAR(200) NOT NULL,
        inputs VARCHAR(64), at FLOAT, data JSON, PRIMARY KEY (course, stage, name))""",
    """CREATE TABLE IF NOT EXISTS answers (
        "key" VARCHAR(200) NOT NULL, model VARCHAR(200), purpose VARCHAR(64), at FLOAT,
        prompt_tokens INTEGER, completion_tokens INTEGER, data JSON, PRIMARY KEY ("key"))""",
    """CREATE TABLE IF NOT EXISTS choices (
        scope VARCHAR(200) NOT NULL, name VARCHAR(200) NOT NULL, data JSON,
        PRIMARY KEY (scope, name))""",
)


def up(connection: sa.Connection) -> None:
    """Make the first tables."""
    run(connection, *_TABLES)
