"""Which pairs are read, and how what was read of them is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from engine.schema import Pair, Value, content_id

Half = Literal["look", "sealed"]
QUESTIONS = ("natural", "alone", "right", "worth")
"""What a reader is asked: is the question natural, can the pair stand alone, is the answer right
and complete, is it worth learning; a pair is kept if all four are so."""
FOLDER = Path(__file__).with_name("ratings")


class Rating(Value):
    """What one reader said of one pair: 1 for yes.

    ``of`` is the digest of question and answer, ``answer`` that of the answer alone: by it a
    rating still says something of a pair that is worded anew.
    """

    id: str
    of: str
    answer: str
    half: Half
    question: str
    natural: int
    alone: int
    right: int
    worth: int
    reader: str

    @property
    def keep(self) -> bool:
        """Whether the reader would show the pair to a class."""
        return all((self.natural, self.alone, self.right, self.worth))


def half_of(point: str) -> Half:
    """The half of a knowledge point, by its name alone, whatever else the corpus holds."""
    return "look" if int(content_id("card", point), 16) % 2 else "sealed"


def drawn(pairs: Iterable[Pair], half: Half, sample: int, seed: int) -> list[Pair]:
    """A seeded sample of one pair a point; the wording is drawn too."""
    usable = [p for p in pairs if p.status != "rejected" and half_of(p.point) == half]
    usable.sort(key=lambda pair: content_id(seed, pair.point, pair.question))
    points: dict[str, Pair] = {}
    for pair in usable:
        points.setdefault(pair.point, pair)
    chosen = sorted(points.values(), key=lambda pair: content_id(seed, pair.point))
    return chosen[:sample]


def digest(*texts: str) -> str:
    """Twelve hex digits of what was read: a rating of another text is stale."""
    return content_id(*texts)[:12]


def read_ratings(book: str) -> list[Rating]:
    """The committed ratings of a book; none where nobody has read it yet."""
    path = FOLDER / f"{book}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Rating(**json.loads(line)) for line in lines if line]


def add_ratings(book: str, ratings: Sequence[Rating]) -> None:
    """Write ratings, each in the place of an older one of the same text and reader."""
    kept = {(r.of, r.reader): r for r in (*read_ratings(book), *ratings)}
    rows = [json.dumps(r.model_dump(), ensure_ascii=False) for r in kept.values()]
    (FOLDER / f"{book}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
