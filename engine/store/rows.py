"""The connection, and the few ways in which rows are read and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.schema import Value
from engine.store import tables

V = TypeVar("V", bound=Value)


class Rows:
    """A database and its connections.

    Args:
        url: An SQLAlchemy URL; the tables are created or migrated on first use.
    """

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        self._migrate()

    def _migrate(self) -> None:
        with self.engine.begin() as connection:
            tables.versions.create(connection, checkfirst=True)
            have = connection.scalar(sa.select(sa.func.max(tables.versions.c.number))) or 0
            for number, migration in enumerate(tables.MIGRATIONS[have:], have + 1):
                migration(connection)
                connection.execute(tables.versions.insert().values(number=number))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def _insert(self, table: sa.Table) -> Any:
        """An insert that knows conflicts, in the database's dialect."""
        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        return insert(table)

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        keys: Any = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        with self.engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(keys, set_=rest), rows)

    def _values(self, table: sa.Table, course: str, kind: type[V]) -> list[V]:
        query = sa.select(table.c.data).where(table.c.course == course).order_by(table.c.position)
        return [kind.model_validate(row.data) for row in self._rows(query)]


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
