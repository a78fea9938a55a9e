"""What counts as right, and what as known: one set of levels for every room and every screen.

Scores of answers and mastery are both in [0, 1] but are not the same thing: a score says how much
of one answer was right, mastery how likely the next, unseen answer of a concept is right now.
"""

from __future__ import annotations

RIGHT = 0.6
"""Share of the points from which on an answer counts as right: the usual pass mark of 60 %.

The tutor goes on from here, the quiz records a right answer, an assignment's grade becomes a right
answer for mastery, and the report counts everything below as a mistake.
"""

PARTLY = 0.3
"""Share of the points from which on a wrong answer is partly right: half of ``RIGHT``.

A convention of this program: the tutor then says «partly» and asks for the rest.
"""

FIRM = 0.75
"""Mastery from which on a concept counts as known: three of four unseen questions are answered.

Mastery learning (Bloom, 1968) asks for 80 to 90 % of a test; knowledge tracing for 95 % of
*knowing* (Corbett and Anderson, 1995). Ours is the probability of a right *answer*, which slips
keep below that of knowing, hence the lower level.
"""

NEAR = 0.5
"""Mastery from which on a concept is nearly known: rather right than wrong on the next question."""
