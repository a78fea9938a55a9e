"""The answering prompt: by which words a model answers a learner's question from the book.

CourseGPT-zh (arXiv 2405.04781, section 4) searches the role prompt of the model that answers from a
paragraph; ours is that, with the layout of passages and question. One course uses one prompt: the
start, until its designer chooses another (``engine.optimise``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import field_validator

from engine.language import languages, table
from engine.llm import user
from engine.schema import Language, Message, Value, content_id
from engine.store import Store

_SLOT = re.compile(r"\{(passages|question)\}")
_CHOICE = "prompt"


class AnswerPrompt(Value):
    """How a question is put to a model with the book at hand.

    ``layout`` is the user's turn: it holds ``{passages}`` and ``{question}`` once each, and any
    words around them. Passages and question are data; they never stand in ``system``.
    """

    system: str = ""
    layout: str

    @field_validator("layout")
    @classmethod
    def _both_slots(cls, layout: str) -> str:
        if sorted(_SLOT.findall(layout)) != ["passages", "question"]:
            raise ValueError("a prompt's layout needs {passages} and {question}, once each")
        return layout

    @property
    def id(self) -> str:
        """A hash of the words: the same prompt, the same name."""
        return content_id(self.system, self.layout)

    @property
    def style(self) -> str:
        """The instructions alone, without the lines that hold passages and question."""
        lines = [line for line in self.layout.splitlines() if not _SLOT.search(line)]
        lines = [line for line in lines if not line.startswith("<")]
        return "\n".join(part for part in (self.system, *lines) if part.strip())

    @property
    def text(self) -> str:
        """The whole prompt as people read and compare it."""
        return f"{self.system}\n\n{self.layout}".strip()

    def messages(self, question: str, passages: Sequence[str]) -> tuple[Message, ...]:
        """The messages of one question with the passages found for it."""
        values = {"passages": "\n\n".join(passages), "question": question}
        return user(_SLOT.sub(lambda slot: values[slot[1]], self.layout), self.system)


def course_system(title: str, language: Language) -> str:
    """The system prompt of a course's student: whose tutor it is, in the course's language.

    The student is trained with it and answers with it, so that it is not somebody else's assistant
    (chat templates write their maker's own system prompt where none is given).
    """
    return str(table(language, "answering")["system"]).replace("{course}", title)


def start_prompt(language: Language) -> AnswerPrompt:
    """The prompt of a course until another is chosen."""
    return AnswerPrompt(layout=table(language, "answering")["layout"])


def chosen_prompt(store: Store, course: str, language: Language) -> AnswerPrompt:
    """The prompt that the course answers by: the designer's choice, else the start."""
    saved = store.choice(course, _CHOICE)
    return AnswerPrompt.model_validate(saved["prompt"]) if saved else start_prompt(language)


def prompt_version(store: Store, course: str) -> str:
    """Id of the chosen prompt; empty while the course answers by the start."""
    saved = store.choice(course, _CHOICE)
    chosen = AnswerPrompt.model_validate(saved["prompt"]) if saved else None
    starts = [start_prompt(language) for language in languages()]
    return chosen.id if chosen and chosen not in starts else ""


def was_chosen(store: Store, course: str) -> bool:
    """Whether somebody has decided which prompt to use, be it the start."""
    return bool(store.choice(course, _CHOICE))


def choose_prompt(store: Store, course: str, prompt: AnswerPrompt, **origin: Any) -> None:
    """Make this the course's prompt; ``origin`` says where it comes from (method, scores)."""
    store.choose(course, _CHOICE, {"prompt": prompt.model_dump(mode="json"), **origin})
