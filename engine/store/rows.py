"""The connection, and the few ways in which rows are read and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import BadInput, WorkFailed
from engine.schema import Value
from engine.store.migrations import migrate

V = TypeVar("V", bound=Value)


class Rows:
    """A database and its connections.

    Args:
        url: An SQLAlchemy URL; the tables are created or migrated on first use.

    Raises:
        BadInput: ``store.driver``: not an address, or the driver is not installed.
        WorkFailed: ``store.unreachable``, or ``store.newer`` (see ``migrate``).
    """

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        try:
            migrate(self._engine)
        except sa.exc.OperationalError as error:
            raise _unreachable(self._engine.url, error) from error

    @property
    def engine(self) -> sa.Engine:
        """The connections, for whatever has no method here."""
        return self._engine

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _insert(self, table: sa.Table) -> Any:
        """An insert that knows conflicts, in the database's dialect."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        return insert(table)

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        keys = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
        with self._engine.begin() as connection:
            connection.execute(statement, rows)

    def _values(self, table: sa.Table, course: str, kind: type[V]) -> list[V]:
        query = sa.select(table.c.data).where(table.c.course == course).order_by(table.c.position)
        return [kind.model_validate(row.data) for row in self._rows(query)]


def _open(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError, sa.exc.ArgumentError) as error:
        raise BadInput(
            f"The setting database_url cannot be used: {error}",
            code="store.driver",
            next="For PostgreSQL: pip install 'psycopg[binary]', and a postgresql+psycopg:// URL.",
            reason=str(error),
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _unreachable(url: sa.URL, error: sa.exc.OperationalError) -> WorkFailed:
    reason = str(error.orig).strip()
    return WorkFailed(
        f"The database {url.render_as_string()} cannot be opened: {reason}",  # password hidden
        code="store.unreachable",
        next="Is the server running, and the setting database_url right?",
        reason=reason,
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
