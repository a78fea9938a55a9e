"""The verb ``grade``: closed items exactly, open ones by rubric or scorer, doubts to a person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import BadInput, TeacherError
from engine.grade.calibrate import Calibration
from engine.grade.closed import Outcome, grade_choice, grade_number
from engine.grade.features import Features
from engine.grade.feedback import (
    Advice,
    advise,
    advise_closed,
    advise_flagged,
    is_right,
    where_to_read,
)
from engine.grade.guard import duplicates, guard
from engine.grade.items import Grade, Item, Submission, check, read_grades
from engine.grade.prior import prior
from engine.grade.rubric import Marked, mark
from engine.grade.scorer import FEWEST, TOLERANCE, Opinion, Scorer
from engine.llm import Chat
from engine.progress import Report, silent
from engine.schema import Language, Progress
from engine.search import Index
from engine.text import language_of

BATCH = 64
_CLOSED = ("choice", "numeric")
_UNSURE = 0.5
_SURE = 1.0


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

    def opinions(self, submissions: Sequence[Submission], report: Report) -> dict[str, Opinion]:
        """The scorer's opinion on each open answer, by answer id."""
        found: dict[str, Opinion] = {}
        for outcome in ("label", "score"):
            some = [s for s in submissions if (s.item_id in self.labelled) == (outcome == "label")]
            if some and (scorer := self.scorers.get(outcome)):
                opinions = scorer.judge(some, report)
            elif some:
                rows = self.features.matrix(some, report)
                opinions = prior(dict(self.items), some, rows, outcome == "label")
            else:
                continue
            found |= {o.answer_id: o for o in opinions}
        return found


def prepare(
    items: Iterable[Item],
    graded: Sequence[Submission] = (),
    *,
    target_agreement: float = 0.9,
    base: Callable[[], Path] | None = None,
    folder: Path | None = None,
    report: Report = silent,
) -> Grader:
    """Learn from the graded answers; with none, or too few, the reference judge stands in.

    Args:
        items: Every item that is named.
        graded: Answers with a person's score or label.
        target_agreement: Share of accepted answers on which a person must agree, in (0, 1).
        base: Gives MiniLM's folder (``engine.models.minilm``); None: features only.
        folder: Where trained models are kept.
        report: Told of the training; may raise ``Cancelled``.

    Raises:
        BadInput: a graded answer that does not fit its item, or a target outside (0, 1).
    """
    if not 0 < target_agreement < 1:
        raise BadInput(
            f"The target agreement {target_agreement:g} is not between 0 and 1.",
            code="grade.target",
            next="Give a share such as 0.9.",
            target=target_agreement,
        )
    known = {item.item_id: _readable(item) for item in items}
    check(graded, known.values(), graded=True)
    taught = [s for s in graded if known[s.item_id].kind not in _CLOSED]
    scorers: dict[str, Scorer] = {}
    vectors: dict[str, Any] = {}
    for outcome in ("label", "score"):
        some = [s for s in taught if (s.label is not None) == (outcome == "label")]
        if len(some) >= FEWEST and len({s.label or s.score for s in some}) > 1:
            scorers[outcome] = Scorer.fit(
                list(known.values()),
                some,
                target_agreement=target_agreement,
                base=base,
                folder=folder,
                vectors=vectors,
                report=report,
            )
    labelled = _labelled(known.values(), taught)
    features = Features(known.values(), [s.answer for s in taught], vectors)
    return Grader(known, features, scorers, labelled)


def grade(
    items: Iterable[Item],
    submissions: Sequence[Submission],
    graded: Sequence[Submission] = (),
    *,
    chat: Chat | None = None,
    index: Index | None = None,
    language: Language | None = None,
    target_agreement: float = 0.9,
    base: Callable[[], Path] | None = None,
    folder: Path | None = None,
    done: Collection[str] = (),
    report: Report = silent,
    grader: Grader | None = None,
) -> Iterator[Grade]:
    """The grade of each answer, in order, as they come.

    Args:
        items: Every item that is named.
        submissions: What learners answered.
        graded: Answers with a person's grades, on these or other items.
        chat: A language model for items with a rubric; None: the scorer grades these too.
        index: The course, to say where to read.
        language: Of the feedback; None: that of each answer's item.
        target_agreement: Share of accepted answers on which a person must agree.
        base: See ``prepare``; so is ``folder``.
        folder: Where trained models are kept.
        done: Ids of answers graded before: skipped, but still compared for near-duplicates.
        report: Told of each stage; may raise ``Cancelled``, which loses nothing yielded before.
        grader: A prepared one, if the caller has it already (its calibration is what screens show).

    Raises:
        BadInput: an answer or a graded answer does not fit its item.
        TeacherRefused: the endpoint refuses altogether.
    """
    items = list(items)
    check(submissions, items)
    todo = [s for s in submissions if s.answer_id not in set(done)]
    if not todo:
        return
    grader = grader or prepare(
        items,
        graded,
        target_agreement=target_agreement,
        base=base,
        folder=folder,
        report=report,
    )
    desk = _Desk(grader, chat, index, language, duplicates(submissions))
    for start in range(0, len(todo), BATCH):
        report(Progress(stage="grade", done=start, total=len(todo)))
        yield from desk.grades(todo[start : start + BATCH])
    report(Progress(stage="grade", done=len(todo), total=len(todo)))


def grade_to_file(
    out: Path,
    items: Iterable[Item],
    submissions: Sequence[Submission],
    graded: Sequence[Submission] = (),
    *,
    chat: Chat | None = None,
    index: Index | None = None,
    language: Language | None = None,
    target_agreement: float = 0.9,
    base: Callable[[], Path] | None = None,
    folder: Path | None = None,
    report: Report = silent,
) -> list[Grade]:
    """Write one grade a line to ``out``; answers that it holds already are not graded again.

    Returns:
        All grades of the file that belong to ``submissions``, old and new.

    Raises:
        BadInput: see ``grade``; or ``out`` holds something other than grades.
    """
    kept = read_grades(out)
    wanted = {s.answer_id for s in submissions}
    _drop_torn_line(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    found = [g for g in kept if g.answer_id in wanted]
    with out.open("a", encoding="utf-8") as file:
        for new in grade(
            items,
            submissions,
            graded,
            chat=chat,
            index=index,
            language=language,
            target_agreement=target_agreement,
            base=base,
            folder=folder,
            done={g.answer_id for g in kept},
            report=report,
        ):
            file.write(new.model_dump_json(exclude_none=True) + "\n")
            file.flush()
            found.append(new)
    return found


@dataclass
class _Desk:
    """Grades a batch of answers with what is at hand."""

    grader: Grader
    chat: Chat | None
    index: Index | None
    language: Language | None
    doubles: Mapping[str, str]

    def grades(self, batch: Sequence[Submission]) -> list[Grade]:
        items = self.grader.items
        closed = [s for s in batch if items[s.item_id].kind in _CLOSED]
        open_ones = [s for s in batch if items[s.item_id].kind not in _CLOSED]
        found = {s.answer_id: self._closed(s) for s in closed}
        opinions = self.grader.opinions(open_ones, silent)
        marks = self._marks(open_ones)
        for s in open_ones:
            found[s.answer_id] = self._open(s, opinions[s.answer_id], marks.get(s.answer_id))
        return [found[s.answer_id] for s in batch]

    def _marks(self, batch: Sequence[Submission]) -> dict[str, Marked | TeacherError]:
        if self.chat is None:
            return {}
        items = self.grader.items
        found: dict[str, Marked | TeacherError] = {}
        for language in ("en", "zh"):
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
            accepted=not doubtful,
            flags=flags,
        )

    def _open(
        self, submission: Submission, opinion: Opinion, marked: Marked | TeacherError | None
    ) -> Grade:
        item = self.grader.items[submission.item_id]
        flags = self._flags(item, submission)
        if isinstance(marked, TeacherError):
            flags, marked = (*flags, "teacher_failed"), None
        score, label = opinion.score, opinion.label
        confidence, accepted = opinion.confidence, opinion.accepted
        if marked is not None and label is None:
            # two graders of different kinds: alone neither the model's verdicts nor a scorer that
            # has not seen this rubric is calibrated, so only their agreement is accepted
            agree = abs(marked.score - (score or 0)) <= TOLERANCE * item.top + 1e-9
            score, accepted = marked.score, accepted and agree and not marked.unquoted
            confidence = confidence if agree else min(confidence, _UNSURE)
        elif marked is not None:
            accepted = accepted and is_right(label or "", item.labels) == (marked.score >= item.top)
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
            accepted=accepted and not flags,
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
        accepted: bool,
        flags: tuple[str, ...],
    ) -> Grade:
        item = self.grader.items[submission.item_id]
        if flags:
            advice = advise_flagged(flags, advice, self._language(item))
        text, section, page = advice.text, "", 0
        if self.index is not None and advice.errors:
            section, page, where = self._section(item)
            text = f"{text} {where}".strip()
        return Grade(
            answer_id=submission.answer_id,
            score=score,
            label=label,
            confidence=round(confidence, 4),
            status="accepted" if accepted else "review",
            errors=advice.errors,
            feedback=text,
            flags=flags,
            section=section,
            page=page,
        )

    def _section(self, item: Item) -> tuple[str, int, str]:
        """Section and page that speak of the item, with the sentence that says so."""
        assert self.index is not None
        hits = self.index.search(" ".join([item.question, *item.references[:1]]), 1)
        if not hits:
            return "", 0, ""
        passage = hits[0].passage
        where = where_to_read(passage.title, passage.page_start, self._language(item))
        return passage.section, passage.page_start, where

    def _language(self, item: Item) -> Language:
        return self.language or language_of(item.question)


def _readable(item: Item) -> Item:
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


def _labelled(items: Iterable[Item], taught: Sequence[Submission]) -> frozenset[str]:
    """Items whose grade is a label: they list labels, or people gave them labels.

    An item of which nothing is told follows what people gave most.
    """
    by_label = {s.item_id for s in taught if s.label is not None}
    by_score = {s.item_id for s in taught if s.score is not None}
    mostly = 2 * sum(s.label is not None for s in taught) > len(taught)
    return frozenset(
        i.item_id
        for i in items
        if i.labels
        or i.item_id in by_label
        or (mostly and i.item_id not in by_score and i.max_score is None and not i.rubric)
    )


def _outcome(item: Item, answer: str) -> Outcome:
    if item.kind == "choice":
        return grade_choice(answer, item.references, item.choices)
    return grade_number(answer, item.references, item.tolerance)


def _closed_label(item: Item, right: bool) -> str:
    labels = item.labels or ("correct", "incorrect")
    fit = [name for name in labels if is_right(name, labels) == right]
    plain = [name for name in fit if name.lower() in {"incorrect", "wrong", "错误"}]
    return (plain or fit or list(labels))[0]


def _drop_torn_line(out: Path) -> None:
    """Cut a last line that a kill left half written."""
    if out.exists():
        data = out.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            out.write_bytes(whole)
