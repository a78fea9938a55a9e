"""What a learner knows, what comes next, and how a class stands.

Answers are traced (``fit``, ``mastery``), concepts stand in an acyclic graph of prerequisites
(``course_concepts``), reviews come when something is about to be forgotten (``reviews``), and from
these ``path`` picks the next three steps. Names are kept apart from what people did (``events``).
"""

from engine.learner.analytics import (
    AtRisk,
    Rules,
    Tiles,
    at_risk,
    by_learner,
    heat_map,
    items,
    ladder,
    table_of,
    tiles,
)
from engine.learner.concepts import Concept, Prerequisite, concepts
from engine.learner.edits import (
    Edits,
    New,
    connected,
    disconnected,
    hidden,
    merged,
    renamed,
    separated,
    shown,
    with_concept,
)
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
from engine.learner.graph import (
    course_concepts,
    course_edits,
    named_now,
    of_the_books,
    save_edits,
    undo_edits,
    with_met,
)
from engine.learner.log import Answer, Log, read_log
from engine.learner.path import State, Step, course_tracer, path, states
from engine.learner.prerequisites import read_pairs, render_scores, score_pairs
from engine.learner.reviews import Review, reviews
from engine.learner.roles import ROLES, Role, give_role, role_of
from engine.learner.tracing import MODELS, Mastery, Tracer, fit, fit_or_default, mastery, trace
from engine.learner.view import ClassView, class_view

__all__ = [
    "MODELS",
    "ROLES",
    "Answer",
    "AtRisk",
    "ClassView",
    "Concept",
    "Edits",
    "Event",
    "Log",
    "Mastery",
    "New",
    "Person",
    "Prerequisite",
    "Review",
    "Role",
    "Rules",
    "State",
    "Step",
    "Tiles",
    "Tracer",
    "at_risk",
    "by_learner",
    "class_view",
    "concepts",
    "connected",
    "course_concepts",
    "course_edits",
    "course_tracer",
    "disconnected",
    "erase_learner",
    "events_of",
    "export_learner",
    "find_learner",
    "fit",
    "fit_or_default",
    "give_role",
    "heat_map",
    "hidden",
    "import_roster",
    "items",
    "ladder",
    "learners_of",
    "mastery",
    "merged",
    "named_now",
    "of_the_books",
    "path",
    "pseudonym",
    "read_log",
    "read_pairs",
    "record",
    "record_as",
    "renamed",
    "render_scores",
    "role_of",
    "reviews",
    "save_edits",
    "score_pairs",
    "separated",
    "shown",
    "states",
    "table_of",
    "tiles",
    "trace",
    "undo_edits",
    "with_concept",
    "with_met",
]
