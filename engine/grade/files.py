"""The files of grading: JSONL, or a table with a header (CSV, TSV, or with semicolons)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.errors import BadInput
from engine.grade.items import Grade, Item, Submission, check, gradable
from engine.language import any_words
from engine.schema import content_id

Row = TypeVar("Row", Item, Submission, Grade)
_LISTS = ("references", "labels", "choices")
_PRINTED = ("item_id", "question")
_ALIASES: dict[type[Any], dict[str, tuple[Any, ...]]] = {
    Item: {
        "item_id": ("item", "question_id", ..., "id"),
        "question": (...,),
        "references": ("reference", "answer", ...),
        "choices": ("options", ...),
        "max_score": ("points", ...),
        "concept": ("skill", ...),
        "assignment": (...,),
    },
    Submission: {
        "item_id": ("item", "question_id", ...),
        "answer_id": ("id", ...),
        "learner": ("student", "learner_id", "student_id", "name", ...),
        "answer": ("response", ...),
        "score": ("points", "mark", ...),
        "label": (...,),
    },
    Grade: {},
}
"""Other names of a column, best first; ``...`` stands for those of ``columns.toml``."""
_TABLES = {Item: "items", Submission: "submissions"}


def read_items(path: Path) -> list[Item]:
    """The items of a file.

    Raises:
        BadInput: not readable, no rows, a row that is not an item, or an id twice.
    """
    items = _read(path, Item)
    _unique(path.name, "item_id", [item.item_id for item in items])
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
    _unique(path.name, "answer_id", [s.answer_id for s in found])
    check(found, items, graded=graded)
    return found


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
    return [_value(path.name, n, row, Grade) for n, row in _jsonl(whole, path.name)]


def sift_items(text: str, name: str) -> tuple[list[Item], list[BadInput]]:
    """The items of an uploaded file that can be used, and what is wrong with each other row.

    Columns may have everyday names (item, reference, 题目); an item without an id is named after
    its question.
    """
    return _sifted(text, name, Item, gradable)


def sift_submissions(
    text: str, name: str, items: Sequence[Item]
) -> tuple[list[Submission], list[BadInput]]:
    """The answers of an uploaded file that can be used, and what is wrong with each other row.

    An answer without an id is named after its learner and item, so that the same learner's next
    answer to an item replaces the last.
    """
    known = {item.item_id: item for item in items}

    def fits(submission: Submission) -> None:
        check([submission], known.values(), graded=submission.graded)

    return _sifted(text, name, Submission, fits)


def _sifted(
    text: str, name: str, kind: type[Row], test: Callable[[Row], Any]
) -> tuple[list[Row], list[BadInput]]:
    rows: dict[str, Row] = {}
    wrong: list[BadInput] = []
    key = "item_id" if kind is Item else "answer_id"
    for number, row in _rows(text, name):
        if kind is Submission and _unfilled(row):
            continue
        try:
            value = _value(name, number, _named(row, kind, number), kind)
            test(value)
            known = str(getattr(value, key))
            if known in rows:
                raise _twice(name, key, known)
            rows[known] = value
        except BadInput as error:
            error.values.setdefault("line", number)
            wrong.append(error)
    return list(rows.values()), wrong


def _unfilled(row: Any) -> bool:
    """Whether this is a row of an answer sheet that nobody filled in."""
    cells = row if isinstance(row, dict) else {"": row}
    return not any(str(cell or "").strip() for n, cell in cells.items() if n not in _PRINTED)


def _named(row: Any, kind: type[Row], number: int) -> Any:
    """The row under our names for its columns, with an id where it has none."""
    if not isinstance(row, dict):
        return row
    lowered = {str(name).strip().lower(): cell for name, cell in row.items()}
    for field in _ALIASES[kind]:
        other = next((a for a in _names(kind, field) if a in lowered), None)
        if lowered.get(field) in (None, "") and other is not None:
            lowered[field] = lowered.pop(other)
    if kind is Item and not lowered.get("item_id") and lowered.get("question"):
        lowered["item_id"] = content_id(lowered["question"])[:8]
    if kind is Submission and not lowered.get("answer_id"):
        who = lowered.get("learner") or f"row {number}: {lowered.get('answer')}"
        lowered["answer_id"] = content_id(lowered.get("item_id"), who)
    return _lists(lowered)


def _names(kind: type[Row], field: str) -> Iterator[str]:
    """Other names of a column, best first, with those of every language."""
    for name in _ALIASES[kind][field]:
        yield from any_words("columns", _TABLES[kind], field) if name is ... else (name,)


# ---------------------------------------------------------------- rows


def _read(path: Path, kind: type[Row]) -> list[Row]:
    found = [_value(path.name, number, row, kind) for number, row in _rows(_text(path), path.name)]
    if not found:
        raise BadInput(
            f"The file {path.name} holds no rows.",
            code="grade.empty",
            next="Put one JSON object on each line, or rows below a CSV header.",
            file=path.name,
        )
    return found


def _rows(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Line number and row; a line that is no JSON comes as its error."""
    table = Path(name).suffix.lower() in {".csv", ".tsv"}
    return _csv(text) if table else _jsonl(text, name)


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


def _jsonl(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield number, _wrong(name, number, str(error))


def _csv(text: str) -> Iterator[tuple[int, Any]]:
    """Rows of a table; lists are separated by ``|``, a rubric's points follow ``=``."""
    text = text.lstrip("\ufeff")
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",\t;", key=head.count))
    for row in reader:
        cells = {str(n).strip(): c for n, c in row.items() if c or str(n).strip() == "answer"}
        if any(isinstance(cell, str) and cell.strip() for cell in cells.values()):
            yield reader.line_num, _lists(cells)


def _lists(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its cells that hold lists taken apart."""
    values = dict(row)
    for name in _LISTS:
        if isinstance(values.get(name), str):
            values[name] = _parts(values[name])
    if isinstance(values.get("rubric"), str):
        values["rubric"] = read_rubric(_parts(values["rubric"]))
    return values


def read_rubric(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Criteria written as ``words = points``; without points a criterion is worth one."""
    pieces = [line.rpartition("=") for line in lines if line.strip()]
    return [
        {"criterion": (text or points).strip(), "points": points if text else 1}
        for text, _, points in pieces
    ]


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _value(name: str, number: int, row: Any, kind: type[Row]) -> Row:
    """The row as a value; columns that we do not know are the user's own and are left out."""
    if isinstance(row, BadInput):
        raise row
    if not isinstance(row, dict):
        raise _wrong(name, number, "not an object")
    known = {field: row[field] for field in kind.model_fields if row.get(field) is not None}
    for field in ("item_id", "answer_id", "learner", "answer"):
        if isinstance(known.get(field), (int, float)):
            known[field] = str(known[field])
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _wrong(name, number, f"{where}: {first['msg']}") from error


def _wrong(name: str, number: int, reason: str) -> BadInput:
    return BadInput(
        f"Line {number} of {name} cannot be used: {reason}.",
        code="grade.line",
        next="Correct that line; the fields of each file stand in `coursewright grade --help`.",
        file=name,
        line=number,
        reason=reason,
    )


def _unique(name: str, field: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for value in ids:
        if value in seen:
            raise _twice(name, field, value)
        seen.add(value)


def _twice(name: str, field: str, value: str) -> BadInput:
    return BadInput(
        f"{name} has {field} {value} twice.",
        code="grade.duplicate",
        next="Give each row its own id.",
        file=name,
        id=value,
    )
