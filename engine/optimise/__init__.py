"""Discrete search for a better answering prompt: loop, proposers, grading, frontier.

``optimise`` searches by a plan, ``estimate`` says what it will cost, ``use`` makes a found prompt
the course's. Methods: ``recombine`` needs no teacher, ``coursegpt`` is
CourseGPT-zh's loop, ``gepa`` evolves on a Pareto pool.
"""

from engine.optimise.costs import estimate
from engine.optimise.run import METHODS, current, discard_unfinished, fresh_seed, optimise, use
from engine.optimise.values import Optimised, OptimisePlan, SearchSummary, summary

__all__ = [
    "METHODS",
    "OptimisePlan",
    "Optimised",
    "SearchSummary",
    "current",
    "discard_unfinished",
    "estimate",
    "fresh_seed",
    "optimise",
    "summary",
    "use",
]
