"""A learner's turn: a question to the tutor or an answer to the quiz; reply, mark and mastery.

The screens and the command line call these verbs and nothing below them.
"""

from engine.lesson.lesson import Lesson, open_lesson
from engine.lesson.turns import Outcome, answer, answer_by, ask, next_question

__all__ = [
    "Lesson",
    "Outcome",
    "answer",
    "answer_by",
    "ask",
    "next_question",
    "open_lesson",
]
