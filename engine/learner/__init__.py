"""What one learner knows, and what comes next.

Answers are traced (``fit``, ``mastery``), reviews come when something is about to be forgotten
(``reviews``), and from these ``path`` picks the next three steps. Names are kept apart from what
people did (``events``).
"""

from engine.learner.events import (
    Event,
    Person,
    erase_learner,
    events_of,
    export_learner,
    find_learner,
    import_roster,
    learners_of,
    pseudonym,
    record,
    record_as,
)
from engine.learner.log import Interaction, Log, read_log
from engine.learner.naming import named_now, with_met
from engine.learner.path import ConceptState, PathStep, course_tracer, path, states, steps_of
from engine.learner.reviews import Review, reviews
from engine.learner.tracing import (
    MODELS,
    Mastery,
    Tracer,
    fit,
    fit_or_default,
    mastery,
    over_time,
    trace,
)

__all__ = [
    "MODELS",
    "Interaction",
    "Event",
    "Log",
    "Mastery",
    "Person",
    "Review",
    "ConceptState",
    "PathStep",
    "Tracer",
    "course_tracer",
    "erase_learner",
    "events_of",
    "export_learner",
    "find_learner",
    "fit",
    "fit_or_default",
    "import_roster",
    "learners_of",
    "mastery",
    "named_now",
    "over_time",
    "path",
    "pseudonym",
    "read_log",
    "record",
    "record_as",
    "reviews",
    "states",
    "steps_of",
    "trace",
    "with_met",
]
