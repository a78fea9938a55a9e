"""How learners are written, on the screens of learners and of teachers."""

from engine.learner import Person

LISTED = 300
"""Learners in a list to choose from at most; above, one types a name."""


def shown(person: Person) -> str:
    """A learner's name, or the pseudonym where there is none."""
    return person.name or person.pseudonym[:8]
