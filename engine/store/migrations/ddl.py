"""Running frozen SQL on both databases."""

from __future__ import annotations

import sqlalchemy as sa


def run(connection: sa.Connection, *statements: str) -> None:
    """Run SQL that both databases read; the type SERIAL (a counted key) is INTEGER on SQLite."""
    for statement in statements:
        if connection.dialect.name == "sqlite":
            statement = statement.replace(" SERIAL ", " INTEGER ")
        connection.exec_driver_sql(statement)
