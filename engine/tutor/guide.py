"""A connected model words the tutor's moves; what learners and books say stays in the user turn.

An explanation cites numbered passages; each of its sentences is held against what it cites, and one
that is not borne out is named (``Turn.unsupported``), so that the screen can mark it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from engine.language import rules
from engine.llm import Chat, Request, user
from engine.quotes import Quote
from engine.schema import Language
from engine.search import Hit
from engine.text import language_of, sentences
from engine.tutor.answers import Turn, sources_of
from engine.tutor.faithful import supported

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


def explained(
    said: Sequence[str],
    question: str,
    quotes: Sequence[Quote],
    guide: Chat,
    language: Language,
    on_text: Callable[[str], None],
    manner: str = "",
) -> Turn:
    """An explanation from numbered quotes, streamed; its sentences checked against what they cite.

    Args:
        said: The conversation; the learner's turns at even places.
        question: What is asked, as it is meant.
        quotes: What the book says to it, best first.
        guide: The model.
        language: The course's.
        on_text: Called with each piece.
        manner: The instructions of the course's chosen prompt; the tutor's own come after them.

    Raises:
        TeacherError: the model does not answer.
    """
    texts = rules(language).says("tutor", "prompts")
    names = (texts["learner"], texts["tutor"])
    turns = [f"{names[i % 2]}: {text[:_CHARACTERS]}" for i, text in enumerate(said)]
    told = "\n\n".join(f"[{n}] {q.title}\n{q.text}" for n, q in enumerate(quotes, 1))
    message = texts["user"].format(passages=told, conversation="\n".join(turns[-_TURNS:]), weak="–")
    request = Request(
        messages=user(message.strip(), f"{manner}\n\n{texts['explain']}".strip()),
        max_tokens=500,
        temperature=0.2,
        may_be_cut=True,
        purpose="tutor",
    )
    pieces: list[str] = []
    for piece in guide.stream(request):
        pieces.append(piece)
        on_text(piece)
    answer = "".join(pieces).strip()
    return Turn(
        answer=answer,
        sources=sources_of(quotes),
        model=guide.model,
        unsupported=unsupported(answer, [q.text for q in quotes], question),
    )


_CITED = re.compile(r"\[(\d+)\]")


def unsupported(answer: str, passages: Sequence[str], question: str) -> tuple[str, ...]:
    """The sentences that what they cite (nothing cited: any passage) does not bear out."""
    found = []
    for sentence in sentences(_CITED.sub(lambda m: f" {m[0]}", answer), language_of(answer)):
        cited = [int(n) - 1 for n in _CITED.findall(sentence)]
        sources = [passages[n] for n in cited if n < len(passages)] or ([] if cited else passages)
        claim = _CITED.sub("", sentence).strip()
        if claim and not any(supported(claim, source, question) for source in sources):
            found.append(claim)
    return tuple(found)
