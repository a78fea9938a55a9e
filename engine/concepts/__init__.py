"""The concepts of a course: what its books teach, what builds on what, what people changed.

``concepts`` finds terms and prerequisites in books; ``course_concepts`` is the stored graph with
the edits of people (``edits``), acyclic always.
"""

from engine.concepts.edits import (
    AddedConcept,
    Edits,
    connected,
    disconnected,
    hidden,
    merged,
    renamed,
    separated,
    shown,
    with_concept,
)
from engine.concepts.extract import Concept, Prerequisite, concepts
from engine.concepts.graph import (
    course_concepts,
    course_edits,
    of_the_books,
    save_edits,
    undo_edits,
)
from engine.concepts.prerequisites import read_pairs, render_scores, score_pairs

__all__ = [
    "Concept",
    "Edits",
    "AddedConcept",
    "Prerequisite",
    "concepts",
    "connected",
    "course_concepts",
    "course_edits",
    "disconnected",
    "hidden",
    "merged",
    "of_the_books",
    "read_pairs",
    "renamed",
    "render_scores",
    "save_edits",
    "score_pairs",
    "separated",
    "shown",
    "undo_edits",
    "with_concept",
]
