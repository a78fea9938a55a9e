"""The exam: student, base and connected teacher against the two cheapest baselines there are.

uploaded.py   questions from outside, read from a CSV
baselines.py  what answers without knowing anything: a lookup in the training pairs, and the book
points.py     the points of the book's answer that an answer makes, in code
marks.py      right, partly or wrong, by a connected teacher
contrast.py   the student with and without the chosen prompt, or beside an earlier run of it
run.py        every examinee asked every question once
instructions.py  whether a model still follows instructions: the check of forgetting
report.py     figures, gains, the best baseline of each part and the verdict against it
"""

from engine.exam.contrast import EARLIER, START, Contrast, EarlierRun, Sitter
from engine.exam.instructions import followed
from engine.exam.report import (
    EXAM,
    FEWEST,
    Baseline,
    ExamReport,
    ExamRow,
    Gain,
    Graded,
    Verdict,
    verdict_of,
)
from engine.exam.run import examine
from engine.exam.uploaded import read_questions

__all__ = [
    "EARLIER",
    "EXAM",
    "FEWEST",
    "START",
    "Contrast",
    "EarlierRun",
    "ExamReport",
    "ExamRow",
    "Gain",
    "Graded",
    "Baseline",
    "Sitter",
    "Verdict",
    "examine",
    "followed",
    "read_questions",
    "verdict_of",
]
