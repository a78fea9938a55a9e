"""A conversation with the tutor: its state, and what the tutor has at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.llm import Chat
from engine.prompts import AnswerPrompt
from engine.schema import Language, Pair, Value
from engine.search import Index

Mode = Literal["explain", "hint", "socratic", "viewpoints"]
MODES: tuple[Mode, ...] = ("explain", "hint", "socratic", "viewpoints")


class Conversation(Value):
    """Where the conversation about one question stands; the default is the start of one.

    ``step`` counts the tutor's moves; ``leads`` are the guiding questions with their answers;
    ``said`` is what was written so far, the learner's turns at even places. ``topic`` is the last
    question that stands by itself, which "why?" and "another example" are about, and ``shown`` the
    quotes that were given to it; both outlive the answer.
    """

    mode: Mode = "explain"
    question: str = ""
    step: int = 0
    leads: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()
    topic: str = ""
    shown: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the tutor waits for a reply to this question."""
        return bool(self.question)

    def closed(self) -> Conversation:
        """The talk after an answer: open for a new question, which may go back to this one."""
        return Conversation(
            mode=self.mode, said=self.said[-_REMEMBERED:], topic=self.topic, shown=self.shown
        )


_REMEMBERED = 8
"""Turns that are kept after an answer: enough for what "it" means, little enough to send."""


@dataclass(frozen=True)
class Material:
    """What the tutor has at hand: the course, the student model, and what it knows of the learner.

    ``prompt`` words the question where ``use_book`` is set (None: the start).
    ``weak`` maps concepts on which the learner is not firm to the title of their section.
    """

    index: Index
    language: Language
    pairs: Sequence[Pair] = ()
    chat: Chat | None = None
    guide: Chat | None = None
    use_book: bool = False
    prompt: AnswerPrompt | None = None
    weak: Mapping[str, str] = field(default_factory=dict)
