"""Rows of learners and of what they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import tables
from engine.store.rows import Rows


class PeopleRows(Rows):
    """Learners under pseudonyms, and their events."""

    def put_learners(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add or replace learners: rows of ``pseudonym``, ``name`` and ``group``."""
        self._upsert(tables.learners, [{"course": course, **row} for row in rows])

    def learners(self, course: str) -> list[dict[str, Any]]:
        """The learners of a course by name: ``pseudonym``, ``name``, ``group``."""
        query = sa.select(
            tables.learners.c.pseudonym, tables.learners.c.name, tables.learners.c.group
        )
        query = query.where(tables.learners.c.course == course)
        return [dict(row._mapping) for row in self._rows(query.order_by(tables.learners.c.name))]

    def put_events(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add events; one with a known ``id`` replaces the earlier one."""
        self._upsert(tables.events, [{"course": course, **row} for row in rows])

    def count_events(self, course: str) -> int:
        """How many events a course has."""
        query = (
            sa.select(sa.func.count())
            .select_from(tables.events)
            .where(tables.events.c.course == course)
        )
        return int(self._rows(query)[0][0])

    def has_events(self, course: str) -> bool:
        """Whether anybody has answered; cheaper than counting."""
        t = tables.events
        return bool(self._rows(sa.select(t.c.id).where(t.c.course == course).limit(1)))

    def events_version(self, course: str) -> str:
        """Changes whenever the events of a course do: how many, how many right, sum of scores."""
        t = tables.events
        sums: list[Any] = [sa.func.count(), sa.func.sum(t.c.correct), sa.func.sum(t.c.score)]
        return str(tuple(self._rows(sa.select(*sums).where(t.c.course == course))[0]))

    def class_version(self, course: str) -> str:
        """Changes whenever the class does: its events, its list, when the last answer came."""
        t = tables.events
        last: list[Any] = [sa.func.max(t.c.at)]
        newest = tuple(self._rows(sa.select(*last).where(t.c.course == course))[0])
        return f"{self.events_version(course)} {newest} {self.learners_version(course)}"

    def learners_version(self, course: str) -> str:
        """Changes whenever the class list does, or somebody answers an assignment."""
        t, people = tables.submissions, tables.learners
        name = people.c.name
        listed: list[Any] = [sa.func.count(), sa.func.max(people.c.pseudonym)]
        listed += [sa.func.min(name), sa.func.max(name), sa.func.sum(sa.func.length(name))]
        roster = tuple(self._rows(sa.select(*listed).where(people.c.course == course))[0])
        columns: list[Any] = [sa.func.count(), sa.func.max(t.c.at)]
        handed = tuple(self._rows(sa.select(*columns).where(t.c.course == course))[0])
        return f"{handed} {roster}"

    def active_learners(self, course: str) -> list[str]:
        """Pseudonyms of all who answered anything: events or assignments."""
        found: dict[str, None] = {}
        for t in (tables.events, tables.submissions):
            query = sa.select(t.c.learner).where(t.c.course == course).distinct()
            found |= {row.learner: None for row in self._rows(query.order_by(t.c.learner))}
        return [name for name in found if name]

    def share_right(self, course: str) -> float | None:
        """Share of right answers among all events; None where there are none."""
        t = tables.events
        query = sa.select(sa.func.avg(t.c.correct * 1.0)).where(t.c.course == course)
        found = self._rows(query)[0][0]
        return None if found is None else float(found)

    def events(self, course: str, learner: str | None = None) -> list[dict[str, Any]]:
        """Events of a course, or of one learner (pseudonym), oldest first."""
        columns = [column for column in tables.events.c if column.name != "course"]
        query = sa.select(*columns).where(tables.events.c.course == course)
        if learner is not None:
            query = query.where(tables.events.c.learner == learner)
        return [
            dict(r._mapping)
            for r in self._rows(query.order_by(tables.events.c.at, tables.events.c.id))
        ]

    def erase_learner(self, course: str, pseudonym: str) -> int:
        """Remove every row of a learner of a course; returns how many rows that were."""
        gone = 0
        with self._write() as connection:
            if connection.dialect.name == "sqlite":  # else the bytes stay in the file's free space
                connection.execute(sa.text("PRAGMA secure_delete = ON"))
            t = tables.learners
            own = [(t, t.c.pseudonym), *((t, t.c.learner) for t in tables.OF_A_LEARNER)]
            for table, column in own:
                where = (table.c.course == course, column == pseudonym)
                removed = connection.execute(table.delete().where(*where)).rowcount
                gone += removed
                if removed and table is tables.grades:
                    _forget_verdicts(connection)
            r = tables.results  # the class's view names its weakest learners; it is made again
            views = (r.c.course == course, r.c.stage == "class")
            connection.execute(r.delete().where(*views))
        self._compact()
        return gone

    def _compact(self) -> None:
        """Rewrite an SQLite file without its free pages, where replaced rows would still stand."""
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.execute(sa.text("VACUUM"))


def _forget_verdicts(connection: sa.Connection) -> None:
    """Empty the saved verdicts of language models, which quote answers; what they cost stays."""
    t = tables.answers
    empty = {"key": sa.literal("erased-") + t.c.key, "data": {}}
    where = (t.c.purpose == "grade", sa.not_(t.c.key.startswith("erased-")))
    connection.execute(t.update().where(*where).values(empty))
