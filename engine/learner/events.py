"""What learners did, under pseudonyms; names stand in the ``learners`` table and nowhere else.

A pseudonym is a keyed hash (BLAKE2b) of the course and the learner's id (or name, where the roster
has no ids), with a secret that each installation draws once and keeps in ``<home>/learner.key``.
Without the secret nobody can try names; the same person has other pseudonyms in other courses.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.documents.tables import read_table
from engine.errors import BadInput, Missing
from engine.language import any_words
from engine.learner.log import Interaction
from engine.schema import Value, content_id
from engine.settings import Settings
from engine.store import Store

_KEY_BYTES = 32
_COLUMNS = {
    "name": ("name", "learner", "student", "student name", "full name", ...),
    "id": ("id", "student_id", "student id", "learner_id", "number", ..., "learner", "student"),
    "group": ("group", "class", "section", ...),
}
"""Names of a class list's columns, best first; ``...`` stands for those of ``columns.toml``."""


class Event(Value):
    """One answer of a learner.

    ``learner`` is the pseudonym; ``score`` in [0, 1] or none; ``at`` in seconds since 1970;
    ``source`` says what recorded it (``tutor``, ``assignment``, ``import``).
    """

    learner: str
    item: str
    concept: str
    correct: bool
    score: float | None = None
    at: float
    source: str = ""

    @property
    def id(self) -> str:
        """A hash of all fields: the same event recorded twice is one row."""
        return content_id(self.model_dump(mode="json"))


class Person(Value):
    """One row of the roster."""

    pseudonym: str
    name: str
    group: str = ""


def record(store: Store, course: str, events: Iterable[Event]) -> int:
    """Keep events; recording one again changes nothing. Returns how many were given.

    Raises:
        BadInput: ``event.score``, a score outside [0, 1].
    """
    return record_as(store, course, {event.id: event for event in events})


def record_as(store: Store, course: str, events: Mapping[str, Event]) -> int:
    """Keep events under ids of the caller's: a later event with the same id replaces the earlier.

    Raises:
        BadInput: as ``record``.
    """
    for event in events.values():
        if event.score is not None and not 0 <= event.score <= 1:
            raise BadInput(
                f"The score {event.score} of item {event.item} is not between 0 and 1.",
                code="event.score",
                next="Divide the points by the most points that the item gives.",
                score=event.score,
                item=event.item,
            )
    rows = [{"id": k, **e.model_dump(), "correct": int(e.correct)} for k, e in events.items()]
    store.put_events(course, rows)
    return len(rows)


def events_of(store: Store, course: str, learner: str | None = None) -> list[Event]:
    """Events of a course or of one learner, oldest first."""
    return [  # rows were checked when they were recorded: checking 170,000 again takes seconds
        Event.model_construct(
            learner=row["learner"],
            item=row["item"],
            concept=row["concept"],
            correct=bool(row["correct"]),
            score=row["score"],
            at=row["at"],
            source=row["source"],
        )
        for row in store.events(course, learner)
    ]


def as_answers(events: Iterable[Event]) -> list[Interaction]:
    """Events as the answers that knowledge tracing reads."""
    return [Interaction(e.learner, e.item, (e.concept,), int(e.correct), e.at) for e in events]


# ------------------------------------------------------------------ people


def pseudonym(settings: Settings, course: str, key: str) -> str:
    """The pseudonym of a learner's id or name in a course: ``s-`` and 12 hex digits."""
    digest = hashlib.blake2b(
        f"{course}\0{key.strip()}".encode(), key=_secret(settings.home), digest_size=6
    )
    return f"s-{digest.hexdigest()}"


def _secret(home: Path) -> bytes:
    """The installation's secret, drawn on first use, readable by its owner only."""
    path = home / "learner.key"
    home.mkdir(parents=True, exist_ok=True)
    partial = home / f"learner.key.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        with open(partial, "xb", opener=_private) as file:  # Path.open takes no opener
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(partial, path)  # atomic: the first of two processes wins, both read the same
        except FileExistsError:
            pass  # another process was first; its secret is the one that counts
        finally:
            partial.unlink()
    return path.read_bytes()


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def import_roster(settings: Settings, store: Store, course: str, path: Path) -> list[Person]:
    """Add the learners of a CSV file (columns name, and optionally id and group) to a course.

    Raises:
        Missing: there is no such course.
        BadInput: ``roster.columns``, ``roster.empty``, ``roster.duplicate``.
    """
    store.course(course)
    rows = _roster(read_table(path), path.name)
    keys = [row.get("id") or row["name"] for row in rows]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise BadInput(
            f"{path.name} has “{twice}” twice.",
            code="roster.duplicate",
            next="Add a column id with a number that each learner has alone.",
            name=twice,
        )
    people = [
        Person(pseudonym=pseudonym(settings, course, k), name=r["name"], group=r.get("group", ""))
        for k, r in zip(keys, rows, strict=True)
    ]
    store.put_learners(course, [person.model_dump() for person in people])
    return people


def _names(key: str) -> Iterator[str]:
    """What a column of a class list may be called, best first, in any language."""
    for name in _COLUMNS[key]:
        yield from any_words("columns", "roster", key) if name is ... else (str(name),)


def _roster(text: str, name: str) -> list[dict[str, str]]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = [cell.strip().lower() for cell in next(lines, [])]
    known = {key: [a for a in _names(key) if a in columns] for key in _COLUMNS}
    places = {key: columns.index(names[0]) for key, names in known.items() if names}
    if places.get("id") == places.get("name"):
        places.pop("id", None)  # a column learner is the name, unless there is a column name too
    if "name" not in places:
        raise BadInput(
            f"{name} has no column “name” (it has: {', '.join(columns) or 'none'}).",
            code="roster.columns",
            next="The columns are name, and optionally id and group.",
            file=name,
        )
    cells = [{k: (r[p].strip() if p < len(r) else "") for k, p in places.items()} for r in lines]
    rows = [row for row in cells if row["name"]]
    if not rows:
        raise BadInput(
            f"{name} has no learners.",
            code="roster.empty",
            next="Write one learner a line under the heading name,id,group.",
            file=name,
        )
    return rows


def find_learner(store: Store, course: str, who: str) -> Person:
    """The learner with this pseudonym or name (a learner with events but no name counts too).

    Raises:
        Missing: ``learner.missing``; there is none.
        BadInput: ``learner.ambiguous``; several have this name.
    """
    store.course(course)
    people = [Person(**row) for row in store.learners(course)]
    found = [p for p in people if who == p.pseudonym] or [p for p in people if who == p.name]
    if len(found) > 1:
        raise BadInput(
            f"{len(found)} learners are named “{who}”.",
            code="learner.ambiguous",
            next=f"Use one of their pseudonyms: {', '.join(p.pseudonym for p in found)}.",
            name=who,
        )
    if found:
        return found[0]
    if store.events(course, who) or store.submissions(course, who):
        return Person(pseudonym=who, name="")
    raise Missing(
        f"There is no learner “{who}” in this course.",
        code="learner.missing",
        next="Import the roster with: coursewright learners import COURSE ROSTER.csv",
        name=who,
    )


def export_learner(store: Store, course: str, who: str) -> dict[str, Any]:
    """All that is kept about one learner of a course, as plain values for JSON.

    Raises:
        Missing, BadInput: as ``find_learner``.
    """
    person = find_learner(store, course, who)
    events = events_of(store, course, person.pseudonym)
    return {
        "course": course,
        "learner": person.model_dump(),
        "events": [event.model_dump(mode="json") for event in events],
        "answers": store.submissions(course, person.pseudonym),
        "grades": store.grades(course, person.pseudonym),
        "grade_log": store.grade_log(course, person.pseudonym),
        "exported": time.time(),
    }


def erase_learner(store: Store, course: str, who: str) -> int:
    """Remove every row about one learner of a course; returns how many. There is no undo.

    Raises:
        Missing, BadInput: as ``find_learner``.
    """
    return store.erase_learner(course, find_learner(store, course, who).pseudonym)


def learners_of(store: Store, course: str, events: Sequence[Event] = ()) -> list[Person]:
    """The roster, and after it learners who have events or answers but are not on it."""
    people = [Person(**row) for row in store.learners(course)]
    known = {person.pseudonym for person in people}
    seen = [e.learner for e in events] + store.active_learners(course)
    others = dict.fromkeys(name for name in seen if name and name not in known)
    return people + [Person(pseudonym=other, name="") for other in others]
