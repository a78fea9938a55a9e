"""Rows of pairs: the corpus in use with undo of people's revisions, and one being made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.schema import Pair, content_id
from engine.store import tables
from engine.store.results import ResultKind, T, result_row
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

    # ------------------------------------------------------------ a corpus that is being made

    def open_draft(self, course: str, plan: str) -> list[Pair]:
        """What an earlier, unfinished run made under this plan's name, in order.

        A course has one draft at most: that of another plan goes.
        """
        drafts = tables.drafts
        other = (drafts.c.course == course, drafts.c.plan != plan)
        with self._write() as connection:
            connection.execute(drafts.delete().where(*other))
        query = sa.select(drafts.c.data).where(drafts.c.course == course)
        rows = self._rows(query.order_by(drafts.c.position, drafts.c.id))
        return [Pair.model_validate(row.data) for row in rows]

    def extend_draft(self, course: str, plan: str, pairs: Sequence[Pair], *, first: int) -> None:
        """Add pairs to a draft; ``first`` is the first one's position."""
        rows = [
            {
                "course": course,
                "plan": plan,
                "id": pair.id,
                "position": first + i,
                "data": pair.model_dump(mode="json"),
            }
            for i, pair in enumerate(pairs)
        ]
        self._upsert(tables.drafts, rows)

    def count_draft(self, course: str) -> int:
        """Number of pairs that an unfinished run made so far: what a screen shows while it runs."""
        query = sa.select(sa.func.count()).where(tables.drafts.c.course == course)
        return int(self._rows(query)[0][0])

    def drop_draft(self, course: str, plan: str) -> None:
        """Throw a draft away; the corpus in use stays."""
        drafts = tables.drafts
        with self._write() as connection:
            connection.execute(
                drafts.delete().where(drafts.c.course == course, drafts.c.plan == plan)
            )

    def replace_corpus(
        self,
        course: str,
        plan: str,
        kind: ResultKind[T],
        make: Callable[[list[Pair], bool], tuple[list[Pair], T]],
    ) -> None:
        """Put a new corpus and its result in the place of the old one, in one transaction.

        Undo survives a run of the same plan, for its pairs are the same; another plan's corpus
        begins without.

        Args:
            course: The course's id.
            plan: The name of the new corpus's plan, whose draft goes.
            kind: Under which the result is kept, made from ``plan``.
            make: Called inside the transaction with the pairs in use and whether they were made by
                this plan; returns the new corpus in its order, and the result to keep.
        """
        own, results = tables.pairs, tables.results
        with self._write() as connection:
            # the first statement writes, so that SQLite locks before the old pairs are read
            connection.execute(tables.drafts.delete().where(tables.drafts.c.course == course))
            same = _made_by(connection, course) == plan
            pairs, value = make(_locked_pairs(connection, course), same)
            connection.execute(own.delete().where(own.c.course == course))
            rows = [_pair_row(course, i, pair) for i, pair in enumerate(pairs)]
            if rows:
                connection.execute(own.insert(), rows)
            if not same:
                connection.execute(tables.history.delete().where(tables.history.c.course == course))
            connection.execute(
                results.delete().where(results.c.course == course, results.c.stage == kind.stage)
            )
            connection.execute(
                results.insert().values(result_row(course, kind, value, inputs=plan))
            )

    def extend_corpus(
        self,
        course: str,
        plan: str,
        kind: ResultKind[T],
        make: Callable[[list[Pair]], tuple[list[Pair], T]],
        *,
        batch: str,
    ) -> bool:
        """Add pairs to the corpus in use, with its new result, in one transaction.

        ``undo`` of the batch rejects what was added, as a person, and brings changed pairs back.

        Args:
            course: The course's id.
            plan: The name of the corpus that is meant.
            kind: Under which its result is kept.
            make: Called inside the transaction with the pairs in use; returns the pairs that are
                new or other than before, and the result to keep.
            batch: The name for ``undo``.

        Returns:
            Whether it was done: not where another plan's corpus is in use by now.
        """
        results, now = tables.results, time.time()
        where = (results.c.course == course, results.c.stage == kind.stage, results.c.name == "")
        with self._write() as connection:
            # the first statement writes, so that SQLite locks before the old pairs are read
            connection.execute(results.update().where(*where).values(at=now))
            if _made_by(connection, course) != plan:
                return False
            old = {pair.id: pair for pair in _locked_pairs(connection, course)}
            pairs, value = make(list(old.values()))
            place = {name: i for i, name in enumerate(old)}
            for pair in pairs:
                before = old.get(pair.id, _taken_back(pair))
                data = before.model_dump(mode="json")
                connection.execute(
                    tables.history.insert().values(course=course, batch=batch, at=now, data=data)
                )
                own = (tables.pairs.c.course == course, tables.pairs.c.id == pair.id)
                connection.execute(tables.pairs.delete().where(*own))
                at = place.setdefault(pair.id, len(place))
                connection.execute(tables.pairs.insert().values(_pair_row(course, at, pair)))
            row = result_row(course, kind, value, inputs=plan)
            connection.execute(results.update().where(*where).values(row))
        return True

    def corpus_version(self, course: str, *splits: str) -> str:
        """Changes whenever the pairs (of these splits) do: ids, status, people's edits."""
        query = sa.select(tables.pairs.c.id, tables.pairs.c.status).where(
            tables.pairs.c.course == course
        )
        if splits:
            query = query.where(tables.pairs.c.split.in_(splits))
        ids = self._rows(query.order_by(tables.pairs.c.id))
        last = self._rows(
            sa.select(sa.func.max(tables.history.c.at)).where(tables.history.c.course == course)
        )
        return content_id([tuple(row) for row in ids if row.status != "rejected"], last[0][0])


def _taken_back(pair: Pair) -> Pair:
    """A pair as it stands once a person took back that it was added."""
    return pair.model_copy(update={"status": "rejected", "rejected_by": "person", "reviewed": True})


def _made_by(connection: sa.Connection, course: str) -> str | None:
    """The name of the plan that made the corpus in use."""
    results = tables.results
    where = (results.c.course == course, results.c.stage == "distil", results.c.name == "")
    return connection.scalar(sa.select(results.c.inputs).where(*where))


def _locked_pairs(connection: sa.Connection, course: str) -> list[Pair]:
    """The pairs in use, in order; nobody else changes them until the transaction ends."""
    own = tables.pairs
    query = sa.select(own.c.data).where(own.c.course == course)
    rows = connection.execute(query.order_by(own.c.position, own.c.id).with_for_update())
    return [Pair.model_validate(row.data) for row in rows]


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
