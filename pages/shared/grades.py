"""A grade as people write it, on the screens of learners and of teachers."""

from engine.grade import Item
from engine.steps.gradebook import GradedSubmission, value_of


def grade_text(item: Item, m: GradedSubmission) -> str:
    """The label, or points out of the most points."""
    value = value_of(m.grade)
    return f"{value:g} / {item.top:g}" if isinstance(value, (int, float)) else str(value)
