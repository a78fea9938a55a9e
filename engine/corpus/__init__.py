"""The reviewed pairs of a course: the exam's guard, a person's review, what a new run keeps.

``natural`` makes the exam's natural part from the books' own exercises; ``lookup`` says what a
lookup without a model would find.
"""

from engine.corpus.guard import Gate, held_back, let_through, marked
from engine.corpus.lookup import nearest_pairs
from engine.corpus.merge import by_person, judged, merge
from engine.corpus.natural import ExerciseCount, count_exercises, natural_pairs
from engine.corpus.review import Reviewed, revise

__all__ = [
    "ExerciseCount",
    "Gate",
    "Reviewed",
    "by_person",
    "count_exercises",
    "held_back",
    "judged",
    "let_through",
    "marked",
    "merge",
    "natural_pairs",
    "nearest_pairs",
    "revise",
]
