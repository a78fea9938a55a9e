"""Discrete search for a better answering prompt: loop, proposers, grading, frontier.

``optimise`` searches by a plan, ``estimate`` says what it will cost, ``use`` makes a found prompt
the course's. Two methods: ``recombine`` needs no teacher, ``coursegpt`` is CourseGPT-zh's loop.
"""

from engine.optimise.costs import Estimate, estimate
from engine.optimise.run import METHODS, current, optimise, use
from engine.optimise.values import Optimised, OptimisePlan

__all__ = [
    "METHODS",
    "Estimate",
    "OptimisePlan",
    "Optimised",
    "current",
    "estimate",
    "optimise",
    "use",
]
