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


class LearnerStore(Store):
    """Every query is narrowed to the learner's rows where a table has learners, in SQL.

    What belongs to nobody (books, passages, pairs, results) can be read. Only the learner's own
    events, cached model answers and «was this right?» can be written; all else is refused.

    Args:
        url: As for ``Store``.
        own: The learner's pseudonyms, one a course.
    """

    def __init__(self, url: str, own: Collection[str]) -> None:
        super().__init__(url)
        self._own = tuple(own)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        found = {t for t in visitors.iterate(query) if isinstance(t, sa.Table)}
        for table in found:
            column = _owner(table)
            if column is not None:
                query = query.where(column.in_(self._own))
        return super()._rows(query)

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of the learner's own.

        Raises:
            Forbidden: another table, or another learner's row.
        """
        column = _owner(table)
        mine = column is None or all(row[column.name] in self._own for row in rows)
        if table is tables.choices:
            mine = all(str(row["name"]).startswith(_VERDICT) for row in rows)
        if table.name not in _WRITABLE or not mine:
            raise _denied()
        super()._upsert(table, rows)

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
