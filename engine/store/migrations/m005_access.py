"""Version 5: roles and API keys have rows of their own.

Until here each course had one choice ``roles`` (address to role) and one ``api_keys`` (a list of
name, salt and hash): two people who changed one at the same time lost a change.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store.migrations.ddl import run

_TABLES = (
    """CREATE TABLE roles (
        course VARCHAR(200) NOT NULL, email VARCHAR(320) NOT NULL, role VARCHAR(16),
        PRIMARY KEY (course, email))""",
    """CREATE TABLE api_keys (
        course VARCHAR(200) NOT NULL, name VARCHAR(200) NOT NULL, salt VARCHAR(64),
        hash VARCHAR(128), at FLOAT, PRIMARY KEY (course, name))""",
)
_choices = sa.table("choices", sa.column("scope"), sa.column("name"), sa.column("data", sa.JSON))
_roles = sa.table("roles", *map(sa.column, ("course", "email", "role")))
_keys = sa.table("api_keys", *map(sa.column, ("course", "name", "salt", "hash", "at")))


def up(connection: sa.Connection) -> None:
    """Make the tables and move the rows over."""
    run(connection, *_TABLES)
    for course, given in _saved(connection, "roles"):
        rows = [{"course": course, "email": who, "role": role} for who, role in given.items()]
        if rows:
            connection.execute(_roles.insert(), rows)
    for course, keys in _saved(connection, "api_keys"):
        rows = [{"course": course, **key, "at": float(n)} for n, key in enumerate(keys)]
        if rows:
            connection.execute(_keys.insert(), rows)
    connection.execute(_choices.delete().where(_choices.c.name.in_(["roles", "api_keys"])))


def _saved(connection: sa.Connection, name: str) -> list[Any]:
    query = sa.select(_choices.c.scope, _choices.c.data).where(_choices.c.name == name)
    return list(connection.execute(query).all())
