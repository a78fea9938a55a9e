"""Rows of who may do what: roles by address, and the keys of the served model."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from engine.store import tables
from engine.store.rows import Rows


class AccessRows(Rows):
    """Roles and API keys of a course, one row each, so that no change overwrites another."""

    def roles(self, course: str) -> dict[str, str]:
        """Address to role, by address."""
        t = tables.roles
        query = sa.select(t.c.email, t.c.role).where(t.c.course == course).order_by(t.c.email)
        return {row.email: row.role for row in self._rows(query)}

    def put_role(self, course: str, email: str, role: str) -> None:
        """Give a person a role, in the place of an earlier one."""
        self._upsert(tables.roles, [{"course": course, "email": email, "role": role}])

    def remove_role(self, course: str, email: str) -> None:
        """Take a person's role away."""
        t = tables.roles
        with self._write() as connection:
            connection.execute(t.delete().where(t.c.course == course, t.c.email == email))

    def api_keys(self, course: str) -> list[dict[str, Any]]:
        """The keys of a course, oldest first: ``name``, ``salt``, ``hash``, ``at``."""
        t = tables.api_keys
        columns = (t.c.name, t.c.salt, t.c.hash, t.c.at)
        query = sa.select(*columns).where(t.c.course == course).order_by(t.c.at, t.c.name)
        return [dict(row._mapping) for row in self._rows(query)]

    def put_api_key(self, course: str, name: str, *, salt: str, hash: str) -> None:
        """Keep a key's salted hash, in the place of an earlier one of this name."""
        row = {"course": course, "name": name, "salt": salt, "hash": hash, "at": time.time()}
        self._upsert(tables.api_keys, [row])

    def remove_api_key(self, course: str, name: str) -> bool:
        """Remove a key; returns whether there was one."""
        t = tables.api_keys
        with self._write() as connection:
            gone = connection.execute(t.delete().where(t.c.course == course, t.c.name == name))
        return bool(gone.rowcount)
