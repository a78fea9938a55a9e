"""What an exam found: figures with intervals, gains, and the verdict against the best baseline.

A verdict is a code with numbers; screens put it into words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from engine.corpus import ExerciseCount
from engine.exam.contrast import Contrast, EarlierRun, contrasts_of
from engine.judge import Scores, interval, paired
from engine.schema import EXAM_PARTS, Figure, Pair, PartName, Value
from engine.store import ResultKind

Mark = Literal["right", "partly", "wrong"]
WORTH: Mapping[Mark, float] = {"right": 1.0, "partly": 0.5, "wrong": 0.0}


class Graded(Value):
    """One exam answer: who gave it, to which pair, and its scores.

    ``points`` is the share of the reference's points that it makes (``exam.points``), None in
    exams from before; ``mark`` is a judge's, None where none was asked or its call failed.
    """

    pair: str
    model: str
    book: bool
    answer: str
    scores: Scores
    points: float | None = None
    mark: Mark | None = None


class ExamRow(Value):
    """Figures of one model in one condition on one part of the exam."""

    part: PartName
    model: str
    book: bool
    figures: dict[str, Figure]


class Gain(Value):
    """Student minus base on the same questions, one metric, one part, one condition."""

    part: PartName
    book: bool
    metric: str
    difference: Figure


Verdict = Literal["better", "worse", "noise", "few"]
FEWEST = 5
"""Questions from which on a part, or a chapter, gets a verdict: below, it is ``few``."""

BASELINES = (("base", False), ("base", True), ("lookup", False), ("book", True))
"""Who could stand in for the student: its base, a lookup, a sentence of the book. The base has the
book at hand only where the student has it."""
BY_HEART = "reworded"
"""The part that asks what was taught, from memory; on others the student has the book where it sat
with it, as it is asked in use."""


class Baseline(Value):
    """The baseline with the highest token F1 on a part, and the student's minus its.

    The best is picked on the very questions it is compared on, which favours the baseline.
    ``reads`` says whether the student had the book at hand (see ``BY_HEART``).
    """

    part: PartName
    model: str
    book: bool
    reads: bool = False
    difference: Figure

    @property
    def verdict(self) -> Verdict:
        """Whether the student answers better than the best baseline, beyond chance."""
        return verdict_of(self.difference)


def verdict_of(difference: Figure) -> Verdict:
    """What a difference says: nothing below ``FEWEST`` questions, however far it is from zero."""
    if difference.n < FEWEST:
        return "few"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "noise"


class ExamReport(Value):
    """All figures of an exam, and the answers they come from; ``run`` is the student's.

    ``unmarked`` counts answers that a judge was asked to mark and did not.
    ``verdicts`` maps a part to the student's against the best baseline, see ``baselines``.
    ``exercises`` says what the natural part is made from (None: an exam from before it).
    ``chapters`` maps a chapter's title to the student's gain in token F1 (closed book, reworded).
    ``contrasts`` compare the student with and without one thing; ``earlier`` is the run for that.
    """

    rows: tuple[ExamRow, ...]
    gains: tuple[Gain, ...]
    verdicts: dict[PartName, Verdict]
    baselines: dict[PartName, Baseline] = {}
    chapters: dict[str, Figure] = {}
    answers: tuple[Graded, ...]
    questions: dict[PartName, int]
    failed: int = 0
    unmarked: int = 0
    run: str = ""
    exercises: ExerciseCount | None = None
    contrasts: tuple[Contrast, ...] = ()
    earlier: EarlierRun | None = None

    @property
    def worth_asking(self) -> bool:
        """Whether the student beat every baseline, beyond chance, as people outside ask.

        The transfer part asks in our own wordings: who wins there need not serve a learner.
        """
        return self.verdicts.get("natural") == "better"

    def gain(self, part: str, metric: str = "f1") -> Figure:
        """Student minus base on a part, closed book.

        Raises:
            StopIteration: base and student were not both examined on it.
        """
        return next(
            g.difference for g in self.gains if g.part == part and not g.book and g.metric == metric
        )


def summarise(
    pairs: Sequence[Pair], answers: Sequence[Graded], failed: int, chapters: Mapping[str, str]
) -> ExamReport:
    """The figures of every examinee on every part; ``chapters`` maps a section to its title."""
    table = {(a.model, a.book, a.pair): a.scores for a in answers}
    graded = {(a.model, a.book, a.pair): a for a in answers}
    conditions = list(dict.fromkeys((a.model, a.book) for a in answers))
    parts = {part: [pair for pair in pairs if pair.part == part] for part in EXAM_PARTS}
    parts = {part: own for part, own in parts.items() if own}
    rows, gains = [], []
    for part, own in parts.items():
        for model, book in conditions:
            sat = [graded[model, book, pair.id] for pair in own]
            rows.append(ExamRow(part=part, model=model, book=book, figures=_figures(sat)))
        gains += _gains(part, own, table)
    baselines = {part: best for part, own in parts.items() if (best := _baseline(part, own, table))}
    return ExamReport(
        rows=tuple(rows),
        gains=tuple(gains),
        verdicts={part: baseline.verdict for part, baseline in baselines.items()},
        baselines=baselines,
        chapters=_by_chapter(parts.get("reworded", []), table, chapters),
        answers=tuple(answers),
        questions={part: len(own) for part, own in parts.items()},
        failed=failed,
        contrasts=contrasts_of(parts, table),
    )


def _figures(answers: Sequence[Graded]) -> dict[str, Figure]:
    """Means by measure; ``points`` and ``right`` (a judge's) over those that have one."""
    columns = {name: [getattr(a.scores, name) for a in answers] for name in Scores.model_fields}
    columns["points"] = [a.points for a in answers if a.points is not None]
    columns["right"] = [WORTH[a.mark] for a in answers if a.mark]
    return {name: interval(values) for name, values in columns.items() if values}


Table = Mapping[tuple[str, bool, str], Scores]


def _gains(part: str, pairs: Sequence[Pair], table: Table) -> list[Gain]:
    found = []
    for book in (False, True):
        if ("student", book, pairs[0].id) not in table or ("base", book, pairs[0].id) not in table:
            continue
        for metric in ("f1", "rouge_l", "cosine"):
            mine = [getattr(table["student", book, p.id], metric) for p in pairs]
            theirs = [getattr(table["base", book, p.id], metric) for p in pairs]
            difference = paired(mine, theirs)
            found.append(Gain(part=part, book=book, metric=metric, difference=difference))
    return found


def _baseline(part: str, pairs: Sequence[Pair], table: Table) -> Baseline | None:
    """The best who could stand in for the student; None without a student or a baseline."""
    first = pairs[0].id
    reads = part != BY_HEART and ("student", True, first) in table
    sat = [who for who in BASELINES if (*who, first) in table and (reads or who != ("base", True))]
    if not sat or ("student", reads, first) not in table:
        return None
    scores = {(model, book): [table[model, book, p.id].f1 for p in pairs] for model, book in sat}
    best = max(sat, key=lambda who: sum(scores[who]))
    mine = [table["student", reads, p.id].f1 for p in pairs]
    difference = paired(mine, scores[best])
    return Baseline(part=part, model=best[0], book=best[1], reads=reads, difference=difference)


def _by_chapter(
    pairs: Sequence[Pair], table: Table, chapters: Mapping[str, str]
) -> dict[str, Figure]:
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(chapters.get(pair.section, pair.section), []).append(pair)
    found = {}
    for title, own in groups.items():
        if all((m, False, p.id) in table for p in own for m in ("student", "base")):
            mine = [table["student", False, p.id].f1 for p in own]
            found[title] = paired(mine, [table["base", False, p.id].f1 for p in own])
    return found


EXAM = ResultKind("exam", ExamReport)
"""The course's exam, of the student that was current then."""
