"""From books to a reviewed corpus of question-answer pairs.

``distil`` makes the corpus by a plan, ``preview`` shows five pairs first, ``estimate`` says what it
will cost, ``render`` writes it as a file. The offline teacher is ``offline/``, the LLM teacher
``prompted/``.
"""

from engine.distil.draft import CORPUS, POINT_GATES, CorpusRecord, Distilled
from engine.distil.formats import FORMATS, render
from engine.distil.plan import ALL_KINDS, BOOK_KINDS, CorpusEstimate, DistilPlan, estimate
from engine.distil.run import Coverage, coverage, distil, fingerprint, preview

__all__ = [
    "ALL_KINDS",
    "BOOK_KINDS",
    "CORPUS",
    "CorpusRecord",
    "FORMATS",
    "POINT_GATES",
    "CorpusEstimate",
    "Coverage",
    "DistilPlan",
    "Distilled",
    "coverage",
    "distil",
    "estimate",
    "fingerprint",
    "preview",
    "render",
]
