"""Exam questions from outside: exercises and past papers, read from a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from engine.duplicates import near_duplicates
from engine.errors import BadInput
from engine.schema import Course, Evidence, Pair, content_id


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
