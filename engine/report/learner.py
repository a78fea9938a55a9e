"""The report on one learner: grades with feedback, mastery, next steps, reviews."""

from __future__ import annotations

import time
from collections.abc import Iterator

from engine.concepts import course_concepts, course_edits
from engine.course import titles
from engine.learner import (
    ConceptState,
    Tracer,
    course_tracer,
    events_of,
    named_now,
    path,
    reviews,
    states,
    with_met,
)
from engine.report.course import where
from engine.report.page import Facts, Heading, Interval, Paragraph, Part, Table
from engine.report.words import Words
from engine.steps.gradebook import items_of, marked, value_of
from engine.workspace import Workspace


def learner_parts(
    workspace: Workspace, learner: str, say: Words, now: float, tracer: Tracer | None = None
) -> Iterator[Part]:
    """The sections of the report on a learner (pseudonym)."""
    store, course = workspace.store, workspace.course.id
    events = named_now(store, course, events_of(store, course, learner))
    tracer = tracer or course_tracer(store, course)
    right = sum(event.correct for event in events)
    share = f"{100 * right / len(events):.0f} %" if events else None
    yield Facts([(say("answers"), len(events)), (say("right"), share)])
    yield Heading(say("path"))
    steps = path(store, course, learner, now=now, tracer=tracer)
    if not steps:
        yield Paragraph(say("all_mastered"))
    else:
        head = [say(key) for key in ("step", "concept", "section", "why", "minutes")]
        rows = [
            (s.step, s.concept, s.title, say(f"why_{s.why}", **s.values), s.minutes) for s in steps
        ]
        yield Table(head, rows)
    yield from _grades(workspace, learner, say)
    graph = with_met(course_concepts(store, course), events, course_edits(store, course))
    known = states(graph, events, tracer, now)
    yield from _mastery([state for state in known.values() if state.answered], say)
    planned = reviews([event for event in events if event.concept in known], now)
    if planned:
        yield Heading(say("reviews"))
        dates = [(r.concept, _day(r.due), f"{100 * r.recall:.0f} %") for r in planned]
        yield Table([say(key) for key in ("concept", "due", "recall")], dates)


def _grades(workspace: Workspace, learner: str, say: Words) -> Iterator[Part]:
    items = {item.item_id: item for item in items_of(workspace)}
    names = titles(workspace.store.documents(workspace.course.id))
    own = [m for m in marked(workspace, learner) if m.final and m.submission.item_id in items]
    if not own:
        return
    yield Heading(say("grades"))
    rows = []
    for m in own:
        item, value = items[m.submission.item_id], value_of(m.grade)
        grade = f"{value:g} / {item.top:g}" if isinstance(value, (int, float)) else value
        section = m.grade.section or item.section
        read = where(names.get(section, section), m.grade.page or item.page, say)
        rows.append((item.question, m.submission.answer, grade, m.grade.feedback, read))
    keys = ("question", "my_answer", "grade", "feedback", "read")
    yield Table([say(key) for key in keys], rows)


def _mastery(known: list[ConceptState], say: Words) -> Iterator[Part]:
    if not known:
        return
    yield Heading(say("mastery"))
    yield Paragraph(say("mastery_what"), note=True)
    rows = []
    for state in sorted(known, key=lambda s: s.mastery):
        shown = f"{state.mastery:.2f} [{state.low:.2f}, {state.high:.2f}]"
        drawn = Interval(state.mastery, state.low, state.high, shown)
        rows.append((state.concept, state.answered, shown, drawn))
    head = [say(key) for key in ("concept", "answers", "mastery", "interval_drawn")]
    yield Table(head, rows)


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
