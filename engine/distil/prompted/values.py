"""What passes between the parts of the LLM teacher: slots, proposals, and the account of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from engine.language import table
from engine.llm import Request
from engine.schema import Exchange, Language, Level, PairKind, Passage, Value

EXAMPLES = 3
"""Examples that are kept of each gate."""

Gate = Literal[
    "not_found",
    "wordings",
    "self_contained",
    "unanswerable",
    "in_book",
    "quote",
    "beside",
    "unsupported",
    "round_trip",
    "computed",
    "repeated",
    "judge",
    "surplus",
]
"""Where a question may be lost.

``not_found``: asked for, but the teacher found nothing more in the passage. ``wordings``: fewer
than two wordings that ask the same. ``self_contained``: not understandable without the passage.
``unanswerable``: the passage does not hold the answer; ``in_book``: it should not, but does.
``quote``: not in the passage. ``beside``: the answer answers another question. ``unsupported``: a
claim that the passage does not entail. ``round_trip``: answered otherwise when asked anew.
``computed``: the number is not what its expression gives. ``repeated``: asked or answered before.
``judge``: under the floor. ``surplus``: not needed any more.
"""


class Slot(Value):
    """One call for questions: what of the book it shows, and what it wants.

    ``passages`` are read in order, the first is the one asked about; empty where none is shown.
    ``cells`` are the kinds and levels wanted, one a question; ``teacher`` the index of the model.
    """

    section: str
    request: Request
    passages: tuple[Passage, ...] = ()
    cells: tuple[tuple[PairKind, Level], ...] = ()
    n: int
    teacher: int = 0


class Proposal(Value):
    """A question on its way to a pair, with all that is known of it so far.

    ``source`` are the passages that its answer has to come from. ``wrong`` is a misconception's
    belief, ``expression`` a numeric question's computation, ``turns`` the talk before. ``answer``,
    ``again`` (answered anew), ``cited`` (quotes that support it) and ``scores`` come later.
    """

    kind: PairKind
    level: Level = "understand"
    questions: tuple[str, ...]
    source: tuple[Passage, ...]
    quote: str = ""
    wrong: str = ""
    expression: str = ""
    turns: tuple[Exchange, ...] = ()
    teacher: int = 0
    section: str
    answer: str = ""
    again: str = ""
    cited: tuple[str, ...] = ()
    scores: dict[str, float] = {}

    @property
    def text(self) -> str:
        """The source as it is shown to a model."""
        return "\n\n".join(passage.text for passage in self.source)


class GateExample(Value):
    """A question that a gate took out, why, and in which section (its id) it was asked."""

    question: str
    reason: str
    section: str


class Account:
    """What became of every question that was asked for: made, refused by a gate, or failed.

    ``asked`` always equals what was made, refused and failed together.
    """

    def __init__(self) -> None:
        self.asked = self.made = self.failed = 0
        self.calls = self.failed_calls = 0
        self.refused: Counter[str] = Counter()
        self.examples: dict[str, list[GateExample]] = {}

    def refuse(
        self, gate: Gate, section: str, questions: Sequence[str] = (), reason: str = "", n: int = 1
    ) -> None:
        """Count what a gate took out, and keep the first examples."""
        if n <= 0:
            return
        self.refused[gate] += n
        if questions and len(kept := self.examples.setdefault(gate, [])) < EXAMPLES:
            kept.append(GateExample(question=questions[0], reason=reason, section=section))


def dialogue_text(turns: Sequence[Exchange], language: Language) -> str:
    """Earlier turns as lines of a talk; empty where there are none."""
    texts = table(language, "distil")
    return "\n".join(
        line
        for turn in turns
        for line in (
            texts["learner"].format(text=turn.question),
            texts["tutor"].format(text=turn.answer),
        )
    )
