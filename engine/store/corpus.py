"""Rows of pairs, with undo of people's revisions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.schema import Pair, content_id
from engine.store import tables
from engine.store.rows import Rows


class PairRows(Rows):
    """The corpus."""

    def pairs(
        self, course: str, *, split: str | None = None, status: str | None = None
    ) -> list[Pair]:
        """Pairs of a course in their order, optionally of one split or one status."""
        query = sa.select(tables.pairs.c.data).where(tables.pairs.c.course == course)
        if split:
            query = query.where(tables.pairs.c.split == split)
        if status:
            query = query.where(tables.pairs.c.status == status)
        rows = self._rows(query.order_by(tables.pairs.c.position, tables.pairs.c.id))
        return [Pair.model_validate(row.data) for row in rows]

    def pair_ids(self, course: str) -> set[str]:
        """Ids of all pairs: what a resumed run does not make again."""
        return {
            r.id
            for r in self._rows(sa.select(tables.pairs.c.id).where(tables.pairs.c.course == course))
        }

    def count_pairs(self, course: str) -> dict[tuple[str, str], int]:
        """Number of pairs by ``(split, status)``."""
        query = sa.select(tables.pairs.c.split, tables.pairs.c.status, sa.func.count()).where(
            tables.pairs.c.course == course
        )
        return {
            (s, t): n
            for s, t, n in self._rows(query.group_by(tables.pairs.c.split, tables.pairs.c.status))
        }

    def put_pairs(self, course: str, pairs: Iterable[Pair], *, first: int = 0) -> None:
        """Add pairs, or replace those with the same ids; ``first`` is the first one's position."""
        self._upsert(
            tables.pairs, [_pair_row(course, first + i, pair) for i, pair in enumerate(pairs)]
        )

    def revise_pairs(self, course: str, pairs: Sequence[Pair], *, batch: str = "") -> None:
        """Replace pairs by revisions; a ``batch`` name remembers what they were for ``undo``."""
        rows = self._rows(
            sa.select(tables.pairs.c.id, tables.pairs.c.position, tables.pairs.c.data).where(
                tables.pairs.c.course == course, tables.pairs.c.id.in_([pair.id for pair in pairs])
            )
        )
        before = {row.id: row for row in rows}
        now = time.time()
        with self._write() as connection:
            for pair in pairs:
                old = before[pair.id]
                if batch:
                    connection.execute(
                        tables.history.insert().values(
                            course=course, batch=batch, at=now, data=old.data
                        )
                    )
                row = _pair_row(course, old.position, pair)
                connection.execute(
                    tables.pairs.update()
                    .where(tables.pairs.c.course == course, tables.pairs.c.id == pair.id)
                    .values(row)
                )

    def undo(self, course: str) -> int:
        """Take the last batch of revisions back; returns how many pairs changed."""
        query = sa.select(tables.history).where(tables.history.c.course == course)
        rows = self._rows(query.order_by(tables.history.c.number.desc()))
        batch = [row for row in rows if row.batch == rows[0].batch] if rows else []
        with self._write() as connection:
            for row in batch:
                pair = Pair.model_validate(row.data)
                values = {k: v for k, v in _pair_row(course, 0, pair).items() if k != "position"}
                connection.execute(
                    tables.pairs.update()
                    .where(tables.pairs.c.course == course, tables.pairs.c.id == pair.id)
                    .values(values)
                )
                connection.execute(
                    tables.history.delete().where(tables.history.c.number == row.number)
                )
        return len(batch)

    def remove_pairs(self, course: str, keep: Iterable[str] = ()) -> None:
        """Remove all pairs of a course but those with the ids to keep."""
        kept = set(keep)
        with self._write() as connection:
            for pair in self.pair_ids(course) - kept:
                connection.execute(
                    tables.pairs.delete().where(
                        tables.pairs.c.course == course, tables.pairs.c.id == pair
                    )
                )
            connection.execute(tables.history.delete().where(tables.history.c.course == course))

    def corpus_version(self, course: str, *splits: str) -> str:
        """Changes whenever the pairs (of these splits) do: ids, status, people's edits."""
        query = sa.select(tables.pairs.c.id, tables.pairs.c.status).where(
            tables.pairs.c.course == course
        )
        if splits:
            query = query.where(tables.pairs.c.split.in_(splits))
        ids = self._rows(query.order_by(tables.pairs.c.id))
        last = self._rows(
            sa.select(sa.func.max(tables.history.c.number)).where(tables.history.c.course == course)
        )
        return content_id([tuple(row) for row in ids if row.status != "rejected"], last[0][0])


def _pair_row(course: str, position: int, pair: Pair) -> dict[str, Any]:
    return {
        "course": course,
        "id": pair.id,
        "position": position,
        "section": pair.section,
        "kind": pair.kind,
        "split": pair.split,
        "status": pair.status,
        "data": pair.model_dump(mode="json"),
    }
