"""From books to a reviewed corpus of question-answer pairs.

``distil`` makes the corpus by a plan, ``preview`` shows five pairs first, ``estimate`` says what it
will cost, ``render`` writes it as a file; ``fill`` adds to it where it has a gap. The offline
teacher is ``offline/``, the LLM teacher ``prompted/``.
"""

from engine.distil.costs import CorpusEstimate, Share, estimate
from engine.distil.draft import CORPUS, POINT_GATES, CorpusRecord, Distilled
from engine.distil.formats import FORMATS, render
from engine.distil.gaps import FILLED, Cell, Filled, cells, fill, section_called
from engine.distil.plan import ALL_KINDS, BOOK_KINDS, DistilPlan, Gap
from engine.distil.prompted.reword import Rewordings
from engine.distil.prompted.values import GateExample
from engine.distil.run import Coverage, cast_of, coverage, distil, fingerprint, preview

__all__ = [
    "ALL_KINDS",
    "BOOK_KINDS",
    "CORPUS",
    "Cell",
    "CorpusRecord",
    "FILLED",
    "Filled",
    "FORMATS",
    "POINT_GATES",
    "CorpusEstimate",
    "Coverage",
    "DistilPlan",
    "Distilled",
    "Gap",
    "GateExample",
    "Rewordings",
    "Share",
    "cast_of",
    "cells",
    "coverage",
    "distil",
    "estimate",
    "fill",
    "fingerprint",
    "preview",
    "render",
    "section_called",
]
