"""Numbered migrations: how a database of any earlier version becomes one of today.

One file a migration, named ``m<number>_<what>.py``, with one function ``up(connection)``. A
migration is frozen: it holds its own SQL and never imports ``engine.store.tables``, which describes
today's tables and changes with them. To add one, write the next file, append its ``up`` to
``MIGRATIONS``, and change ``tables.py`` to match; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import sqlalchemy as sa

from engine.errors import WorkFailed
from engine.store.migrations import (
    m001_initial,
    m002_learners,
    m003_grading,
    m004_event_sums,
    m005_access,
    m006_pair_drafts,
)
from engine.store.migrations.ddl import run

Migration = Callable[[sa.Connection], None]

MIGRATIONS: tuple[Migration, ...] = (
    m001_initial.up,
    m002_learners.up,
    m003_grading.up,
    m004_event_sums.up,
    m005_access.up,
    m006_pair_drafts.up,
)
_LOCK = 0x636F7572  # any number that no other program locks in the same PostgreSQL database
_versions = sa.table("migrations", sa.column("number", sa.Integer))
_VERSIONS = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, PRIMARY KEY (number))"


def migrate(engine: sa.Engine, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the newest version: all of the missing migrations, or none.

    One process at a time does this; another one that starts meanwhile waits, and then finds nothing
    left to do.

    Raises:
        WorkFailed: ``store.newer``: a newer version of Coursewright has migrated this database.
    """
    with _locked(engine) as connection:
        run(connection, _VERSIONS)
        have = connection.scalar(sa.select(sa.func.max(_versions.c.number))) or 0
        if have > len(migrations):
            raise _newer(have, len(migrations))
        for number, migration in enumerate(migrations[have:], have + 1):
            migration(connection)
            connection.execute(_versions.insert().values(number=number))


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that nobody else has open on this database.

    SQLite: a lock file, since two connections that switch a new file to its write-ahead log at once
    fail; and a transaction begun by hand, since Python's driver commits before each CREATE TABLE.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection
        return
    with _file_lock(engine.url.database), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        run(connection, "BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            run(connection, "ROLLBACK")
            raise
        run(connection, "COMMIT")


def _file_lock(database: str | None) -> AbstractContextManager[object]:
    from filelock import FileLock

    in_memory = not database or ":memory:" in database
    return nullcontext() if in_memory else FileLock(Path(f"{database}.lock"))


def _newer(have: int, known: int) -> WorkFailed:
    return WorkFailed(
        f"The database has version {have}; this program knows versions up to {known}.",
        code="store.newer",
        next="Install the newest Coursewright; it was used with this database before.",
        have=have,
        known=known,
    )
