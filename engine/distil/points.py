"""A knowledge point: what one answer of the book answers, with the ways to ask for it."""

from __future__ import annotations

from engine.schema import Evidence, PairKind, Value, content_id


class Point(Value):
    """One answer with its evidence and its questions.

    ``questions`` are wordings for training; ``held_out`` are wordings that training never sees
    (the first for validation, the last for the exam), built in other words on purpose.
    ``statements`` say the fact without a question, all of them true: turned round, as cause and
    as effect.
    """

    kind: PairKind
    answer: str
    evidence: tuple[Evidence, ...]
    questions: tuple[str, ...]
    held_out: tuple[str, ...]
    statements: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """A hash of section, kind and answer: the same point found again has the same id."""
        return content_id(self.section, self.kind, self.answer)

    @property
    def section(self) -> str:
        """The section of the first piece of evidence."""
        return self.evidence[0].section
