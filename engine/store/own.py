"""A store that shows and takes one learner's rows only: what a signed-in learner's screens get.

Closed by default, twice. A public method of ``Store`` that is not named in ``_OPEN`` is refused,
whatever it does; and a table without a rule in ``_seen`` cannot be read, whichever method asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from engine.errors import Forbidden
from engine.store import Store, tables

_OPEN = frozenset(
    [
        "course",
        "courses",
        "documents",
        "document_ids",
        "readings",
        "passages",
        "pairs",
        "count_pairs",
        "corpus_version",
        "items",
        "saved",
        "all_saved",
        "newest_inputs",
        "choice",
        "cached_answer",
        "spent",
        "learners",
        "learners_version",
        "active_learners",
        "class_version",
        "events",
        "events_version",
        "count_events",
        "has_events",
        "submissions",
        "grades",
        "grade_log",
        "put_events",
        "save_answer",
        "choose",
        "close",
    ]
)
"""The methods that learners' screens call: the course, narrowed rows, the three writes, the end."""
_SHARED = (
    tables.courses,
    tables.documents,
    tables.passages,
    tables.pairs,
    tables.history,  # for the corpus's version only: no open method shows its rows
    tables.items,
)
_OWNED = {
    tables.learners: tables.learners.c.pseudonym,
    tables.events: tables.events.c.learner,
    tables.submissions: tables.submissions.c.learner,
    tables.grades: tables.grades.c.learner,
    tables.grade_audit: tables.grade_audit.c.learner,
}
_STAGES = ("books", "concepts", "distil", "prompts", "fitted", "train", "exam", "publish")
_CHOICES = ("teacher", "judge", "prompt", "concept_edits", "show_average")
_VERDICT = "verdict-"
_PURPOSES = ("tutor",)


class LearnerStore(Store):
    """Every query is narrowed to the learner's rows where a table has learners, in SQL.

    What belongs to nobody (books, passages, pairs, items, the results and choices that a tutor
    needs) can be read. The learner's own events, the tutor's cached answers and «was this right?»
    can be written, none of these in the place of somebody else's. All else is refused.

    Args:
        url: As for ``Store``.
        own: The learner's pseudonyms, one a course.
    """

    def __init__(self, url: str, own: Collection[str]) -> None:
        super().__init__(url)
        self._own = tuple(own)

    def __getattribute__(self, name: str) -> Any:
        """Refuse every public name that is not open.

        Raises:
            Forbidden: the name is not open to learners.
        """
        if not name.startswith("_") and name not in _OPEN:
            raise _denied()
        return super().__getattribute__(name)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        for table in {t for t in visitors.iterate(query) if isinstance(t, sa.Table)}:
            if table not in _SHARED:
                query = query.where(self._seen(table))
        return super()._rows(query)

    def _seen(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Which rows of a table that is not shared the learner may see."""
        if table in _OWNED:
            return _OWNED[table].in_(self._own)
        if table is tables.results:
            return table.c.stage.in_(_STAGES)
        if table is tables.answers:
            return table.c.purpose.in_(_PURPOSES)
        if table is tables.choices:
            return table.c.name.in_(_CHOICES) | table.c.name.startswith(_VERDICT)
        raise _denied()

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of the learner's own; a row of somebody else with the same key stays.

        Raises:
            Forbidden: another table, or another learner's row.
        """
        if not all(self._may_write(table, row) for row in rows):
            raise _denied()
        if not rows:
            return
        statement = self._insert(table)
        keys = [key.name for key in table.primary_key]
        if table is tables.answers:  # shared by all: the first one stands
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        else:
            rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
            mine = _OWNED[table].in_(self._own) if table in _OWNED else None
            statement = statement.on_conflict_do_update(index_elements=keys, set_=rest, where=mine)
        with self._engine.begin() as connection:
            connection.execute(statement, rows)

    def _may_write(self, table: sa.Table, row: dict[str, Any]) -> bool:
        if table is tables.events:
            return row["learner"] in self._own
        if table is tables.answers:
            return row["purpose"] in _PURPOSES
        return table is tables.choices and str(row["name"]).startswith(_VERDICT)

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        raise _denied()
        yield


def _denied() -> Forbidden:
    return Forbidden(
        "A learner may not change this.",
        code="access.denied",
        next="Ask a teacher of this course.",
    )
