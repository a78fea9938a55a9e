"""What a distillation run is to make: its plan, and the passages it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from engine.course import SplitPlan, taught_sections
from engine.schema import Document, Level, PairKind, Passage, Section, Value

BOOK_KINDS: tuple[PairKind, ...] = (
    "definition",
    "cause",
    "comparison",
    "procedure",
    "enumeration",
    "fact",
    "summary",
)
"""Kinds that the offline teacher knows, too."""
ALL_KINDS: tuple[PairKind, ...] = (
    *BOOK_KINDS,
    "misconception",
    "numeric",
    "dialogue",
    "unanswerable",
)
Recipe = Literal["grid", "coursegpt"]
"""How an LLM teacher is led: see ``engine.distil.prompted``."""
OF_A_MODEL = ("recipe", "seeds", "judge", "judge_floor", "rewordings")
"""Choices that the extractive teacher knows nothing of: they are no part of its corpus's name."""


class DistilPlan(Value):
    """The designer's choices for a corpus.

    ``pairs`` counts all pairs (training, validation and exam); ``sections`` empty means all that
    are taught; ``teacher`` is the kind of teacher: extractive, endpoint or embedded. The rest is
    for a model: ``prompt`` is a wish for its questions, ``recipe`` how it is led, ``seeds`` an
    uploaded pool of example questions (empty: the book's exercises, or ours), ``judge`` whether
    four dimensions are scored, ``judge_floor`` the overall score (1 to 10) below which a point is
    left out, once the judge is audited (0: never), ``rewordings`` how many taught facts the exam
    asks in a learner's words (an endpoint's teacher alone can do that).
    """

    pairs: int = Field(default=1600, ge=10, le=200_000)
    kinds: tuple[PairKind, ...] = ALL_KINDS
    sections: tuple[str, ...] = ()
    teacher: str = "extractive"
    prompt: str = ""
    split: SplitPlan = SplitPlan()
    recipe: Recipe = "grid"
    seeds: tuple[str, ...] = Field(default=(), max_length=500)
    judge: bool = True
    judge_floor: int = Field(default=0, ge=0, le=10)
    rewordings: int = Field(default=60, ge=0, le=5000)

    @property
    def reworded(self) -> int:
        """Rewordings that are wanted of this teacher."""
        return self.rewordings if self.teacher == "endpoint" else 0

    @property
    def points(self) -> int:
        """Knowledge points that yield so many pairs."""
        if self.teacher == "extractive":
            return self.pairs
        return -(-self.pairs // WORDINGS[self.recipe])

    @property
    def made_from(self) -> dict[str, Any]:
        """What of the plan a corpus depends on, as JSON."""
        unused = set(OF_A_MODEL) if self.teacher == "extractive" else set()
        if not self.reworded:
            unused.add("rewordings")
        found = self.model_dump(mode="json", exclude=unused)
        split = found["split"]  # as it was named before, so that corpora keep their names
        return found | {"split": {"recall" if k == "reworded" else k: split[k] for k in split}}


class Gap(Value):
    """One cell of a corpus that a connected teacher is to fill.

    ``section`` is a section or a chapter (empty: all), ``level`` empty means any that suits the
    kind; ``points`` are wanted, each with its wordings.
    """

    section: str = ""
    kind: PairKind = "fact"
    level: Level | Literal[""] = ""
    points: int = Field(default=3, ge=1, le=50)
    teacher: str = "endpoint"


WORDINGS: dict[Recipe, int] = {"grid": 3, "coursegpt": 1}
"""Wordings of a point that are trained; one more is held out."""


def chosen_sections(documents: Sequence[Document], plan: DistilPlan) -> list[Section]:
    """The sections that the run reads, in reading order."""
    wanted = set(plan.sections)
    return [s for s in taught_sections(documents) if not wanted or s.id in wanted]


def chosen_passages(
    documents: Sequence[Document], passages: Sequence[Passage], plan: DistilPlan
) -> dict[str, list[Passage]]:
    """Section id to the passages that an LLM teacher reads of it, in reading order.

    Passages that are too short to ask about are left out, but no taught section is left without.
    """
    found: dict[str, list[Passage]] = {s.id: [] for s in chosen_sections(documents, plan)}
    for passage in passages:
        if passage.section in found:
            found[passage.section].append(passage)
    return {section: _worth_asking(own) for section, own in found.items() if own}


def _worth_asking(own: Sequence[Passage]) -> list[Passage]:
    long = [passage for passage in own if passage.tokens >= _SHORTEST]
    return long or [max(own, key=lambda passage: passage.tokens)]


_SHORTEST = 40
"""Tokens of a passage that is asked about by itself."""


def points_a_call(sections: int, plan: DistilPlan) -> int:
    """Points to ask for in one call: as few as let every section be asked."""
    return min(5, max(1, round(plan.points / max(1, sections))))
