"""Rows of what models answered and what people chose."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from engine.store import tables
from engine.store.rows import Rows


class WorkRows(Rows):
    """Answers and choices."""

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
