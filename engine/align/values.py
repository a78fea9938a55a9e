"""What an alignment finds: each arm's figures and lessons."""

from __future__ import annotations

from engine.align.items import ChoiceItem
from engine.align.plan import ALWAYS, AlignPlan, Arm
from engine.align.rationales import Rationale
from engine.language import rules
from engine.schema import Figure, Language, Value

CHANCE = 0.25
"""Accuracy of guessing among four options."""


class LessonRow(Value):
    """A question with the book's answer and a reason (empty: none); ``pair`` is the corpus's.

    The book's answer comes first, then the reason. ARTE has the reason first, since its student
    writes one before it answers; here an option is judged as the reply's beginning, and a course's
    student is to answer first.
    """

    pair: str
    question: str
    answer: str
    reason: str = ""

    def words(self, language: Language) -> tuple[str, str]:
        """Question and reply as they are shown and taught: it is asked to explain if it does."""
        if not self.reason:
            return self.question, self.answer
        why = rules(language).says("align")["why"]
        return f"{self.question} {why}", f"{self.answer}\n{self.reason}"


def lesson_of(item: ChoiceItem, rationale: Rationale) -> LessonRow:
    """The lesson that a rationale makes of its item."""
    texts = {"question": item.question, "answer": item.answer, "reason": rationale.text}
    return LessonRow(pair=item.pair, **texts)


class ArmResult(Value):
    """What one arm's student did on the test.

    ``right`` is 0 or 1 for each test item; ``gain`` the paired difference against ``random``,
    ``over_untouched`` against the student before any lesson (None for these arms themselves);
    ``share`` the mean probability of the right option; ``calls`` what it takes to get its lessons:
    texts written and items read; ``minutes`` those of its student's training and test.
    """

    arm: Arm
    accuracy: Figure
    gain: Figure | None = None
    over_untouched: Figure | None = None
    right: tuple[int, ...]
    share: float = 0.0
    rows: int
    calls: int
    minutes: float
    note: str = ""
    lessons: tuple[LessonRow, ...] = ()

    @property
    def helps(self) -> bool:
        """Whether its student beats the untouched and the randomly taught one, beyond chance."""
        against = self.gain, self.over_untouched
        return self.arm not in ALWAYS and all(f is not None and f.low > 0 for f in against)


class AlignResult(Value):
    """All arms, the pools' sizes, and the mean preference score of each style.

    ``base`` is the student's. ``questions`` counts the questions on all drafts' points.
    ``overlap`` is the share of test items whose right option is the most like its question in
    words: what a rule without a model gets. ``weak_teacher``: the teacher was the base itself.
    ``skipped`` says why by arm.
    """

    arms: tuple[ArmResult, ...]
    styles: dict[str, float]
    base: str
    drafts: int
    questions: int
    preference: int
    test: int
    overlap: Figure
    teacher: str
    weak_teacher: bool
    skipped: dict[Arm, str]
    verdict: str
    plan: AlignPlan
