"""From books to a reviewed corpus of question-answer pairs.

``distil`` makes the corpus by a plan, ``preview`` shows five pairs first, ``estimate`` says what it
will cost, ``render`` writes it as a file. The offline teacher is ``extractive.py``.
"""

from engine.distil.draft import Distilled
from engine.distil.formats import FORMATS, render
from engine.distil.plan import ALL_KINDS, DistilPlan, Estimate, estimate
from engine.distil.run import coverage, distil, fingerprint, preview

__all__ = [
    "ALL_KINDS",
    "FORMATS",
    "DistilPlan",
    "Distilled",
    "Estimate",
    "coverage",
    "distil",
    "estimate",
    "fingerprint",
    "preview",
    "render",
]
