"""A batch graded: by a closed check, or by opinion, verdicts and flags together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import TeacherError
from engine.grade.calibrate import Calibration
from engine.grade.closed import Outcome, grade_choice, grade_number
from engine.grade.features import Features
from engine.grade.feedback import (
    Advice,
    advise,
    advise_closed,
    advise_flagged,
    is_right,
    says_wrong,
    where_to_read,
)
from engine.grade.guard import guard
from engine.grade.items import Grade, Item, Submission
from engine.grade.prior import prior
from engine.grade.rubric import RubricResult, mark
from engine.grade.scorer import TOLERANCE, Prediction, Scorer
from engine.language import any_pattern, languages
from engine.llm import Chat
from engine.progress import Report, silent
from engine.schema import Language
from engine.search import Index
from engine.text import language_of

CLOSED = ("choice", "numeric")
_UNSURE = 0.5
_SURE = 1.0
_HITS = 8


@dataclass
class Grader:
    """Everything that was learned from the graded answers; make one with ``prepare``."""

    items: Mapping[str, Item]
    features: Features
    scorers: Mapping[str, Scorer] = field(default_factory=dict)
    labelled: frozenset[str] = frozenset()

    @property
    def calibrations(self) -> tuple[Calibration, ...]:
        """What was measured on held-out graded answers, for labels and for scores."""
        return tuple(c for scorer in self.scorers.values() for c in scorer.calibrations)

    def predictions(
        self, submissions: Sequence[Submission], report: Report
    ) -> dict[str, Prediction]:
        """The scorer's opinion on each open answer, by answer id."""
        found: dict[str, Prediction] = {}
        for outcome in ("label", "score"):
            some = [s for s in submissions if (s.item_id in self.labelled) == (outcome == "label")]
            if some and (scorer := self.scorers.get(outcome)):
                predictions = scorer.judge(some, report)
            elif some:
                rows = self.features.matrix(some, report)
                predictions = prior(dict(self.items), some, rows, outcome == "label")
            else:
                continue
            found |= {o.answer_id: o for o in predictions}
        return found


@dataclass
class BatchGrader:
    """Grades a batch of answers with what is at hand."""

    grader: Grader
    chat: Chat | None
    index: Index | None
    language: Language | None
    doubles: Mapping[str, str]

    def grades(self, batch: Sequence[Submission]) -> list[Grade]:
        """One grade for each answer, in order.

        Raises:
            TeacherRefused: the endpoint refuses altogether.
        """
        items = self.grader.items
        closed = [s for s in batch if items[s.item_id].kind in CLOSED]
        open_ones = [s for s in batch if items[s.item_id].kind not in CLOSED]
        found = {s.answer_id: self._closed(s) for s in closed}
        predictions = self.grader.predictions(open_ones, silent)
        marks = self._marks(open_ones)
        for s in open_ones:
            found[s.answer_id] = self._open(s, predictions[s.answer_id], marks.get(s.answer_id))
        return [found[s.answer_id] for s in batch]

    def _marks(self, batch: Sequence[Submission]) -> dict[str, RubricResult | TeacherError]:
        if self.chat is None:
            return {}
        items = self.grader.items
        found: dict[str, RubricResult | TeacherError] = {}
        for language in languages():
            some = [
                s
                for s in batch
                if items[s.item_id].kind == "rubric"
                and items[s.item_id].rubric
                and language_of(items[s.item_id].question) == language
            ]
            found |= {s.answer_id: o for s, o in mark(items, some, self.chat, language)}
        return found

    def _closed(self, submission: Submission) -> Grade:
        item = self.grader.items[submission.item_id]
        outcome = _outcome(item, submission.answer)
        labelled = item.item_id in self.grader.labelled
        right = outcome == "correct"
        flags = self._flags(item, submission, closed=True)
        doubtful = outcome in ("unparsed", "unit") or bool(flags)
        return self._grade(
            submission,
            advise_closed(outcome, self._language(item)),
            score=None if labelled else item.top * right,
            label=_closed_label(item, right) if labelled else None,
            confidence=_UNSURE if doubtful else _SURE,
            promise=0.0 if doubtful else _SURE,
            accepted=not doubtful,
            flags=flags,
        )

    def _open(
        self,
        submission: Submission,
        prediction: Prediction,
        marked: RubricResult | TeacherError | None,
    ) -> Grade:
        item = self.grader.items[submission.item_id]
        flags = self._flags(item, submission)
        if isinstance(marked, TeacherError):
            flags, marked = (*flags, "teacher_failed"), None
        score, label = prediction.score, prediction.label
        confidence, promise = prediction.confidence, prediction.promise
        if marked is not None and label is None:
            # two graders of different kinds: alone neither the model's verdicts nor a scorer that
            # has not seen this rubric is calibrated, so only their agreement is accepted
            agree = abs(marked.score - (score or 0)) <= TOLERANCE * item.top + 1e-9
            score, promise = marked.score, promise if agree and not marked.unquoted else 0.0
            confidence = confidence if agree else min(confidence, _UNSURE)
        elif marked is not None:
            agree = is_right(label or "", item.labels) == (marked.score >= item.top)
            promise = promise if agree else 0.0
        share = (score or 0) / item.top if label is None else float(is_right(label, item.labels))
        criteria = marked.criteria if marked is not None else ()
        advice = advise(
            item,
            submission.answer,
            self.grader.features,
            share=share,
            label=label,
            criteria=criteria,
            language=self._language(item),
        )
        found = self._grade(
            submission,
            advice,
            score=score,
            label=label,
            confidence=confidence,
            promise=0.0 if flags else promise,
            accepted=prediction.accepted and promise > 0 and not flags,
            flags=flags,
        )
        return found.model_copy(update={"criteria": criteria})

    def _flags(
        self, item: Item, submission: Submission, *, closed: bool = False
    ) -> tuple[str, ...]:
        if closed:
            return ("empty",) if not submission.answer.strip() else ()
        flags = guard(item, submission.answer)
        return (*flags, "duplicate") if submission.answer_id in self.doubles else flags

    def _grade(
        self,
        submission: Submission,
        advice: Advice,
        *,
        score: float | None,
        label: str | None,
        confidence: float,
        promise: float,
        accepted: bool,
        flags: tuple[str, ...],
    ) -> Grade:
        item = self.grader.items[submission.item_id]
        if flags:
            advice = advise_flagged(flags, advice, self._language(item))
        section, page, where = "", 0, ""
        if advice.errors and not flags and (item.section or self.index is not None):
            section, page, where = self._section(item)
        return Grade(
            answer_id=submission.answer_id,
            score=score,
            label=label,
            confidence=round(confidence, 4),
            promise=round(promise, 4),
            status="accepted" if accepted else "review",
            errors=advice.errors,
            feedback=advice.told(where, self._language(item)),
            flags=flags,
            section=section,
            page=page,
        )

    def _section(self, item: Item) -> tuple[str, int, str]:
        """Section and page that speak of the item, with the sentence that says so."""
        if item.section:
            where = where_to_read(item.section, item.page, self._language(item))
            return item.section, item.page, where
        assert self.index is not None
        hits = self.index.search(" ".join([item.question, *item.references[:1]]), _HITS)
        if not hits:
            return "", 0, ""
        teaching = [hit.passage for hit in hits if not _only_repeats(hit.passage.title)]
        passage = teaching[0] if teaching else hits[0].passage
        where = where_to_read(passage.title, passage.page_start, self._language(item))
        return passage.section, passage.page_start, where

    def _language(self, item: Item) -> Language:
        return self.language or language_of(item.question)


def _only_repeats(title: str) -> bool:
    """Whether a section's title says that it repeats or asks, but does not explain."""
    pattern = any_pattern("language", "titles", "repeating", form=r"^(?:[\d.]+\s*)?(?:{})")
    return pattern.match(title) is not None


def _outcome(item: Item, answer: str) -> Outcome:
    if item.kind == "choice":
        return grade_choice(answer, item.references, item.choices)
    return grade_number(answer, item.references, item.tolerance)


def _closed_label(item: Item, right: bool) -> str:
    labels = item.labels or ("correct", "incorrect")
    fit = [name for name in labels if is_right(name, labels) == right]
    plain = [name for name in fit if says_wrong(name)]
    return (plain or fit or list(labels))[0]
