"""Multiple-choice items from the corpus, in three pools that share no knowledge point.

An item's stem is a pair's question, its right option the pair's answer, its three distractors the
answers of other points of the same kind: near in meaning, but not the same thing said twice. A
draft's point may be asked by several questions, all with its options. The pools are drawn by seed
from the names of points alone. Exam points serve the final test only: they are neither asked nor
offered as options before.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from engine.embeddings import embed
from engine.errors import Missing
from engine.judge import token_f1
from engine.schema import Pair, Value, content_id
from engine.text import words

KINDS = ("definition", "fact", "cause", "comparison", "procedure")
"""Kinds whose answers can stand as options; summaries and lists are too long, too easy to tell."""

LONGEST = 32
"""Words of the longest option."""

DISTRACTORS = 3
NEAREST = 12
"""Distractors are drawn from so many nearest answers."""

SAME = 0.93
SAME_WORDS = 0.7
"""Cosine, or token F1, from which two answers count as the same (e5: unrelated is about 0.75)."""

FEWEST = 4
"""Items that each pool needs."""


class ChoiceItem(Value):
    """One question with four options, of which ``options[right]`` is the book's answer.

    ``quote`` is the book's sentence behind the answer; ``pair`` the corpus's pair it was made from.
    """

    id: str
    pair: str
    point: str
    question: str
    options: tuple[str, ...]
    right: int
    quote: str

    @property
    def answer(self) -> str:
        """The right option."""
        return self.options[self.right]


class ItemPools(Value):
    """Items for writing rationales, for choosing among them, and for the final figures.

    ``drafts`` has one item a point, ``others`` the further questions of these points.
    """

    drafts: tuple[ChoiceItem, ...]
    preference: tuple[ChoiceItem, ...]
    test: tuple[ChoiceItem, ...]
    others: tuple[ChoiceItem, ...] = ()

    @property
    def forms(self) -> dict[str, list[ChoiceItem]]:
        """All questions of each draft's point."""
        found: dict[str, list[ChoiceItem]] = {item.point: [item] for item in self.drafts}
        for item in self.others:
            found[item.point].append(item)
        return found


def make_pools(
    pairs: Sequence[Pair], sizes: tuple[int, int, int], seed: int, questions: int = 1
) -> ItemPools:
    """Items of all pools; drafts and preference from training pairs, the test from exam pairs.

    Args:
        pairs: The course's pairs, those that people rejected left out.
        sizes: Wanted items for drafts, preference and test; there may be fewer.
        seed: Draws pools, distractors and the order of options.
        questions: At most so many questions on each draft's point, as far as the corpus has them.

    Raises:
        Missing: the corpus is too small for three pools.
    """
    usable = [p for p in pairs if p.kind in KINDS and 2 <= len(words(p.answer)) <= LONGEST]
    asked_of = {p.point for p in pairs if p.split == "exam"}
    examined = _first_by_point(
        p for p in usable if p.split == "exam" and p.part in ("reworded", "transfer")
    )
    trained = _first_by_point(p for p in usable if p.split == "train" and p.point not in asked_of)
    drafts, preference, test = sizes
    own, asked = _drawn(trained, seed), _drawn(examined, seed)[:test]
    learned, final = _Maker(trained, seed), _Maker(examined, seed)
    pools = ItemPools(
        drafts=learned.items([trained[p] for p in own[:drafts]]),
        preference=learned.items([trained[p] for p in own[drafts : drafts + preference]]),
        test=final.items([examined[p] for p in asked]),
    )
    more = [o for d in pools.drafts for o in _asked_otherwise(d, usable)[: questions - 1]]
    pools = pools.model_copy(update={"others": tuple(more)})
    if min(len(pools.drafts), len(pools.preference), len(pools.test)) < FEWEST:
        raise Missing(
            "The corpus is too small to find out what this student learns from best.",
            code="align.too_small",
            next="Make a larger corpus first: about a hundred pairs with exam questions.",
        )
    return pools


def _asked_otherwise(item: ChoiceItem, pairs: Sequence[Pair]) -> list[ChoiceItem]:
    """The same item by the corpus's other questions with the same answer."""
    own = (p for p in pairs if p.point == item.point and p.split == "train" and p.id != item.pair)
    found = dict.fromkeys(p.question for p in own if p.answer == item.answer)
    return [reworded(item, question) for question in found if question != item.question]


def reworded(item: ChoiceItem, question: str) -> ChoiceItem:
    """The same item by another question."""
    name = content_id(item.id, question)
    return item.model_copy(update={"id": name, "question": question})


def _first_by_point(pairs: Iterable[Pair]) -> dict[str, Pair]:
    found: dict[str, Pair] = {}
    for pair in pairs:
        found.setdefault(pair.point, pair)
    return found


def _drawn(points: Iterable[str], seed: int) -> list[str]:
    return sorted(points, key=lambda point: content_id("align", seed, point))


class _Maker:
    """Finds distractors by meaning: the nearest answers of the same kind that say another thing."""

    def __init__(self, pairs: Mapping[str, Pair], seed: int) -> None:
        self.seed = seed
        self.by_kind: dict[str, list[Pair]] = defaultdict(list)
        for pair in pairs.values():
            self.by_kind[pair.kind].append(pair)
        self.vectors = {k: embed([p.answer for p in own]) for k, own in self.by_kind.items()}

    def items(self, pairs: Sequence[Pair]) -> tuple[ChoiceItem, ...]:
        found = (self._item(pair) for pair in pairs)
        return tuple(item for item in found if item is not None)

    def _item(self, pair: Pair) -> ChoiceItem | None:
        name = content_id("item", self.seed, pair.id)
        dice = random.Random(name)  # noqa: S311 (an order of options, not a secret)
        near = self._near(pair)
        if len(near) < DISTRACTORS:
            return None
        options = [pair.answer, *dice.sample(near, DISTRACTORS)]
        dice.shuffle(options)
        return ChoiceItem(
            id=name,
            pair=pair.id,
            point=pair.point,
            question=pair.question,
            options=tuple(options),
            right=options.index(pair.answer),
            quote=pair.evidence[0].quote if pair.evidence else pair.answer,
        )

    def _near(self, pair: Pair) -> list[str]:
        """Up to ``NEAREST`` answers near the pair's own, none of which repeats it or another."""
        own, vectors = self.by_kind[pair.kind], self.vectors[pair.kind]
        at = next(i for i, other in enumerate(own) if other.point == pair.point)
        likeness = vectors @ vectors[at]
        found: list[str] = []
        for i in likeness.argsort()[::-1]:
            text = own[int(i)].answer
            same = likeness[i] >= SAME or token_f1(text, pair.answer) > SAME_WORDS
            if i != at and not same and text not in found:
                found.append(text)
            if len(found) == NEAREST:
                break
        return found


def listed(item: ChoiceItem) -> str:
    """The options as a list, for the teacher; a student reads none."""
    return "\n".join(f"- {option}" for option in item.options)


def by_overlap(items: Sequence[ChoiceItem]) -> list[int]:
    """1 for each item that whoever knows nothing gets right: the option most like the question.

    Among equally like ones the first counts, which is where chance put it.
    """
    found = []
    for item in items:
        likeness = [token_f1(option, item.question) for option in item.options]
        found.append(int(likeness.index(max(likeness)) == item.right))
    return found
