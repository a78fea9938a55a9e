"""Items, submissions and grades, and the files that hold them (JSONL, or CSV with a header)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

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
    choice item; ``tolerance`` the relative error that a numeric answer may have.
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
    """A learner's answer; ``score`` or ``label`` where a person has graded it."""

    answer_id: str
    item_id: str
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
    ``section`` and ``page`` say where to read, if an index was given.
    """

    answer_id: str
    score: float | None = None
    label: str | None = None
    confidence: float = Field(ge=0, le=1)
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


Row = TypeVar("Row", Item, Submission, Grade)
_LISTS = ("references", "labels", "choices")


def read_items(path: Path) -> list[Item]:
    """The items of a file.

    Raises:
        BadInput: not readable, no rows, a row that is not an item, or an id twice.
    """
    items = _read(path, Item)
    _unique(path, "item_id", [item.item_id for item in items])
    return items


def read_submissions(
    path: Path, items: Sequence[Item], *, graded: bool = False
) -> list[Submission]:
    """The answers of a file, each to one of the items; ``graded``: by a person, every one.

    Raises:
        BadInput: see ``read_items``; an unknown item, a label or score that its item does not
            allow, or a graded file with an ungraded answer.
    """
    found = _read(path, Submission)
    _unique(path, "answer_id", [s.answer_id for s in found])
    check(found, items, graded=graded)
    return found


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


def read_grades(path: Path) -> list[Grade]:
    """The grades that a file already holds; empty where there is no file.

    A last line cut off by a kill is not counted, so that its answer is graded again.

    Raises:
        BadInput: the file holds something else.
    """
    if not path.exists():
        return []
    text = _text(path)
    whole = text[: text.rfind("\n") + 1]
    return [_value(path, n, row, Grade) for n, row in _jsonl(path, whole)]


# ---------------------------------------------------------------- files


def _read(path: Path, kind: type[Row]) -> list[Row]:
    text = _text(path)
    rows = _csv(text) if path.suffix.lower() in {".csv", ".tsv"} else _jsonl(path, text)
    found = [_value(path, number, row, kind) for number, row in rows]
    if not found:
        raise BadInput(
            f"The file {path.name} holds no rows.",
            code="grade.empty",
            next="Put one JSON object on each line, or rows below a CSV header.",
            file=path.name,
        )
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The file {path.name} cannot be read: {error}.",
            code="grade.file",
            next="Check the path; save the file as UTF-8.",
            file=path.name,
        ) from error


def _jsonl(path: Path, text: str) -> list[tuple[int, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append((number, json.loads(line)))
            except ValueError as error:
                raise _wrong(path, number, str(error)) from error
    return rows


def _csv(text: str) -> list[tuple[int, Any]]:
    """Rows of a CSV or TSV; lists are separated by ``|``, a rubric's points follow ``=``."""
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in head else ",")
    return [(number, _cells(row)) for number, row in enumerate(reader, 2)]


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        str(name).strip(): cell for name, cell in row.items() if cell or name == "answer"
    }
    for name in _LISTS:
        if name in values:
            values[name] = _parts(values[name])
    if "rubric" in values:
        pieces = [piece.rpartition("=") for piece in _parts(values["rubric"])]
        values["rubric"] = [
            {"criterion": text or points, "points": points if text else 1}
            for text, _, points in pieces
        ]
    return values


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _value(path: Path, number: int, row: Any, kind: type[Row]) -> Row:
    """The row as a value; columns that we do not know are the user's own and are left out."""
    if not isinstance(row, dict):
        raise _wrong(path, number, "not an object")
    known = {name: row[name] for name in kind.model_fields if row.get(name) is not None}
    for name in ("item_id", "answer_id"):
        if isinstance(known.get(name), int):
            known[name] = str(known[name])
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _wrong(path, number, f"{where}: {first['msg']}") from error


def _wrong(path: Path, number: int, reason: str) -> BadInput:
    return BadInput(
        f"Line {number} of {path.name} cannot be used: {reason}.",
        code="grade.line",
        next="Correct that line; the fields of each file stand in `coursewright grade --help`.",
        file=path.name,
        line=number,
        reason=reason,
    )


def _unique(path: Path, name: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for value in ids:
        if value in seen:
            raise BadInput(
                f"{path.name} has {name} {value} twice.",
                code="grade.duplicate",
                next="Give each row its own id.",
                file=path.name,
                id=value,
            )
        seen.add(value)
