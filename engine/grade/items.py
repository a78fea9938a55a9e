"""Items, submissions and grades: the nouns of grading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from engine.errors import BadInput
from engine.grade.closed import looks_numeric
from engine.schema import Value

ItemType = Literal["choice", "numeric", "short", "rubric"]
Status = Literal["accepted", "review"]
Verdict = Literal["met", "partly", "unmet"]


class Criterion(Value):
    """One line of a rubric and what it is worth."""

    criterion: str
    points: float = Field(default=1.0, ge=0)


class Item(Value):
    """A task set for learners.

    ``labels`` are the grades that a person gives instead of a score; ``choices`` the answers of a
    choice item; ``tolerance`` the relative error that a numeric answer may have. ``concept`` is
    what it tests, ``section`` (a title), ``page`` and ``quote`` where the course says the answer;
    ``assignment`` the set that it belongs to («Week 1»).
    """

    item_id: str
    question: str
    type: ItemType | None = None
    references: tuple[str, ...] = ()
    rubric: tuple[Criterion, ...] = ()
    max_score: float | None = Field(default=None, gt=0)
    labels: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    tolerance: float = Field(default=0.01, ge=0)
    assignment: str = ""
    concept: str = ""
    section: str = ""
    page: int = Field(default=0, ge=0)
    quote: str = ""

    @property
    def kind(self) -> ItemType:
        """The type given, or recognised: rubric, choice, numeric (all references), else short."""
        if self.type:
            return self.type
        if self.rubric:
            return "rubric"
        if self.choices:
            return "choice"
        numeric = self.references and all(looks_numeric(r) for r in self.references)
        return "numeric" if numeric else "short"

    @property
    def top(self) -> float:
        """The highest score: given, or the sum of the rubric's points, or 1."""
        return self.max_score or sum(c.points for c in self.rubric) or 1.0


class Submission(Value):
    """A learner's answer; ``score`` or ``label`` where a person has graded it.

    ``learner`` is who answered, if that is known: a name or number in a file, a pseudonym in the
    store.
    """

    answer_id: str
    item_id: str
    learner: str = ""
    answer: str = ""
    score: float | None = Field(default=None, allow_inf_nan=False)
    label: str | None = None

    @property
    def graded(self) -> bool:
        """Whether a person gave a grade."""
        return self.score is not None or self.label is not None


class Judged(Value):
    """One criterion: the verdict, and the words of the answer that it rests on."""

    criterion: str
    verdict: Verdict
    quote: str = ""


class Grade(Value):
    """The grade of one answer.

    Exactly one of ``score`` and ``label`` is set. ``confidence`` is the calibrated probability in
    [0, 1] that a person would agree (the same label, or a score within a tenth of the maximum).
    ``promise`` is the highest target agreement at which the answer would be accepted, 0 if at none.
    ``section`` and ``page`` say where to read, if the item or an index tells.
    """

    answer_id: str
    score: float | None = None
    label: str | None = None
    confidence: float = Field(ge=0, le=1)
    promise: float = Field(default=0.0, ge=0, le=1)
    status: Status = "review"
    criteria: tuple[Judged, ...] = ()
    errors: tuple[str, ...] = ()
    feedback: str = ""
    flags: tuple[str, ...] = ()
    section: str = ""
    page: int = 0

    @model_validator(mode="after")
    def _one_grade(self) -> Grade:
        if (self.score is None) == (self.label is None):
            raise ValueError("a grade has either a score or a label")
        return self


def check(
    submissions: Iterable[Submission], items: Iterable[Item], *, graded: bool = False
) -> None:
    """Whether each answer fits its item.

    Raises:
        BadInput: it does not; see ``read_submissions``.
    """
    known = {item.item_id: item for item in items}
    for submission in submissions:
        item = known.get(submission.item_id)
        if item is None:
            raise BadInput(
                f"Answer {submission.answer_id} is to item {submission.item_id}, which is missing.",
                code="grade.item",
                next="Add the item to the items file, or remove its answers.",
                answer=submission.answer_id,
                item=submission.item_id,
            )
        if graded:
            _check_grade(submission, item)


def _check_grade(given: Submission, item: Item) -> None:
    if not given.graded:
        raise BadInput(
            f"Answer {given.answer_id} among the graded answers has neither score nor label.",
            code="grade.ungraded",
            next="Give each graded answer a score or a label, or leave the row out.",
            answer=given.answer_id,
        )
    if given.label is not None and item.labels and given.label not in item.labels:
        raise BadInput(
            f"Label {given.label} of answer {given.answer_id} is not among the item's labels.",
            code="grade.label",
            next="Correct the label, or add it to the item's labels.",
            answer=given.answer_id,
            label=given.label,
            labels=", ".join(item.labels),
        )
    if given.score is not None and not 0 <= given.score <= item.top:
        raise BadInput(
            f"Score {given.score:g} of answer {given.answer_id} is not between 0 and {item.top:g}.",
            code="grade.score",
            next="Correct the score, or set the item's max_score.",
            answer=given.answer_id,
            score=given.score,
            top=item.top,
        )


def gradable(item: Item) -> Item:
    """The item, checked; a rubric without references is graded against its criteria's words.

    Raises:
        BadInput: there is nothing to grade against.
    """
    if item.references:
        return item
    if item.rubric:
        return item.model_copy(update={"references": tuple(c.criterion for c in item.rubric)})
    raise BadInput(
        f"Item {item.item_id} has neither references nor a rubric.",
        code="grade.reference",
        next="Give the item at least one reference answer, or a rubric.",
        item=item.item_id,
    )
