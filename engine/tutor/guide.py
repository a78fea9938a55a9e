"""A connected model words the tutor's moves; what learners and books say stays in the user turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.language import rules
from engine.llm import Chat, Request, user
from engine.schema import Language
from engine.search import Hit

_TURNS = 8
_CHARACTERS = 4000


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
    texts = rules(language).says("tutor", "prompts")
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
