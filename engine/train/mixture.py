"""What a student is taught, in which shares: by heart, with the book, with no answer, in general.

Every share is a setting; the defaults are those that did best in ``tests/bench/student.py``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import ceil
from typing import TypeVar

from pydantic import Field

from engine.schema import Pair, Value
from engine.train.rows import TrainingRow


class Mixture(Value):
    """The data mixture of a fine-tuning.

    Attributes:
        by_heart: How often each pair is asked without the book in an epoch.
        reading: Share of the points of which one question is asked with quotes of the book.
        sought: Sentences of the book that are asked for by a few of their words, as one types into
            a search box, for each such point; the answer is the sentence.
        absent: Share of the rows with quotes in which the answer is not there (to be said so).
        quotes: How many quotes a row shows: as many as the tutor and the exam show.
        statements: At most so many statements of each fact, learned as plain text.
        replay: Share of all rows that are general talk in the base model's own words, so that it
            does not forget how to follow instructions.
    """

    by_heart: float = Field(default=2.0, ge=0, le=8)
    reading: float = Field(default=0.5, ge=0, le=1)
    sought: float = Field(default=2.0, ge=0, le=8)
    absent: float = Field(default=0.2, ge=0, le=0.9)
    quotes: int = Field(default=2, ge=1, le=4)
    statements: int = Field(default=0, ge=0, le=10)
    replay: float = Field(default=0.05, ge=0, le=0.5)


Reader = Callable[[Pair, bool], tuple[TrainingRow, ...]]
"""Makes the row of a pair with quotes of the book; with True, one where the answer is missing.
Empty where the book gives no such row."""


def mixed(
    pairs: Sequence[Pair],
    mixture: Mixture,
    reader: Reader,
    sentences: Sequence[Pair] = (),
    replayed: Sequence[TrainingRow] = (),
    *,
    seed: int = 0,
) -> list[TrainingRow]:
    """The rows of a training, by share; the same for the same arguments.

    Args:
        pairs: What may be trained on.
        mixture: The shares.
        reader: Makes rows with quotes.
        sentences: Sentences of the book as pairs (``reading.sentence_pairs``), in an order drawn.
        replayed: General talk to draw the replay from, at most once each.
        seed: Draws which pairs and which wordings.
    """
    heart = [by_heart(pair) for pair in drawn(pairs, mixture.by_heart, seed)]
    points = {pair.point: pair for pair in drawn(pairs, 1.0, seed) if not pair.turns}
    asked = drawn([points[name] for name in sorted(points)], mixture.reading, seed)
    asked = drawn([*asked, *sentences[: round(mixture.sought * len(asked))]], 1.0, seed)
    read = [row for pair in asked for row in reader(pair, False)]
    missing = round(len(read) * mixture.absent / (1 - mixture.absent))
    lost = [row for pair in _cycled(asked, missing) for row in reader(pair, True)]
    told = [TrainingRow(question="", answer=text) for text in _statements(pairs, mixture)]
    rows = [*heart, *read, *lost, *told]
    general = round(len(rows) * mixture.replay / (1 - mixture.replay))
    return [*rows, *drawn(list(replayed), 1.0, seed)[:general]]


def by_heart(pair: Pair) -> TrainingRow:
    """A pair asked without the book."""
    return TrainingRow(question=pair.question, answer=pair.answer, turns=pair.turns)


T = TypeVar("T")


def drawn(items: Sequence[T], share: float, seed: int) -> list[T]:
    """A share of the items in an order drawn by the seed; above 1, whole rounds come first."""
    order = list(items)
    random.Random(seed).shuffle(order)  # noqa: S311 (an order of rows, not a secret)
    return (order * ceil(share))[: round(share * len(order))]


def _cycled(pairs: Sequence[Pair], count: int) -> Sequence[Pair]:
    return pairs[:count] if count <= len(pairs) else [*pairs, *pairs][:count]


def _statements(pairs: Sequence[Pair], mixture: Mixture) -> list[str]:
    """Each point's statements, at most as many as wanted, none twice."""
    of_point: dict[str, dict[str, None]] = {}
    for pair in pairs:
        of_point.setdefault(pair.point, {}).update(dict.fromkeys(pair.statements))
    wanted = mixture.statements
    return list(dict.fromkeys(text for own in of_point.values() for text in list(own)[:wanted]))
