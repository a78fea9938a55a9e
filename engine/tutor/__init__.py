"""The tutor: it explains, hints, asks back, shows several views, and sets a question of the course.

Retrieval decides whether the course covers a question; the student model words explanations; the
other modes are moves over the book's own material, which a connected model may word.
"""

from engine.corpus import nearest_pairs
from engine.tutor.answers import (
    ANSWER_TOKENS,
    SHOWN,
    Turn,
    answer_stream,
    closed_book,
    open_book,
    refusal,
    shown_for,
)
from engine.tutor.check import same_question, supporting_pair
from engine.tutor.conversation import MODES, Conversation, Material, Mode
from engine.tutor.modes import turn
from engine.tutor.quiz import Quiz, concept_of, mark_quiz, next_quiz, reteach_set
from engine.tutor.replies import Mark, MarkName, mark_all, mark_name

__all__ = [
    "ANSWER_TOKENS",
    "MODES",
    "SHOWN",
    "Mark",
    "MarkName",
    "Material",
    "Mode",
    "Quiz",
    "Conversation",
    "Turn",
    "answer_stream",
    "supporting_pair",
    "closed_book",
    "concept_of",
    "mark_all",
    "mark_name",
    "mark_quiz",
    "nearest_pairs",
    "next_quiz",
    "open_book",
    "refusal",
    "reteach_set",
    "same_question",
    "shown_for",
    "turn",
]
