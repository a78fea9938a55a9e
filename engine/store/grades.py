"""Rows of grading: items, what learners answered, the grades, and who changed them and why."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import tables
from engine.store.rows import Rows


class GradeRows(Rows):
    """Items, submissions and grades of a course; the audit log is only ever added to."""

    def put_items(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add or replace items: rows of ``id``, ``position`` and ``data``."""
        self._upsert(tables.items, [{"course": course, **row} for row in rows])

    def items(self, course: str) -> list[dict[str, Any]]:
        """The data of a course's items, in their order."""
        t = tables.items
        query = sa.select(t.c.data).where(t.c.course == course).order_by(t.c.position, t.c.id)
        return [dict(row.data) for row in self._rows(query)]

    def put_submissions(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add or replace answers: rows of ``id``, ``item``, ``learner``, ``at`` and ``data``."""
        self._upsert(tables.submissions, [{"course": course, **row} for row in rows])

    def submissions(self, course: str, learner: str | None = None) -> list[dict[str, Any]]:
        """Answers of a course or of one learner (pseudonym), by item: ``id``, ``data``, ..."""
        t = tables.submissions
        return self._of(t, course, learner, t.c.item, t.c.id)

    def put_grades(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Keep grades: rows of ``id`` (the answer's), ``item``, ``learner``, ``inputs``, ``data``.

        A grade that a person has decided on is never replaced here.
        """
        if not rows:
            return
        t, now = tables.grades, time.time()
        statement = self._insert(t)
        rest = {k: statement.excluded[k] for k in ("item", "learner", "inputs", "at", "data")}
        statement = statement.on_conflict_do_update(
            index_elements=["course", "id"], set_=rest, where=t.c.decided == 0
        )
        full = [{"course": course, "decided": 0, "at": now, **row} for row in rows]
        with self._write() as connection:
            connection.execute(statement, full)

    def decide_grade(
        self, course: str, answer: str, data: Mapping[str, Any], line: Mapping[str, Any]
    ) -> None:
        """Put a person's decision in the place of a grade, with its line in the audit log.

        ``line`` has ``learner``, ``reason``, ``old`` and ``new``.
        """
        t, now = tables.grades, time.time()
        where = (t.c.course == course, t.c.id == answer)
        logged = {"course": course, "answer": answer, "at": now, **line}
        with self._write() as connection:
            values = {"data": dict(data), "decided": 1, "at": now}
            connection.execute(t.update().where(*where).values(values))
            connection.execute(tables.grade_audit.insert(), [logged])

    def grades(self, course: str, learner: str | None = None) -> list[dict[str, Any]]:
        """Grades of a course or of one learner by item: ``id``, ``decided``, ``data``, ..."""
        t = tables.grades
        return self._of(t, course, learner, t.c.item, t.c.id)

    def drop_grades(self, course: str, lines: Mapping[str, Mapping[str, Any]]) -> None:
        """Remove grades that no longer hold, each with its line in the audit log, by answer."""
        t, now = tables.grades, time.time()
        logged = [{"course": course, "answer": k, "at": now, **v} for k, v in lines.items()]
        if logged:
            with self._write() as connection:
                gone = t.c.id.in_(list(lines))
                connection.execute(t.delete().where(t.c.course == course, gone))
                connection.execute(tables.grade_audit.insert(), logged)

    def grade_log(self, course: str, learner: str | None = None) -> list[dict[str, Any]]:
        """The audit log, newest first: ``at``, ``answer``, ``old``, ``new``, ``reason``."""
        t = tables.grade_audit
        return self._of(t, course, learner, t.c.number.desc())

    def clear_grading(self, course: str) -> None:
        """Remove all items, answers and grades of a course; the audit log stays."""
        with self._write() as connection:
            for table in (tables.items, tables.submissions, tables.grades):
                connection.execute(table.delete().where(table.c.course == course))

    def remove_events(self, course: str, ids: Collection[str]) -> None:
        """Remove events that no longer hold."""
        t = tables.events
        with self._write() as connection:
            connection.execute(t.delete().where(t.c.course == course, t.c.id.in_(list(ids))))

    def _of(
        self, table: sa.Table, course: str, learner: str | None, *order: Any
    ) -> list[dict[str, Any]]:
        columns = [column for column in table.c if column.name != "course"]
        query = sa.select(*columns).where(table.c.course == course)
        if learner is not None:
            query = query.where(table.c.learner == learner)
        return [dict(row._mapping) for row in self._rows(query.order_by(*order))]
