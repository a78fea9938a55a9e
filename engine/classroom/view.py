"""The class in one value: computed once for a log, kept with the course, cheap to draw.

A screen that opens a class of 25,000 must not trace 170,000 answers again. The figures are those of
``analytics``; mastery by concept is over all learners who answered, and only the weakest learners
and concepts are held cell by cell, because nobody reads more.
"""

from __future__ import annotations

from contextlib import suppress
from math import isnan
from typing import Any

from engine.classroom.analytics import DAY, AtRisk, Tiles, at_risk, heat_map, items, table_of, tiles
from engine.concepts.graph import course_edits
from engine.errors import Forbidden
from engine.learner.events import events_of
from engine.learner.naming import named_now
from engine.learner.path import course_tracer
from engine.levels import FIRM, NEAR
from engine.schema import Value, content_id
from engine.store import ResultKind, Store

_VERSION = 2
SHOWN = 40
"""Learners and concepts that the heat map holds."""
RISKY = 200


class ItemRow(Value):
    """An item: ``difficulty`` is the mean score, ``discrimination`` as in ``analytics.items``."""

    item: str
    answers: int
    learners: int
    difficulty: float
    discrimination: float | None


class ConceptRow(Value):
    """A concept: the mean mastery of the ``learners`` who answered on it, and how they stand."""

    concept: str
    learners: int
    mastery: float
    firm: int
    near: int
    far: int


class ClassView(Value):
    """All that *Students* and the report say of a class; learners are pseudonyms.

    ``cells[i][j]`` is the mastery of ``learners[i]`` on ``columns[j]``, None without an answer;
    both weakest first. ``risky`` holds the first 200 of ``tiles.at_risk``.
    """

    tiles: Tiles
    risky: tuple[AtRisk, ...]
    items: tuple[ItemRow, ...]
    concepts: tuple[ConceptRow, ...]
    learners: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]

    @property
    def means(self) -> dict[str, float]:
        """Mean mastery by concept, weakest first."""
        return {row.concept: row.mastery for row in self.concepts}


CLASS_VIEW = ResultKind("class", ClassView)


def class_view(store: Store, course: str, now: float) -> ClassView:
    """The view of a course's class today, computed where the log, the list or the day is new.

    Raises:
        Missing: there is no such course.
    """
    inputs = content_id(
        _VERSION,
        store.class_version(store.course(course).id),
        course_edits(store, course).model_dump(),
        store.readings(course),
        int(now / DAY),
    )
    known = store.saved(course, CLASS_VIEW)
    if known and known.inputs == inputs:
        return known.value
    found = _computed(store, course, now)
    with suppress(Forbidden):  # a learner's store: what she may see is not the class's view
        store.save(course, CLASS_VIEW, found, inputs=inputs)
    return found


def _computed(store: Store, course: str, now: float) -> ClassView:
    events = named_now(store, course, events_of(store, course))
    hide = course_edits(store, course).hide
    table = table_of(events)
    roster = [row["pseudonym"] for row in store.learners(course)]
    risky = at_risk(table, now, roster)
    names = [name for name in dict.fromkeys(event.concept for event in events) if name not in hide]
    levels = heat_map(events, course_tracer(store, course), names)
    shown = levels.iloc[:SHOWN, :SHOWN]
    return ClassView(
        tiles=tiles(table, now, roster, risky=risky),
        risky=tuple(risky[:RISKY]),
        items=tuple(_item(row) for row in items(table).itertuples()),
        concepts=tuple(_concept(str(name), levels[name].dropna()) for name in levels.columns),
        learners=tuple(shown.index),
        columns=tuple(shown.columns),
        cells=tuple(tuple(_or_none(x) for x in row) for row in shown.to_numpy()),
    )


def _item(row: Any) -> ItemRow:
    return ItemRow(
        item=str(row.Index),
        answers=int(row.answers),
        learners=int(row.learners),
        difficulty=float(row.difficulty),
        discrimination=_or_none(row.discrimination),
    )


def _concept(name: str, column: Any) -> ConceptRow:
    firm, near = int((column >= FIRM).sum()), int((column >= NEAR).sum())
    return ConceptRow(
        concept=name,
        learners=len(column),
        mastery=float(column.mean()),
        firm=firm,
        near=near - firm,
        far=len(column) - near,
    )


def _or_none(value: float) -> float | None:
    return None if isnan(value) else float(value)
