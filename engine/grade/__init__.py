"""Grading: closed items exactly, open ones by a trained scorer or a rubric, doubts by a person.

items.py      items, submissions and grades;  files.py  the files that hold them
closed.py     choice and numeric answers
features.py   what can be measured of an answer;  heads.py  learners on these features
scorer.py     the trained scorer;  prior.py  without grades
calibrate.py  confidence, and from where on the scorer may grade alone
rubric.py     verdicts and quotes of a language model
guard.py      what a person must see;  feedback.py  what the learner is told
run.py        the verb;  cost.py  what it will take
"""

from engine.grade.batch import Grader
from engine.grade.calibrate import Calibration
from engine.grade.cost import GradeEstimate, estimate
from engine.grade.files import read_grades, read_items, read_submissions
from engine.grade.items import Grade, Item, Submission
from engine.grade.run import grade, grade_to_file, prepare

__all__ = [
    "Calibration",
    "Grade",
    "GradeEstimate",
    "Grader",
    "Item",
    "Submission",
    "estimate",
    "grade",
    "grade_to_file",
    "prepare",
    "read_grades",
    "read_items",
    "read_submissions",
]
