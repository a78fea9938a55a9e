"""The LLM teacher: questions from passages, answers in a second pass, checks with the source.

After CourseGPT-zh (arXiv 2405.04781). ``grid.py`` is our recipe (sections x kinds x Bloom levels),
``coursegpt.py`` the paper's; ``teach.py`` runs either; ``check.py`` holds the passes after the
asking, ``judge.py`` the scores. ``values.py`` names the gates; every question that is asked for is
made, refused by one of them, or lost with a failed call, and counted as such.
"""

from engine.distil.prompted.cast import Cast, lessons_of, previewed, view_of

__all__ = ["Cast", "lessons_of", "previewed", "view_of"]
