"""The exam: base against student, closed book and with retrieval, recall and transfer apart.

Every answer is asked for once (the ledger keeps it), so an exam that was killed goes on where it
stood. A verdict is a code with numbers; screens put it into words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal

from engine.duplicates import near_duplicates
from engine.errors import BadInput, Missing, TeacherError
from engine.judge import Scores, interval, judge_by_reference, paired
from engine.llm import Chat, Request
from engine.progress import Report, silent
from engine.prompts import AnswerPrompt
from engine.schema import Course, Evidence, Figure, Pair, Progress, Value, content_id
from engine.search import Index
from engine.tutor import closed_book, open_book

ANSWER_TOKENS = 80


class Graded(Value):
    """One exam answer: who gave it, to which pair, and its scores."""

    pair: str
    model: str
    book: bool
    answer: str
    scores: Scores


class ExamRow(Value):
    """Figures of one model in one condition on one part of the exam."""

    part: str
    model: str
    book: bool
    figures: dict[str, Figure]


class Gain(Value):
    """Student minus base on the same questions, one metric, one part, one condition."""

    part: str
    book: bool
    metric: str
    difference: Figure


Verdict = Literal["better", "worse", "noise"]


class ExamReport(Value):
    """All figures of an exam, and the answers they come from; ``run`` is the student's.

    ``chapters`` maps a section's title to the student's gain in token F1, closed book, recall part.
    """

    rows: tuple[ExamRow, ...]
    gains: tuple[Gain, ...]
    verdicts: dict[str, Verdict]
    chapters: dict[str, Figure] = {}
    answers: tuple[Graded, ...]
    questions: dict[str, int]
    failed: int = 0
    run: str = ""

    def gain(self, part: str, metric: str = "f1") -> Figure:
        """Student minus base on a part, closed book.

        Raises:
            StopIteration: base and student were not both examined on it.
        """
        return next(
            g.difference for g in self.gains if g.part == part and not g.book and g.metric == metric
        )


def read_questions(text: str, course: Course, trained: Sequence[str]) -> tuple[list[Pair], int]:
    """Exam pairs from a CSV with the columns ``question`` and ``answer`` (``section`` optional).

    Returns:
        The pairs, of part ``uploaded``, and how many were left out as near copies of ``trained``.

    Raises:
        BadInput: a column is missing, or no row is filled.
    """
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    if not rows or not {"question", "answer"} <= set(rows[0]):
        raise BadInput(
            "The exam needs the columns “question” and “answer”.",
            code="exam.columns",
            next="Name them in the first line of the CSV file.",
        )
    found = [_uploaded(row, course) for row in rows if row["question"] and row["answer"]]
    if not found:
        raise BadInput(
            "No row of the exam has both a question and an answer.",
            code="exam.empty",
            next="Fill both columns.",
        )
    near = near_duplicates([pair.question for pair in found], trained)
    return [pair for i, pair in enumerate(found) if i not in near], len(near)


def _uploaded(row: Mapping[str, str], course: Course) -> Pair:
    section = row.get("section") or ""
    return Pair(
        id=content_id("uploaded", row["question"], row["answer"]),
        question=row["question"].strip(),
        answer=row["answer"].strip(),
        kind="exercise",
        language=course.language,
        point=content_id(row["question"]),
        evidence=(Evidence(quote="", section=section, title=section),) if section else (),
        split="exam",
        part="uploaded",
        status="accepted",
        teacher="uploaded",
    )


def examine(
    models: Mapping[str, Chat],
    pairs: Sequence[Pair],
    *,
    index: Index | None,
    chapters: Mapping[str, str] | None = None,
    prompt: AnswerPrompt | None = None,
    report: Report = silent,
) -> ExamReport:
    """Ask every model every exam question, with and without the book, and compare.

    Args:
        models: Name to model; ``base`` and ``student`` are compared where both are there.
        pairs: Exam pairs (those of other splits are refused by assertion).
        index: The passages for the rows with retrieval; None leaves these rows out.
        chapters: Section id to chapter title, for the figures by chapter.
        prompt: The course's prompt for the rows with retrieval; None is the start.
        report: Called as answers come.

    Raises:
        Missing: there are no exam pairs.
    """
    if not pairs:
        raise Missing(
            "This course has no exam questions.",
            code="exam.none",
            next="Make a larger corpus, so that some questions can be kept for the exam.",
        )
    assert all(pair.split == "exam" for pair in pairs)
    books = (False, True) if index else (False,)
    conditions = [(name, book) for name in models for book in books]
    total = len(conditions) * len(pairs)
    answers: list[Graded] = []
    failed = 0
    for number, (name, book) in enumerate(conditions):
        given = _ask(
            models[name], pairs, index if book else None, prompt, number * len(pairs), total, report
        )
        failed += sum(text is None for text in given)
        answers += _grade(name, book, pairs, given)
    return _summarise(pairs, answers, failed, chapters or {})


def _ask(
    chat: Chat,
    pairs: Sequence[Pair],
    index: Index | None,
    prompt: AnswerPrompt | None,
    before: int,
    total: int,
    report: Report,
) -> list[str | None]:
    given: list[str | None] = [None] * len(pairs)
    requests = (_request(pair, index, prompt) for pair in pairs)
    for done, (i, outcome) in enumerate(chat.ask(requests), 1):
        given[i] = None if isinstance(outcome, TeacherError) else outcome.text.strip()
        message = f"{chat.model}: {pairs[i].question}"
        report(Progress(stage="answers", done=before + done, total=total, message=message))
    return given


def _request(pair: Pair, index: Index | None, prompt: AnswerPrompt | None) -> Request:
    messages = (
        closed_book(pair.question)
        if index is None
        else open_book(pair.question, index.search(pair.question, 2), pair.language, prompt)
    )
    return Request(messages=messages, max_tokens=ANSWER_TOKENS, may_be_cut=True, purpose="exam")


def _grade(
    name: str, book: bool, pairs: Sequence[Pair], given: Sequence[str | None]
) -> list[Graded]:
    texts = [text or "" for text in given]
    scores = judge_by_reference(texts, [pair.answer for pair in pairs])
    return [
        Graded(pair=pair.id, model=name, book=book, answer=text, scores=score)
        for pair, text, score in zip(pairs, texts, scores, strict=True)
    ]


def _summarise(
    pairs: Sequence[Pair], answers: Sequence[Graded], failed: int, chapters: Mapping[str, str]
) -> ExamReport:
    table = {(a.model, a.book, a.pair): a.scores for a in answers}
    conditions = list(dict.fromkeys((a.model, a.book) for a in answers))
    parts = {
        part: [pair for pair in pairs if pair.part == part]
        for part in ("recall", "transfer", "uploaded")
    }
    parts = {part: own for part, own in parts.items() if own}
    rows, gains = [], []
    for part, own in parts.items():
        for model, book in conditions:
            scores = [table[model, book, pair.id] for pair in own]
            rows.append(ExamRow(part=part, model=model, book=book, figures=_figures(scores)))
        gains += _gains(part, own, table)
    return ExamReport(
        rows=tuple(rows),
        gains=tuple(gains),
        verdicts={g.part: _verdict(g) for g in gains if g.metric == "f1" and not g.book},
        chapters=_by_chapter(parts.get("recall", []), table, chapters),
        answers=tuple(answers),
        questions={part: len(own) for part, own in parts.items()},
        failed=failed,
    )


def _figures(scores: Sequence[Scores]) -> dict[str, Figure]:
    columns = {name: [getattr(s, name) for s in scores] for name in Scores.model_fields}
    return {name: interval(values) for name, values in columns.items()}


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


def _verdict(gain: Gain) -> Verdict:
    if gain.difference.low > 0:
        return "better"
    return "worse" if gain.difference.high < 0 else "noise"


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
