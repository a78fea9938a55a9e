"""Rows: courses, books, passages, pairs, results, answers; SQLite by default, PostgreSQL by URL.

The pattern is the same everywhere: a few typed columns to filter by, and the noun itself as JSON in
``data``. Files (books, runs, exports) lie in ``Settings.course_folder``.

Every stage writes one *result* with the fingerprint of what it was made from; a stage whose
inputs have another fingerprint now is stale (see ``engine.course.stages``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import BadInput, Missing
from engine.schema import Course, Document, Pair, Passage, Value, content_id

_tables = sa.MetaData()
V = TypeVar("V", bound=Value)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, _tables, *columns)


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(200), primary_key=True)


_courses = _table("courses", _key("id"), sa.Column("created", sa.Float), sa.Column("data", sa.JSON))
_documents = _table(
    "documents",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
_passages = _table(
    "passages",
    _key("course"),
    _key("id"),
    sa.Column("position", sa.Integer),
    sa.Column("data", sa.JSON),
)
_pairs = _table(
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
_history = _table(
    "pair_history",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("course", sa.String(200), index=True),
    sa.Column("batch", sa.String(32)),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
_results = _table(
    "results",
    _key("course"),
    _key("stage"),
    _key("name"),
    sa.Column("inputs", sa.String(64)),
    sa.Column("at", sa.Float),
    sa.Column("data", sa.JSON),
)
_answers = _table(
    "answers",
    _key("key"),
    sa.Column("model", sa.String(200)),
    sa.Column("purpose", sa.String(64)),
    sa.Column("at", sa.Float),
    sa.Column("prompt_tokens", sa.Integer),
    sa.Column("completion_tokens", sa.Integer),
    sa.Column("data", sa.JSON),
)
_learners = _table(
    "learners",
    _key("course"),
    _key("pseudonym"),
    sa.Column("name", sa.String(200)),
    sa.Column("group", sa.String(200)),
)
_events = _table(
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
_choices = _table("choices", _key("scope"), _key("name"), sa.Column("data", sa.JSON))
_versions = _table("migrations", sa.Column("number", sa.Integer, primary_key=True))


def _m001_initial(connection: sa.Connection) -> None:
    _tables.create_all(connection)


def _m002_learners(connection: sa.Connection) -> None:
    _tables.create_all(connection, tables=[_learners, _events])


MIGRATIONS = (_m001_initial, _m002_learners)


class Result(Value):
    """What a stage produced: ``data`` for screens, ``inputs`` the fingerprint it was made from."""

    stage: str
    name: str = ""
    inputs: str = ""
    at: float = 0.0
    data: dict[str, Any]


class Store:
    """All rows of one installation. Cheap to make, safe to share between threads.

    Args:
        url: An SQLAlchemy URL; the tables are created or migrated on first use.
    """

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        self._migrate()

    def _migrate(self) -> None:
        with self.engine.begin() as connection:
            _versions.create(connection, checkfirst=True)
            have = connection.scalar(sa.select(sa.func.max(_versions.c.number))) or 0
            for number, migration in enumerate(MIGRATIONS[have:], have + 1):
                migration(connection)
                connection.execute(_versions.insert().values(number=number))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def _upsert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        statement = insert(table)
        keys: Any = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        with self._write() as connection:
            connection.execute(statement.on_conflict_do_update(keys, set_=rest), rows)

    # ------------------------------------------------------------------ courses

    def courses(self) -> list[Course]:
        """All courses, oldest first."""
        rows = self._rows(sa.select(_courses.c.data).order_by(_courses.c.created))
        return [Course.model_validate(row.data) for row in rows]

    def course(self, course: str) -> Course:
        """The course with this id.

        Raises:
            Missing: there is none.
        """
        rows = self._rows(sa.select(_courses.c.data).where(_courses.c.id == course))
        if not rows:
            raise Missing(
                f"There is no course named “{course}”.",
                code="course.missing",
                next="Create it with: coursewright new COURSE --language en|zh",
                course=course,
            )
        return Course.model_validate(rows[0].data)

    def add_course(self, course: Course) -> None:
        """Add a course.

        Raises:
            BadInput: the id is taken.
        """
        row = {"id": course.id, "created": time.time(), "data": course.model_dump(mode="json")}
        try:
            with self._write() as connection:
                connection.execute(_courses.insert(), [row])
        except sa.exc.IntegrityError as error:
            raise BadInput(
                f"A course named “{course.id}” exists already.",
                code="course.exists",
                next="Choose another name, or open the existing course.",
                course=course.id,
            ) from error

    def remove_course(self, course: str) -> None:
        """Remove the rows of a course (its folder is the caller's to remove)."""
        with self._write() as connection:
            connection.execute(_courses.delete().where(_courses.c.id == course))
            for table in (_documents, _passages, _pairs, _history, _results, _learners, _events):
                connection.execute(table.delete().where(table.c.course == course))
            connection.execute(_choices.delete().where(_choices.c.scope == course))

    # ------------------------------------------------------------------ books and passages

    def documents(self, course: str) -> list[Document]:
        """The books of a course, in the order of their upload."""
        return self._values(_documents, course, Document)

    def document_ids(self, course: str) -> list[str]:
        """Ids of the books, without reading them: the cheapest fingerprint of stage one."""
        query = sa.select(_documents.c.id).where(_documents.c.course == course)
        return [row.id for row in self._rows(query.order_by(_documents.c.position))]

    def add_document(self, course: str, document: Document) -> None:
        """Add a book, or replace the same file's earlier reading."""
        position = len(self.document_ids(course))
        data = document.model_dump(mode="json")
        row = {"course": course, "id": document.id, "position": position, "data": data}
        self._upsert(_documents, [row])

    def remove_document(self, course: str, document: str) -> None:
        """Remove a book; its passages are the caller's to make again."""
        with self._write() as connection:
            where = (_documents.c.course == course, _documents.c.id == document)
            connection.execute(_documents.delete().where(*where))

    def passages(self, course: str) -> list[Passage]:
        """All passages, in reading order."""
        return self._values(_passages, course, Passage)

    def replace_passages(self, course: str, passages: Sequence[Passage]) -> None:
        """Set the passages of a course."""
        rows = [
            {"course": course, "id": p.id, "position": i, "data": p.model_dump(mode="json")}
            for i, p in enumerate(passages)
        ]
        with self._write() as connection:
            connection.execute(_passages.delete().where(_passages.c.course == course))
            if rows:
                connection.execute(_passages.insert(), rows)

    def _values(self, table: sa.Table, course: str, kind: type[V]) -> list[V]:
        query = sa.select(table.c.data).where(table.c.course == course).order_by(table.c.position)
        return [kind.model_validate(row.data) for row in self._rows(query)]

    # ------------------------------------------------------------------ pairs

    def pairs(
        self, course: str, *, split: str | None = None, status: str | None = None
    ) -> list[Pair]:
        """Pairs of a course in their order, optionally of one split or one status."""
        query = sa.select(_pairs.c.data).where(_pairs.c.course == course)
        if split:
            query = query.where(_pairs.c.split == split)
        if status:
            query = query.where(_pairs.c.status == status)
        rows = self._rows(query.order_by(_pairs.c.position, _pairs.c.id))
        return [Pair.model_validate(row.data) for row in rows]

    def pair_ids(self, course: str) -> set[str]:
        """Ids of all pairs: what a resumed run does not make again."""
        return {r.id for r in self._rows(sa.select(_pairs.c.id).where(_pairs.c.course == course))}

    def count_pairs(self, course: str) -> dict[tuple[str, str], int]:
        """Number of pairs by ``(split, status)``."""
        query = sa.select(_pairs.c.split, _pairs.c.status, sa.func.count()).where(
            _pairs.c.course == course
        )
        return {
            (s, t): n for s, t, n in self._rows(query.group_by(_pairs.c.split, _pairs.c.status))
        }

    def put_pairs(self, course: str, pairs: Iterable[Pair], *, first: int = 0) -> None:
        """Add pairs, or replace those with the same ids; ``first`` is the first one's position."""
        self._upsert(_pairs, [_pair_row(course, first + i, pair) for i, pair in enumerate(pairs)])

    def revise_pairs(self, course: str, pairs: Sequence[Pair], *, batch: str = "") -> None:
        """Replace pairs by revisions; a ``batch`` name remembers what they were for ``undo``."""
        rows = self._rows(
            sa.select(_pairs.c.id, _pairs.c.position, _pairs.c.data).where(
                _pairs.c.course == course, _pairs.c.id.in_([pair.id for pair in pairs])
            )
        )
        before = {row.id: row for row in rows}
        now = time.time()
        with self._write() as connection:
            for pair in pairs:
                old = before[pair.id]
                if batch:
                    connection.execute(
                        _history.insert().values(course=course, batch=batch, at=now, data=old.data)
                    )
                row = _pair_row(course, old.position, pair)
                connection.execute(
                    _pairs.update()
                    .where(_pairs.c.course == course, _pairs.c.id == pair.id)
                    .values(row)
                )

    def undo(self, course: str) -> int:
        """Take the last batch of revisions back; returns how many pairs changed."""
        query = sa.select(_history).where(_history.c.course == course)
        rows = self._rows(query.order_by(_history.c.number.desc()))
        batch = [row for row in rows if row.batch == rows[0].batch] if rows else []
        with self._write() as connection:
            for row in batch:
                pair = Pair.model_validate(row.data)
                values = {k: v for k, v in _pair_row(course, 0, pair).items() if k != "position"}
                connection.execute(
                    _pairs.update()
                    .where(_pairs.c.course == course, _pairs.c.id == pair.id)
                    .values(values)
                )
                connection.execute(_history.delete().where(_history.c.number == row.number))
        return len(batch)

    def remove_pairs(self, course: str, keep: Iterable[str] = ()) -> None:
        """Remove all pairs of a course but those with the ids to keep."""
        kept = set(keep)
        with self._write() as connection:
            for pair in self.pair_ids(course) - kept:
                connection.execute(
                    _pairs.delete().where(_pairs.c.course == course, _pairs.c.id == pair)
                )
            connection.execute(_history.delete().where(_history.c.course == course))

    def corpus_version(self, course: str, *splits: str) -> str:
        """Changes whenever the pairs (of these splits) do: ids, status, people's edits."""
        query = sa.select(_pairs.c.id, _pairs.c.status).where(_pairs.c.course == course)
        if splits:
            query = query.where(_pairs.c.split.in_(splits))
        ids = self._rows(query.order_by(_pairs.c.id))
        last = self._rows(
            sa.select(sa.func.max(_history.c.number)).where(_history.c.course == course)
        )
        return content_id([tuple(row) for row in ids if row.status != "rejected"], last[0][0])

    # ------------------------------------------------------------------ results of stages

    def save_result(self, course: str, result: Result) -> None:
        """Keep what a stage produced; the same stage and name replaces it."""
        row = {"course": course, **result.model_dump(mode="json"), "at": result.at or time.time()}
        self._upsert(_results, [row])

    def results(self, course: str, stage: str | None = None) -> list[Result]:
        """Results of a course, newest last, optionally of one stage."""
        columns = [c for c in _results.c if c.name != "course"]
        query = sa.select(*columns).where(_results.c.course == course).order_by(_results.c.at)
        if stage:
            query = query.where(_results.c.stage == stage)
        return [Result.model_validate(dict(row._mapping)) for row in self._rows(query)]

    def result(self, course: str, stage: str, name: str = "") -> Result | None:
        """The result of a stage under this name, if there is one."""
        found = [r for r in self.results(course, stage) if r.name == name]
        return found[-1] if found else None

    # ------------------------------------------------------------------ model answers

    def cached_answer(self, key: str) -> dict[str, Any] | None:
        """The saved answer under this key, if any."""
        rows = self._rows(sa.select(_answers.c.data).where(_answers.c.key == key))
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
        self._upsert(_answers, [row])

    def spent(self) -> list[dict[str, Any]]:
        """Calls and tokens paid so far by model and purpose."""
        columns = (_answers.c.model, _answers.c.purpose)
        query = sa.select(
            *columns,
            sa.func.count().label("calls"),
            sa.func.sum(_answers.c.prompt_tokens).label("prompt_tokens"),
            sa.func.sum(_answers.c.completion_tokens).label("completion_tokens"),
        ).group_by(*columns)
        return [dict(row._mapping) for row in self._rows(query)]

    # ------------------------------------------------------------------ learners and events

    def put_learners(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add or replace learners: rows of ``pseudonym``, ``name`` and ``group``."""
        self._upsert(_learners, [{"course": course, **row} for row in rows])

    def learners(self, course: str) -> list[dict[str, Any]]:
        """The learners of a course by name: ``pseudonym``, ``name``, ``group``."""
        query = sa.select(_learners.c.pseudonym, _learners.c.name, _learners.c.group)
        query = query.where(_learners.c.course == course)
        return [dict(row._mapping) for row in self._rows(query.order_by(_learners.c.name))]

    def put_events(self, course: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add events; one with a known ``id`` replaces the earlier one."""
        self._upsert(_events, [{"course": course, **row} for row in rows])

    def count_events(self, course: str) -> int:
        """How many events a course has."""
        query = sa.select(sa.func.count()).select_from(_events).where(_events.c.course == course)
        return int(self._rows(query)[0][0])

    def events(self, course: str, learner: str | None = None) -> list[dict[str, Any]]:
        """Events of a course, or of one learner (pseudonym), oldest first."""
        columns = [column for column in _events.c if column.name != "course"]
        query = sa.select(*columns).where(_events.c.course == course)
        if learner is not None:
            query = query.where(_events.c.learner == learner)
        return [dict(r._mapping) for r in self._rows(query.order_by(_events.c.at, _events.c.id))]

    def erase_learner(self, course: str, pseudonym: str) -> int:
        """Remove every row of a learner of a course; returns how many rows that were."""
        gone = 0
        with self._write() as connection:
            for table, column in ((_events, _events.c.learner), (_learners, _learners.c.pseudonym)):
                where = (table.c.course == course, column == pseudonym)
                gone += connection.execute(table.delete().where(*where)).rowcount
        return gone

    # ------------------------------------------------------------------ choices

    def choice(self, scope: str, name: str, default: Any = None) -> Any:
        """A saved choice (``scope``: a course id, or ``""`` for the installation)."""
        where = (_choices.c.scope == scope, _choices.c.name == name)
        rows = self._rows(sa.select(_choices.c.data).where(*where))
        return rows[0].data if rows else default

    def choose(self, scope: str, name: str, data: Any) -> None:
        """Save a choice."""
        self._upsert(_choices, [{"scope": scope, "name": name, "data": data}])


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


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
