"""A store that shows and takes one learner's rows only: what a signed-in learner's screens get."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from engine.errors import Forbidden
from engine.store import Store, tables

_OWNERS = ("learner", "pseudonym")
_WRITABLE = frozenset({"events", "answers", "choices"})
_VERDICT = "verdict-"
_CLASS, _GRADING = "class", "grade"
_STAFF = ("roles", "api_keys")


class LearnerStore(Store):
    """Every query is narrowed to the learner's rows where a table has learners, in SQL.

    What belongs to nobody (books, passages, pairs, most results) can be read; the view of the
    class, who has which role, and what models said of other people's answers cannot. Only the
    learner's own events, cached model answers and «was this right?» can be written, and none of
    these in the place of somebody else's; all else is refused.

    Args:
        url: As for ``Store``.
        own: The learner's pseudonyms, one a course.
    """

    def __init__(self, url: str, own: Collection[str]) -> None:
        super().__init__(url)
        self._own = tuple(own)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        for table in {t for t in visitors.iterate(query) if isinstance(t, sa.Table)}:
            seen = self._seen(table)
            if seen is not None:
                query = query.where(seen)
        return super()._rows(query)

    def _seen(self, table: sa.Table) -> sa.ColumnElement[bool] | None:
        """Which rows of a table the learner may see; None: all."""
        column = _owner(table)
        if column is not None:
            return column.in_(self._own)
        if table is tables.results:
            return table.c.stage != _CLASS
        if table is tables.choices:
            return table.c.name.not_in(_STAFF)
        return table.c.purpose != _GRADING if table is tables.answers else None

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of the learner's own; a row of somebody else with the same key stays.

        Raises:
            Forbidden: another table, or another learner's row.
        """
        column = _owner(table)
        mine = column is None or all(row[column.name] in self._own for row in rows)
        if table is tables.choices:
            mine = all(str(row["name"]).startswith(_VERDICT) for row in rows)
        if table.name not in _WRITABLE or not mine:
            raise _denied()
        if not rows:
            return
        statement = self._insert(table)
        keys: Any = [key.name for key in table.primary_key]
        if table is tables.answers:  # shared by all: the first one stands
            statement = statement.on_conflict_do_nothing(keys)
        else:
            rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
            own = column.in_(self._own) if column is not None else None
            statement = statement.on_conflict_do_update(keys, set_=rest, where=own)
        with self.engine.begin() as connection:
            connection.execute(statement, rows)

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        raise _denied()
        yield


def _owner(table: sa.Table) -> sa.Column[Any] | None:
    return next((table.c[name] for name in _OWNERS if name in table.c), None)


def _denied() -> Forbidden:
    return Forbidden(
        "A learner may not change this.",
        code="access.denied",
        next="Ask a teacher of this course.",
    )
