"""Today's tables. ``engine.store.migrations`` makes them; the tests compare the two."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, metadata, *columns)


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(200), primary_key=True)


courses = _table("courses", _key("id"), sa.Column("created", sa.Float), sa.Column("data", sa.JSON))
documents = _table(
    "documents",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
passages = _table(
    "passages",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
pairs = _table(
    "pairs",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("section", sa.String(64)),
    sa.Column("kind", sa.String(32)),
    sa.Column("split", sa.String(16)),
    sa.Column("status", sa.String(16)),
    sa.Column("data", sa.JSON),
)
drafts = _table(
    "pair_drafts",
    _key("course"),
    _key("plan"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
"""Pairs of a corpus that is being made, by the name of its plan."""
history = _table(
    "pair_history",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("course", sa.String(200), index=True),
    sa.Column("batch", sa.String(32)),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
results = _table(
    "results",
    _key("course"),
    _key("stage"),
    _key("name"),
    sa.Column("inputs", sa.String(64)),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
answers = _table(
    "answers",
    _key("key"),
    sa.Column("model", sa.String(200)),
    sa.Column("purpose", sa.String(64)),
    sa.Column("at", sa.Float),
    sa.Column("prompt_tokens", sa.Integer),
    sa.Column("completion_tokens", sa.Integer),
    sa.Column("data", sa.JSON),
)
learners = _table(
    "learners",
    _key("course"),
    _key("pseudonym"),
    sa.Column("name", sa.String(200)),
    sa.Column("group", sa.String(200)),
)
events = _table(
    "events",
    _key("course"),
    _key("id"),
    sa.Column("learner", sa.String(64), index=True),
    sa.Column("item", sa.String(200)),
    sa.Column("concept", sa.String(400)),
    sa.Column("correct", sa.Integer),
    sa.Column("score", sa.Float),
    sa.Column("at", sa.Float),
    sa.Column("source", sa.String(64)),
)
events_sums = sa.Index(
    "events_sums", events.c.course, events.c.correct, events.c.score, events.c.at, events.c.learner
)
"""Answers «has the class changed?» from the index alone: 20 ms for 170,000 events, not 350."""
items = _table(
    "items",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
submissions = _table(
    "submissions",
    _key("course"),
    _key("id"),
    sa.Column("item", sa.String(200)),
    sa.Column("learner", sa.String(64), index=True),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
grades = _table(
    "grades",
    _key("course"),
    _key("id"),
    sa.Column("item", sa.String(200)),
    sa.Column("learner", sa.String(64), index=True),
    sa.Column("inputs", sa.String(64)),
    sa.Column("decided", sa.Integer),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
grade_audit = _table(
    "grade_audit",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("course", sa.String(200), index=True),
    sa.Column("answer", sa.String(200)),
    sa.Column("learner", sa.String(64)),
    sa.Column("at", sa.Float),
    sa.Column("reason", sa.Text),
    sa.Column("old", sa.JSON),
    sa.Column("new", sa.JSON),
)
choices = _table("choices", _key("scope"), _key("name"), sa.Column("data", sa.JSON))
roles = _table(
    "roles",
    _key("course"),
    sa.Column("email", sa.String(320), primary_key=True),
    sa.Column("role", sa.String(16)),
)
api_keys = _table(
    "api_keys",
    _key("course"),
    _key("name"),
    sa.Column("salt", sa.String(64)),
    sa.Column("hash", sa.String(128)),
    sa.Column("at", sa.Float),
)
versions = _table(
    "migrations", sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
)


_GRADING = (items, submissions, grades, grade_audit)
_ACCESS = (roles, api_keys)
_CORPUS = (pairs, drafts, history)
OF_A_COURSE = (documents, passages, *_CORPUS, results, learners, events, *_GRADING, *_ACCESS)
"""Tables whose rows go when their course goes."""
OF_A_LEARNER = (events, submissions, grades, grade_audit)
"""Tables whose rows go when their ``learner`` is erased."""
