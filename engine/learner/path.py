"""The next three steps of one learner.

Order: reviews that are due of concepts once mastered (most forgotten first, one of the three
at most unless nothing else is open); then concepts on the learner's fringe, that is not mastered
themselves while all their prerequisites are, weakest begun ones first, then new ones in the order
of the book. A concept counts as mastered when the probability to answer an unseen item of it
reaches the threshold; what has been forgotten since (FSRS) is reviewed, not learnt anew. While
anything is not mastered, something is open, because the graph is acyclic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import log
from typing import Any, Literal

from engine.concepts.extract import Concept
from engine.concepts.graph import course_concepts, course_edits
from engine.course import titles
from engine.errors import Forbidden
from engine.learner.events import Event, as_answers, events_of
from engine.learner.naming import named_now
from engine.learner.reviews import Review, reviews
from engine.learner.tracing import (
    Mastery,
    Tracer,
    dump_tracer,
    fit_or_default,
    load_tracer,
    masteries,
)
from engine.levels import FIRM
from engine.schema import Document, Value, content_id
from engine.store import ResultKind, Store
from engine.text import count_tokens

STEPS = 3
_TOKENS_A_MINUTE = 200
_PRACTICE_MINUTES = 4
_REVIEW_MINUTES = 5
_FITTED = 1
Why = Literal["review", "weak", "next", "start"]

_REASONS: dict[Why, str] = {
    "review": "You knew this, but have not seen it for {days} days: time to refresh it.",
    "weak": "You have started this and would answer {percent} % of its questions now.",
    "next": "You know what it builds on ({known}); this comes next.",
    "start": "It needs nothing else first: a good place to start.",
}
"""English of the reason codes; screens translate by code and fill in ``values``."""


class PathStep(Value):
    """One step of a path.

    ``why`` is a code with its ``values``, ``text`` the same in English; ``mastery`` in [0, 1] with
    ``low`` and ``high``; ``due`` in seconds since 1970 or none; ``section`` is an id, ``title`` its
    heading; ``minutes`` estimates reading the section and answering three questions.
    """

    step: int
    concept: str
    section: str
    title: str
    why: Why
    values: dict[str, Any]
    text: str
    mastery: float
    low: float
    high: float
    due: float | None
    minutes: int


class ConceptState(Value):
    """What is known of one learner's concept.

    ``learnt`` is the tracer's probability after the last answer; ``mastery`` that times ``recall``
    (FSRS, now), with its 95 % interval; ``due`` the next review, seconds since 1970.
    """

    concept: str
    answered: int
    learnt: float
    mastery: float
    low: float
    high: float
    due: float | None = None
    recall: float = 1.0


def states(
    graph: Sequence[Concept], events: Sequence[Event], tracer: Tracer, now: float
) -> dict[str, ConceptState]:
    """The state of each concept of the graph from one learner's events."""
    answers = as_answers(events)
    planned = {review.concept: review for review in reviews(events, now)}
    counts = Counter(event.concept for event in events)
    levels = masteries(tracer, answers, [concept.name for concept in graph])
    return {
        name: _state(name, level, planned.get(name), counts[name]) for name, level in levels.items()
    }


def _state(name: str, level: Mastery, review: Review | None, count: int) -> ConceptState:
    recall = review.recall if review else 1.0
    return ConceptState(
        concept=name,
        answered=count,
        learnt=level.value,
        mastery=level.value * recall,
        low=level.low * recall,
        high=level.high * recall,
        due=review.due if review else None,
        recall=recall,
    )


def next_steps(
    graph: Sequence[Concept],
    known: Mapping[str, ConceptState],
    now: float,
    *,
    steps: int = STEPS,
    threshold: float = FIRM,
) -> list[tuple[Concept, Why]]:
    """The next concepts with the reason of each; fewer than ``steps`` only when all is mastered."""
    done = {name for name, state in known.items() if state.learnt >= threshold}
    due = [c for c in graph if c.name in done and (known[c.name].due or now + 1) <= now]
    due.sort(key=lambda c: (known[c.name].recall, c.name))
    due_names = {concept.name for concept in due}
    open_ = [c for c in graph if c.name not in done and _ready(c, known, done)]
    order = {concept.name: i for i, concept in enumerate(graph)}
    open_.sort(key=lambda c: _urgency(known[c.name], order[c.name]))
    first = due[: 1 if open_ else steps]
    rest = [c for c in (*open_, *due[len(first) :]) if c not in first]
    chosen = [*first, *rest][:steps]
    return [(c, "review" if c.name in due_names else _why(c, known[c.name])) for c in chosen]


def _ready(concept: Concept, known: Mapping[str, ConceptState], done: set[str]) -> bool:
    return all(e.concept in done for e in concept.prerequisites if e.concept in known)


def _urgency(state: ConceptState, place: int) -> tuple[Any, ...]:
    return (0, state.mastery, place) if state.answered else (1, place, 0)


def _why(concept: Concept, state: ConceptState) -> Why:
    if state.answered:
        return "weak"
    return "next" if concept.prerequisites else "start"


def path(
    store: Store,
    course: str,
    learner: str,
    *,
    now: float,
    tracer: Tracer | None = None,
    documents: Sequence[Document] | None = None,
) -> list[PathStep]:
    """The next three steps of a learner (pseudonym).

    Args:
        store: The rows.
        course: The course's id.
        learner: The learner's pseudonym; one without events starts at the beginning.
        now: Seconds since 1970.
        tracer: A fitted tracer; without one it is fitted on the course's events (seconds for
            100,000 of them), so a screen should keep ``course_tracer``'s and pass it.
        documents: The course's books, where the caller has them; else they are read.

    Raises:
        Missing: there is no such course.
    """
    events = named_now(store, course, events_of(store, course, learner))
    used = tracer or course_tracer(store, course)
    books = store.documents(course) if documents is None else documents
    return steps_of(course_concepts(store, course), events, used, books, now)


def steps_of(
    graph: Sequence[Concept],
    events: Sequence[Event],
    tracer: Tracer,
    documents: Sequence[Document],
    now: float,
) -> list[PathStep]:
    """The next three steps from one learner's events under their concepts' present names."""
    known = states(graph, events, tracer, now)
    sections = {s.id: s for document in documents for s in document.sections}
    names = titles(documents)
    found = []
    for number, (concept, why) in enumerate(next_steps(graph, known, now), 1):
        home = concept.sections[0] if concept.sections else ""
        tokens = count_tokens(sections[home].text) if home in sections else 0
        reading = round(tokens / _TOKENS_A_MINUTE) + _PRACTICE_MINUTES
        minutes = _REVIEW_MINUTES if why == "review" else reading
        title = names.get(home, "")
        found.append(_step(number, concept, why, known[concept.name], title, minutes, now, events))
    return found


class FittedTracer(Value):
    """A tracer as ``dump_tracer`` writes it."""

    tracer: dict[str, Any]


FITTED = ResultKind("fitted", FittedTracer)


def course_tracer(store: Store, course: str) -> Tracer:
    """The tracer of a course: Best-LR on its events where there are enough, else BKT's defaults.

    Its coefficients are kept (they say nothing of any one learner), and fitted anew when the log
    has grown by a twentieth or concepts were renamed: below that they hardly move.
    """
    edits = course_edits(store, course)
    grown = round(log(1 + store.count_events(course)) / log(1.05))
    inputs = content_id(_FITTED, grown, edits.rename, edits.merge, store.readings(course))
    known = store.saved(course, FITTED)
    if known and known.inputs == inputs:
        return load_tracer(known.value.tracer)
    found = fit_or_default(as_answers(named_now(store, course, events_of(store, course))))
    with suppress(Forbidden):  # a learner's store may not keep it, and sees too little to fit it
        store.save(course, FITTED, FittedTracer(tracer=dump_tracer(found)), inputs=inputs)
    return found


def _step(
    number: int,
    concept: Concept,
    why: Why,
    state: ConceptState,
    title: str,
    minutes: int,
    now: float,
    events: Sequence[Event],
) -> PathStep:
    last = max((e.at for e in events if e.concept == concept.name), default=now)
    values = {
        "percent": round(100 * state.mastery),
        "known": ", ".join(edge.concept for edge in concept.prerequisites),
        "days": max(0, round((now - last) / 86400)),
        "answered": state.answered,
    }
    return PathStep(
        step=number,
        concept=concept.name,
        section=concept.sections[0] if concept.sections else "",
        title=title,
        why=why,
        values=values,
        text=_REASONS[why].format(**values),
        mastery=round(state.mastery, 4),
        low=round(state.low, 4),
        high=round(state.high, 4),
        due=state.due,
        minutes=minutes,
    )
