"""What the steps of a course produced, each result typed by its kind.

A result carries ``inputs``, the fingerprint of what it was made from: where the inputs have another
fingerprint now, the result is stale (``engine.stages``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError

from engine.schema import Value
from engine.store import tables
from engine.store.rows import Rows

T = TypeVar("T", bound=Value)


@dataclass(frozen=True)
class ResultKind(Generic[T]):
    """A kind of result: the name under which it is stored, and the type of its value."""

    stage: str
    value: type[T]


@dataclass(frozen=True)
class Saved(Generic[T]):
    """A stored result; ``at`` is in seconds since the epoch."""

    value: T
    name: str
    inputs: str
    at: float


def result_row(
    course: str, kind: ResultKind[T], value: T, *, inputs: str = "", name: str = ""
) -> dict[str, Any]:
    """The row that keeps a result from now on."""
    return {
        "course": course,
        "stage": kind.stage,
        "name": name,
        "inputs": inputs,
        "at": time.time(),
        "data": value.model_dump(mode="json"),
    }


class ResultRows(Rows):
    """Results of the steps, one row a kind and name."""

    def save(
        self, course: str, kind: ResultKind[T], value: T, *, inputs: str = "", name: str = ""
    ) -> None:
        """Keep a result; the same kind and name replaces the earlier one."""
        self._upsert(tables.results, [result_row(course, kind, value, inputs=inputs, name=name)])

    def saved(self, course: str, kind: ResultKind[T], name: str = "") -> Saved[T] | None:
        """The result of this kind under this name, if there is one."""
        t = tables.results
        where = (t.c.course == course, t.c.stage == kind.stage, t.c.name == name)
        return next(
            self._read(kind, sa.select(t.c.name, t.c.inputs, t.c.at, t.c.data).where(*where)), None
        )

    def all_saved(self, course: str, kind: ResultKind[T]) -> list[Saved[T]]:
        """All results of this kind, newest last."""
        t = tables.results
        where = (t.c.course == course, t.c.stage == kind.stage)
        query = sa.select(t.c.name, t.c.inputs, t.c.at, t.c.data).where(*where).order_by(t.c.at)
        return list(self._read(kind, query))

    def _read(self, kind: ResultKind[T], query: sa.Select[Any]) -> Iterator[Saved[T]]:
        """The results of a query; what an older version wrote in another form counts as absent."""
        for row in self._rows(query):
            with suppress(ValidationError):
                value = kind.value.model_validate(row.data)
                yield Saved(value=value, name=row.name, inputs=row.inputs, at=row.at)

    def remove_saved(self, course: str, kind: ResultKind[T], name: str = "") -> None:
        """Forget the result of this kind under this name."""
        t = tables.results
        where = (t.c.course == course, t.c.stage == kind.stage, t.c.name == name)
        with self._write() as connection:
            connection.execute(t.delete().where(*where))

    def newest_inputs(self, course: str) -> dict[str, str]:
        """The fingerprint that each stage's newest result was made from; reads no values."""
        t = tables.results
        query = sa.select(t.c.stage, t.c.inputs).where(t.c.course == course).order_by(t.c.at)
        return {row.stage: row.inputs for row in self._rows(query)}
