"""Questions and answers as token ids, of which only the answer is learned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.errors import BadInput, WorkFailed
from engine.models.known import SMOLLM2, known_base
from engine.models.tokenizer import prompt_ids
from engine.schema import Exchange, Value

IGNORE = -100
"""The label of a token that is read but not learned (torch's convention)."""


class TrainingRow(Value):
    """One thing to learn; an empty ``system`` leaves the chat template's own default.

    ``turns`` is the talk before the question; of it nothing is learned. Without a ``question`` the
    answer is plain text, all of which is learned.
    """

    question: str
    answer: str
    system: str = ""
    turns: tuple[Exchange, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A row as token ids; the answer, with its end mark, begins at ``start``."""

    ids: tuple[int, ...]
    start: int
    truncated: bool = False

    @property
    def labels(self) -> tuple[int, ...]:
        """``ids`` with the prompt masked by ``IGNORE``."""
        return (IGNORE,) * self.start + self.ids[self.start :]


class Encoding(Value):
    """What came of encoding: the usable rows, and how many were cut or had no room to answer."""

    rows: tuple[Encoded, ...]
    truncated: int = 0
    dropped: int = 0

    @property
    def tokens(self) -> int:
        """Real tokens of all rows."""
        return sum(len(row.ids) for row in self.rows)

    @property
    def truncated_share(self) -> float:
        """Share of the given rows that were cut or dropped."""
        return (self.truncated + self.dropped) / max(1, len(self.rows) + self.dropped)


class Span(Value):
    """A piece of a masked sample: its text, and whether it is learned."""

    text: str
    learned: bool


def encode(rows: Iterable[TrainingRow], tokenizer: Any, max_length: int) -> Encoding:
    """Encode by the tokenizer's own chat template.

    Rows longer than ``max_length`` tokens lose the end of their answer; rows whose prompt leaves
    no room for an answer are dropped. Both are counted.

    Raises:
        BadInput: the tokenizer has no chat template, or an answer is empty.
        WorkFailed: the template does not write the answer after the prompt.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise BadInput(
            "The base model has no chat template, so it cannot learn to answer questions.",
            code="train.template",
            next="Choose an instruction-tuned base model.",
        )
    encoded = [_encode(row, tokenizer) for row in rows]
    kept = [_cut(row, max_length) for row in encoded if row.start < max_length]
    return Encoding(
        rows=tuple(kept),
        truncated=sum(row.truncated for row in kept),
        dropped=len(encoded) - len(kept),
    )


def masked_sample(
    row: TrainingRow, tokenizer: Any = None, max_length: int = 1024, *, base: str = SMOLLM2
) -> tuple[Span, ...]:
    """The row's text as the model reads it, in order, with the learned part marked.

    Without a ``tokenizer`` in the words of the base's template where we know it, else without
    marks (instantly, uncut).

    Raises:
        BadInput, WorkFailed: as ``encode``.
    """
    if tokenizer is None:
        own = known_base(base)
        if own is None or not row.question:
            return _spans(row.question and row.question + "\n", row.answer)
        system = row.system or own.family.default_system
        prompt = own.family.prompt.format(system=system, question=row.question)
        return _spans(prompt, row.answer + own.family.end)
    encoded = encode([row], tokenizer, max_length).rows
    return tuple(
        span
        for one in encoded
        for span in _spans(
            tokenizer.decode(list(one.ids[: one.start])),
            tokenizer.decode(list(one.ids[one.start :])),
        )
    )


def _spans(prompt: str, answer: str) -> tuple[Span, Span]:
    return Span(text=prompt, learned=False), Span(text=answer, learned=True)


def _encode(row: TrainingRow, tokenizer: Any) -> Encoded:
    if not row.answer.strip():
        raise BadInput(
            f"The question {row.question[:80]!r} has an empty answer.",
            code="train.empty",
            next="Give it an answer or remove it from the corpus.",
        )
    if not row.question:
        return _plain_text(row.answer, tokenizer)
    prompt = prompt_ids(tokenizer, _messages(row))
    said = [*_messages(row), _said("assistant", row.answer)]
    whole = prompt_ids(tokenizer, said, answered=True)
    if whole[: len(prompt)] != prompt or len(whole) == len(prompt):
        raise WorkFailed(
            "The base model's chat template changes the prompt when the answer is added.",
            code="train.template",
            next="Choose another base model.",
        )
    return Encoded(tuple(_without_tail(whole, len(prompt), tokenizer)), len(prompt))


def _plain_text(text: str, tokenizer: Any) -> Encoded:
    """All tokens but the first, which nothing stands before."""
    ids = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
    return Encoded(tuple(ids), 1)


def _messages(row: TrainingRow) -> list[dict[str, str]]:
    head = [_said("system", row.system)] if row.system else []
    said = [("user", turn.question, "assistant", turn.answer) for turn in row.turns]
    talk = [_said(*half) for one in said for half in (one[:2], one[2:])]
    return [*head, *talk, _said("user", row.question)]


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _without_tail(ids: list[int], start: int, tokenizer: Any) -> list[int]:
    """Drop what the template writes after the end mark: it never has to be generated."""
    end = tokenizer.eos_token_id
    last = max((at for at in range(start, len(ids)) if ids[at] == end), default=len(ids) - 1)
    return ids[: last + 1]


def _cut(row: Encoded, max_length: int) -> Encoded:
    if len(row.ids) <= max_length:
        return row
    return Encoded(row.ids[:max_length], row.start, truncated=True)
