"""Rows of what stages produced, what models answered, and what people chose."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from engine.schema import Value
from engine.store import tables
from engine.store.rows import Rows


class Result(Value):
    """What a stage produced: ``data`` for screens, ``inputs`` the fingerprint it was made from."""

    stage: str
    name: str = ""
    inputs: str = ""
    at: float = 0.0
    data: dict[str, Any]


class WorkRows(Rows):
    """Results, answers and choices."""

    def save_result(self, course: str, result: Result) -> None:
        """Keep what a stage produced; the same stage and name replaces it."""
        row = {"course": course, **result.model_dump(mode="json"), "at": result.at or time.time()}
        self._upsert(tables.results, [row])

    def remove_result(self, course: str, stage: str, name: str = "") -> None:
        """Forget what a stage produced under this name."""
        where = [
            tables.results.c[key] == value
            for key, value in (("course", course), ("stage", stage), ("name", name))
        ]
        with self._write() as connection:
            connection.execute(tables.results.delete().where(*where))

    def results(self, course: str, stage: str | None = None) -> list[Result]:
        """Results of a course, newest last, optionally of one stage."""
        columns = [c for c in tables.results.c if c.name != "course"]
        query = (
            sa.select(*columns)
            .where(tables.results.c.course == course)
            .order_by(tables.results.c.at)
        )
        if stage:
            query = query.where(tables.results.c.stage == stage)
        return [Result.model_validate(dict(row._mapping)) for row in self._rows(query)]

    def result(self, course: str, stage: str, name: str = "") -> Result | None:
        """The result of a stage under this name, if there is one."""
        found = [r for r in self.results(course, stage) if r.name == name]
        return found[-1] if found else None

    def cached_answer(self, key: str) -> dict[str, Any] | None:
        """The saved answer under this key, if any."""
        rows = self._rows(sa.select(tables.answers.c.data).where(tables.answers.c.key == key))
        return dict(rows[0].data) if rows else None

    def save_answer(
        self,
        key: str,
        data: dict[str, Any],
        *,
        model: str,
        purpose: str,
        prompt_tokens: int,
        completion_tokens: int,
    ) -> None:
        """Keep a model's answer for ever under its key."""
        row = {
            "key": key,
            "model": model,
            "purpose": purpose,
            "at": time.time(),
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "data": data,
        }
        self._upsert(tables.answers, [row])

    def spent(self) -> list[dict[str, Any]]:
        """Calls and tokens paid so far by model and purpose."""
        columns = (tables.answers.c.model, tables.answers.c.purpose)
        query = sa.select(
            *columns,
            sa.func.count().label("calls"),
            sa.func.sum(tables.answers.c.prompt_tokens).label("prompt_tokens"),
            sa.func.sum(tables.answers.c.completion_tokens).label("completion_tokens"),
        ).group_by(*columns)
        return [dict(row._mapping) for row in self._rows(query)]

    def choice(self, scope: str, name: str, default: Any = None) -> Any:
        """A saved choice (``scope``: a course id, or ``""`` for the installation)."""
        where = (tables.choices.c.scope == scope, tables.choices.c.name == name)
        rows = self._rows(sa.select(tables.choices.c.data).where(*where))
        return rows[0].data if rows else default

    def choose(self, scope: str, name: str, data: Any) -> None:
        """Save a choice."""
        self._upsert(tables.choices, [{"scope": scope, "name": name, "data": data}])
