"""A connected model words the tutor's moves; what learners and books say stays in the user turn."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from engine.llm import Chat, Request, user
from engine.schema import Language
from engine.search import Hit

_TURNS = 8
_CHARACTERS = 4000


@cache
def prompts() -> Mapping[str, Mapping[str, str]]:
    """The prompt texts by language and mode."""
    text = (Path(__file__).parent / "prompts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def guided(
    mode: str,
    said: Sequence[str],
    hits: Sequence[Hit],
    weak: str,
    guide: Chat,
    language: Language,
) -> Iterator[str]:
    """The tutor's next move in this mode, as the model words it, piece by piece.

    Args:
        mode: ``hint``, ``socratic`` or ``viewpoints``.
        said: The conversation; the learner's turns at even places.
        hits: The passages found for the question.
        weak: Concepts on which the learner is not firm, or nothing.
        guide: The model.
        language: The course's.

    Raises:
        TeacherError: the model does not answer.
    """
    texts = prompts()[language]
    names = (texts["learner"], texts["tutor"])
    turns = [f"{names[i % 2]}: {text[:_CHARACTERS]}" for i, text in enumerate(said)]
    message = texts["user"].format(
        passages="\n\n".join(hit.passage.text for hit in hits[:3]),
        conversation="\n".join(turns[-_TURNS:]),
        weak=weak or "–",
    )
    request = Request(
        messages=user(message.strip(), texts[mode].strip()),
        max_tokens=400,
        temperature=0.3,
        may_be_cut=True,
        purpose="tutor",
    )
    yield from guide.stream(request)
