"""The reviewed pairs of a course: the exam's guard, a person's review, and what a new run keeps."""

from engine.corpus.guard import Gate, held_back, let_through, marked
from engine.corpus.merge import by_person, judged, merge
from engine.corpus.review import Reviewed, revise

__all__ = [
    "Gate",
    "Reviewed",
    "by_person",
    "held_back",
    "judged",
    "let_through",
    "marked",
    "merge",
    "revise",
]
