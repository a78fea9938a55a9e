"""Rows of courses and learners: on SQLite by default, on PostgreSQL by URL.

The pattern is the same everywhere: a few typed columns to filter by, and the noun itself as JSON in
``data``. Files (books, runs, exports) lie in ``Settings.course_folder``.

Every stage writes one *result* with the fingerprint of what it was made from; a stage whose
inputs have another fingerprint now is stale (see ``engine.stages``).
"""

from __future__ import annotations

from engine.store.access import AccessRows
from engine.store.books import BookRows
from engine.store.corpus import PairRows
from engine.store.grades import GradeRows
from engine.store.migrations import MIGRATIONS
from engine.store.people import PeopleRows
from engine.store.results import ResultKind, ResultRows, Saved
from engine.store.work import WorkRows

__all__ = ["MIGRATIONS", "ResultKind", "Saved", "Store"]


class Store(BookRows, PairRows, ResultRows, WorkRows, PeopleRows, GradeRows, AccessRows):
    """All rows of one installation. Cheap to make, safe to share between threads.

    Args:
        url: An SQLAlchemy URL; the tables are created or migrated on first use.
    """
