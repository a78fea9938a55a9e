"""A corpus that is being made: a draft under its plan's name, put in use when it is whole."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from pydantic import model_validator

from engine.corpus import held_back, judged, marked, merge
from engine.distil.pairs import Distinct, pairs_of, same_wording
from engine.distil.plan import DistilPlan
from engine.distil.points import Point
from engine.distil.prompted.points import PromptedPoint, taught_pairs
from engine.distil.prompted.reword import Rewordings
from engine.distil.prompted.teach import Ended
from engine.distil.prompted.values import Account, Gate, GateExample
from engine.schema import Course, Pair, Value, renamed
from engine.store import ResultKind, Store

POINT_GATES = (*get_args(Gate), "grounded")
"""Gates that take out knowledge points (``grounded`` in results from before); others take pairs."""


class Distilled(Value):
    """What a run made, and what became of all that was offered; nothing goes unsaid.

    ``asked`` counts sections read or calls made, ``failed_calls`` the calls that failed.
    ``offered`` counts the knowledge points that were found in the book, or that a model was asked
    for: ``points`` of them passed, ``lost`` went with failed calls, the rest stands in ``removed``
    under the gates of points (``POINT_GATES``). The other gates in ``removed`` count pairs:
    ``same_wording``, ``asked_before`` (by a pair that a person judged) and those of
    ``engine.corpus.guard``. ``examples`` are some questions of each gate of points.
    ``planned`` is the number of pairs wished for, ``ended`` why the run came to its end (see
    ``prompted.teach.Ended``; the extractive teacher's ends as ``planned`` or ``exhausted``).
    ``rewordings`` is the account of the exam's natural questions that a model wrote.
    ``pairs`` counts what can be used of the new corpus: ``train``, ``validation``, ``reworded`` and
    ``transfer``; ``kept`` of them were judged by people before.
    """

    asked: int
    failed_calls: int
    offered: int
    points: int
    removed: dict[str, int]
    pairs: int
    train: int
    validation: int
    reworded: int
    transfer: int
    kept: int
    seconds: float
    teacher: str
    planned: int = 0
    ended: Ended = "planned"
    lost: int = 0
    examples: dict[str, tuple[GateExample, ...]] = {}
    rewordings: Rewordings = Rewordings()

    _formerly = model_validator(mode="before")(renamed)

    def counted(self, pairs: Sequence[Pair]) -> Distilled:
        """The same result with the counts of what can be used of these pairs."""
        return self.model_copy(update=_counts(pairs))


def _counts(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs can be used, in all and by what for; what no teacher makes is left out."""
    usable = [pair for pair in pairs if pair.status != "rejected" and pair.part not in OUTSIDE]
    return {
        "pairs": len(usable),
        "train": sum(pair.split == "train" for pair in usable),
        "validation": sum(pair.split == "validation" for pair in usable),
        "reworded": sum(pair.part == "reworded" for pair in usable),
        "transfer": sum(pair.part == "transfer" for pair in usable),
    }


class CorpusRecord(Value):
    """The plan of the corpus that a course uses, and what came of it."""

    plan: DistilPlan
    result: Distilled


CORPUS = ResultKind("distil", CorpusRecord)


OUTSIDE = ("natural", "uploaded")
"""Parts of the exam that no teacher makes: a run does not count them."""


class CorpusDraft:
    """The pairs of one run as they grow: distinct, stored at once, counted.

    What an earlier, unfinished run of the same plan stored is taken over as it comes by again.

    Args:
        course: The course.
        plan: What to make.
        name: The plan's name (``fingerprint``); the draft is kept under it.
        store: Where the draft lies; the corpus in use is not touched before ``finish``.
    """

    def __init__(self, course: Course, plan: DistilPlan, name: str, store: Store) -> None:
        self.course, self.plan, self.name, self.store = course, plan, name, store
        self.asked = self.failed = self.offered = self.points = self.lost = 0
        self.ended: Ended = "planned"
        self.examples: dict[str, tuple[GateExample, ...]] = {}
        self.rewordings = Rewordings()
        self.removed: Counter[str] = Counter()
        self._distinct = Distinct()
        self._stored = {pair.id for pair in store.open_draft(course.id, name)}
        self._made: list[Pair] = []

    @property
    def full(self) -> bool:
        """Whether the plan's number of pairs is reached."""
        return len(self._made) >= self.plan.pairs

    @property
    def wanted(self) -> int:
        """How many more points the plan's number of pairs takes, by what each gave so far."""
        each = len(self._made) / self.points if self.points else self.plan.pairs / self.plan.points
        return math.ceil((self.plan.pairs - len(self._made)) / each)

    @property
    def made(self) -> int:
        """Pairs so far."""
        return len(self._made)

    def take(self, account: Account) -> None:
        """Take over what a model's run says of the questions that it asked for."""
        self.asked, self.failed = account.calls, account.failed_calls
        self.offered, self.lost = account.asked, account.failed
        self.removed = Counter(account.refused)
        self.examples = {gate: tuple(found) for gate, found in account.examples.items()}

    def keep(self, points: Iterable[PromptedPoint]) -> int:
        """Keep the pairs of a model's points until the draft is full; how many were not needed."""
        left = 0
        for point in points:
            if self.full:
                left += 1
                continue
            self.points += 1
            self._keep(taught_pairs(point, self.course.language, self.plan.split))
        return left

    def add(self, points: Iterable[Point], teacher: str) -> None:
        """Keep the pairs of each point that says something new, until the draft is full."""
        for point in points:
            if self.full:
                return
            self.offered += 1
            if self._distinct.admit(point):
                self.points += 1
                self._keep(pairs_of(point, self.course.language, self.plan.split, teacher))
            else:
                self.removed["repeated"] += 1

    def _keep(self, pairs: Sequence[Pair]) -> None:
        new = [pair for pair in pairs if pair.id not in self._stored]
        if new:
            self.store.extend_draft(self.course.id, self.name, new, first=len(self._made))
        self._made += pairs

    def settled(self, natural: Sequence[Pair]) -> list[Pair]:
        """The corpus as it would be put in use now, with people's judgements and the guard's."""
        used = self.store.saved(self.course.id, CORPUS)
        same_plan = used is not None and used.inputs == self.name
        old = self.store.pairs(self.course.id)
        return renewed(old, [*self._made, *natural], same_plan=same_plan)[0]

    def finish(self, seconds: float, teacher: str, natural: Sequence[Pair] = ()) -> Distilled:
        """Put the draft in use in the place of the old corpus, all at once, with ``natural``."""
        made: list[Distilled] = []

        def make(old: list[Pair], same_plan: bool) -> tuple[list[Pair], CorpusRecord]:
            pairs, removed = renewed(old, [*self._made, *natural], same_plan=same_plan)
            made.append(self._counted(pairs, removed, old, seconds, teacher))
            return pairs, CorpusRecord(plan=self.plan, result=made[-1])

        self.store.replace_corpus(self.course.id, self.name, CORPUS, make)
        return made[-1]

    def _counted(
        self,
        pairs: Sequence[Pair],
        removed: Counter[str],
        old: Sequence[Pair],
        seconds: float,
        teacher: str,
    ) -> Distilled:
        usable = [pair for pair in pairs if pair.status != "rejected" and pair.part not in OUTSIDE]
        before = {pair.id for pair in old if judged(pair)}
        return Distilled(
            asked=self.asked,
            failed_calls=self.failed,
            offered=self.offered,
            points=self.points,
            removed=dict(self.removed + removed),
            **_counts(pairs),
            kept=sum(p.id in before for p in usable),
            seconds=seconds,
            teacher=teacher,
            planned=self.plan.pairs,
            ended=self.ended,
            lost=self.lost,
            examples=self.examples,
            rewordings=self.rewordings,
        )


def renewed(
    old: Sequence[Pair], made: Sequence[Pair], *, same_plan: bool
) -> tuple[list[Pair], Counter[str]]:
    """The corpus after a run: merged with what people judged, then guarded as a whole.

    Returns:
        The pairs in order, those that a gate took out rejected by it, and how many each took.
    """
    pairs, left_out = merge(old, made, same_plan=same_plan)
    wordings = same_wording(pairs)
    pairs = marked(pairs, wordings)
    found = held_back(pairs)
    removed = Counter([*wordings.values(), *found.values(), *["asked_before"] * len(left_out)])
    return marked(pairs, found), removed
