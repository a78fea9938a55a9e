"""What a course's answers say of its learners and of its class, each figure computed once.

A screen is drawn again at every click. What it shows of a course is made from books, from people's
changes of the concept graph, and from answers; each figure is kept with the version of what it was
made from, so that drawing again costs a few small queries and nothing is ever out of date.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from threading import Lock
from typing import Any, TypeVar

from engine.classroom.analytics import DAY
from engine.classroom.view import ClassView, class_view
from engine.concepts import Concept, Edits, course_concepts, course_edits
from engine.course import titles
from engine.learner import (
    ConceptState,
    Event,
    PathStep,
    Person,
    Tracer,
    course_tracer,
    events_of,
    learners_of,
    named_now,
    states,
    steps_of,
    with_met,
)
from engine.levels import FIRM
from engine.schema import Document
from engine.store import Store

T = TypeVar("T")
_KEPT = 200
_RECALL_SECONDS = 600
"""Recall fades by the day: figures of the last ten minutes are shown as they are."""


class CourseKnowledge:
    """What the books and answers of one course say, as one person may see it.

    Safe to share between threads; keep one for each course and viewer.

    Args:
        store: The viewer's rows: everybody's for teachers, a learner's own for a learner.
        course: The course's id.
        common: The course as a teacher sees it, where ``store`` is a learner's: books, concept
            graph and the tracer's coefficients, which say nothing of any one learner, come from it.
    """

    def __init__(self, store: Store, course: str, *, common: CourseKnowledge | None = None) -> None:
        self.store = store
        self.course = course
        self._common = common or self
        self._kept: OrderedDict[tuple[str, ...], tuple[object, Any]] = OrderedDict()
        self._lock = Lock()

    # ------------------------------------------------------------------ the course

    def documents(self) -> list[Document]:
        """The books."""
        common = self._common
        return common._once(
            ("documents",), self._books(), lambda: common.store.documents(self.course)
        )

    def titles(self) -> dict[str, str]:
        """Section id to its title with the chapter."""
        return self._common._once(("titles",), self._books(), lambda: titles(self.documents()))

    def edits(self) -> Edits:
        """What people changed in the concept graph."""
        return course_edits(self.store, self.course)

    def graph(self) -> list[Concept]:
        """The concept graph with people's changes."""
        common = self._common
        return common._once(
            ("graph",),
            (self._books(), self.edits()),
            lambda: course_concepts(common.store, self.course),
        )

    def tracer(self) -> Tracer:
        """The fitted model that turns answers into mastery."""
        return self._common._once(
            ("tracer",),
            self._traced(),
            lambda: course_tracer(self._common.store, self.course),
        )

    # ------------------------------------------------------------------ one learner

    def events(self, learner: str) -> list[Event]:
        """A learner's answers, oldest first, under the present names of their concepts."""
        rows = events_of(self.store, self.course, learner)
        return self._once(
            ("events", learner),
            (rows, self._books(), self.edits()),
            lambda: named_now(self._common.store, self.course, rows),
        )

    def states(self, learner: str, now: float | None = None) -> dict[str, ConceptState]:
        """The state of each concept of the graph, and of those that only answers name.

        Args:
            learner: A pseudonym; one without answers stands where everybody begins.
            now: Seconds since 1970; None is this moment.
        """
        at = time.time() if now is None else now
        own = self.events(learner)
        return self._once(
            ("states", learner),
            (own, *self._versions(at)),
            lambda: states(with_met(self.graph(), own, self.edits()), own, self.tracer(), at),
        )

    def mastery(self, learner: str, now: float | None = None) -> dict[str, float]:
        """Mastery, in [0, 1], of the concepts of the graph that a learner has met."""
        levels, known = self.states(learner, now), {concept.name for concept in self.graph()}
        return {n: s.mastery for n, s in levels.items() if s.answered and n in known}

    def weak(self, learner: str, now: float | None = None) -> dict[str, str]:
        """Concepts that a learner has met and is not firm on, weakest first: name to section."""
        homes = {c.name: c.sections[0] for c in self.graph() if c.sections}
        names = self.titles()
        levels = sorted(self.mastery(learner, now).items(), key=lambda row: row[1])
        return {n: names.get(homes.get(n, ""), "") for n, level in levels if level < FIRM}

    def steps(self, learner: str, now: float | None = None) -> list[PathStep]:
        """The next three steps of a learner's path."""
        at = time.time() if now is None else now
        own = self.events(learner)
        return self._once(
            ("steps", learner),
            (own, *self._versions(at)),
            lambda: steps_of(self.graph(), own, self.tracer(), self.documents(), at),
        )

    # ------------------------------------------------------------------ the class

    def people(self) -> list[Person]:
        """The class list, and who has answered without being on it."""
        store = self.store
        version = (store.count_events(self.course), store.learners_version(self.course))
        return self._once(("people",), version, lambda: learners_of(store, self.course))

    def names(self, wanted: Collection[str]) -> dict[str, str]:
        """How to write these learners: by name, where the class list has one."""
        rows = self._once(
            ("names",),
            self.store.learners_version(self.course),
            lambda: {row["pseudonym"]: row["name"] for row in self.store.learners(self.course)},
        )
        return {name: rows.get(name) or name for name in wanted}

    def anybody(self) -> bool:
        """Whether the course has a class at all."""
        return bool(self.store.has_events(self.course) or self.people())

    def view(self, now: float | None = None) -> ClassView:
        """The class in one value, as it stands today."""
        at = time.time() if now is None else now
        version = (
            self.store.class_version(self.course),
            self._books(),
            self.edits(),
            int(at / DAY),
        )
        return self._once(("view",), version, lambda: class_view(self.store, self.course, at))

    def average(self) -> float | None:
        """Share of right answers over the class, if the teacher lets learners see it."""
        if not self.store.choice(self.course, "show_average", False):
            return None
        return self._common.store.share_right(self.course)

    # ------------------------------------------------------------------ versions

    def _books(self) -> tuple[str, ...]:
        return tuple(self.store.readings(self.course))

    def _traced(self) -> tuple[object, ...]:
        """What the tracer is made from: how much was answered, and what concepts are called."""
        return (self._common.store.count_events(self.course), self._books(), self.edits())

    def _versions(self, at: float) -> tuple[object, ...]:
        """What a learner's figures are made from, the learner's own answers aside."""
        return (*self._traced(), int(at / _RECALL_SECONDS))

    def _once(self, key: tuple[str, ...], version: object, make: Callable[[], T]) -> T:
        """The value kept under this key for this version; made where there is none."""
        with self._lock:
            row = self._kept.get(key)
            if row is not None and row[0] == version:
                self._kept.move_to_end(key)
                return row[1]  # type: ignore[no-any-return]
        value = make()
        with self._lock:
            self._kept[key] = (version, value)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return value
