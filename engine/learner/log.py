"""A log of answers: who answered which item of which concepts, and whether rightly.

The shape is that of the public knowledge-tracing sets: ``learner,item,skill,correct[,timestamp]``,
comma or tab separated, skills separated by ``;``. Common other names of the columns are known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from engine.documents.tables import read_table
from engine.errors import BadInput
from engine.language import any_words

UNKNOWN = -1
"""``correct`` of a row whose outcome is not known: it is predicted, and teaches nothing."""

_ALIASES = {
    "learner": ("learner", "user_id", "user", "student", "student_id", "anon student id", "uid"),
    "item": ("item", "item_id", "question", "question_id", "problem", "problem_id", "exercise"),
    "skill": ("skill", "skill_id", "skills", "concept", "kc", "kc(default)", "skill_name"),
    "correct": ("correct", "outcome", "is_correct", "right", "response"),
    "timestamp": ("timestamp", "time", "at", "date", "datetime"),
}
_TRUE, _FALSE = ("1", "1.0"), ("0", "0.0")


@dataclass(frozen=True)
class Interaction:
    """One answer. ``correct`` is 1, 0 or ``UNKNOWN``; ``at`` is in seconds, 0 where unknown."""

    learner: str
    item: str
    skills: tuple[str, ...]
    correct: int
    at: float = 0.0


@dataclass(frozen=True)
class Log:
    """Answers in the order of the file, with the file's own columns kept for writing them back."""

    answers: tuple[Interaction, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    delimiter: str = ","

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def learners(self) -> tuple[str, ...]:
        """The learners, in order of first appearance."""
        return tuple(dict.fromkeys(answer.learner for answer in self.answers))


def read_log(path: Path) -> Log:
    """Read a log file.

    Raises:
        BadInput: ``log.columns`` (a column is missing), ``log.empty`` (no rows), ``log.row`` (a row
            that cannot be read, with its line), and as ``read_table``.
    """
    return parse_log(read_table(path), path.name)


def parse_log(text: str, name: str = "log") -> Log:
    """The log in ``text``; errors as in ``read_log``."""
    head = text.split("\n", 1)[0]
    delimiter = "\t" if "\t" in head else ","
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = [cell.strip() for cell in next(lines, [])]
    places = _places(columns, name)
    rows = [(number, row) for number, row in enumerate(lines, 2) if any(row)]
    if not rows:
        raise BadInput(
            f"{name} has no rows.",
            code="log.empty",
            next="Give a log with at least one answer.",
            file=name,
        )
    answers = tuple(_answer(row, places, number, name) for number, row in rows)
    return Log(answers, tuple(columns), tuple(tuple(row) for _, row in rows), delimiter)


def _places(columns: Sequence[str], name: str) -> dict[str, int]:
    lowered = [column.lower() for column in columns]
    found: dict[str, int] = {}
    for wanted, aliases in _ALIASES.items():
        match = next((alias for alias in aliases if alias in lowered), None)
        if match is not None:
            found[wanted] = lowered.index(match)
    missing = [n for n in ("learner", "item", "skill", "correct") if n not in found]
    if missing:
        raise BadInput(
            f"{name} has no column {', '.join(missing)} (it has: {', '.join(columns) or 'none'}).",
            code="log.columns",
            next="The columns are learner,item,skill,correct and optionally timestamp.",
            file=name,
            columns=", ".join(missing),
        )
    return found


def _answer(row: Sequence[str], places: dict[str, int], number: int, name: str) -> Interaction:
    try:
        cells = {key: row[place].strip() for key, place in places.items()}
        skills = tuple(dict.fromkeys(s.strip() for s in cells["skill"].split(";") if s.strip()))
        return Interaction(
            cells["learner"],
            cells["item"],
            skills,
            _outcome(cells["correct"]),
            parse_time(cells.get("timestamp", "")),
        )
    except (IndexError, ValueError) as error:
        raise BadInput(
            f"Line {number} of {name} cannot be read: {error}.",
            code="log.row",
            next="Write learner,item,skill,correct; correct is 1 or 0; times are ISO or seconds.",
            file=name,
            line=number,
        ) from error


def _outcome(text: str) -> int:
    lowered = text.lower()
    if lowered in (*_TRUE, *any_words("columns", "log", "right")):
        return 1
    if lowered in (*_FALSE, *any_words("columns", "log", "wrong")):
        return 0
    if lowered in ("", "?", "nan"):
        return UNKNOWN
    raise ValueError(f"correct is “{text}”")


def parse_time(text: str) -> float:
    """Seconds since 1970 of a number or an ISO date (UTC where it names no zone); 0 for none.

    Raises:
        ValueError: it is neither.
    """
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not isfinite(seconds):
        raise ValueError(f"the time is “{text}”")
    return seconds


def in_time(
    test: Sequence[Interaction], history: Sequence[Interaction]
) -> Iterator[tuple[int, Interaction]]:
    """Every learner's answers in order of time, each with its place in ``test`` (-1: history).

    At equal times history comes first, then the order of the file decides. Learners who are not
    in ``test`` are left out.
    """
    wanted = {answer.learner for answer in test}
    rows = [(a.learner, a.at, 0, i, a) for i, a in enumerate(history) if a.learner in wanted]
    rows += [(a.learner, a.at, 1, i, a) for i, a in enumerate(test)]
    rows.sort(key=lambda row: row[:4])
    for _, _, is_test, i, answer in rows:
        yield (i if is_test else -1), answer


def render(log: Log, predictions: Sequence[float]) -> str:
    """The log's own rows in their order, with a last column ``p_correct``."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=log.delimiter, lineterminator="\n")
    writer.writerow([*log.columns, "p_correct"])
    for row, p in zip(log.rows, predictions, strict=True):
        writer.writerow([*row, f"{p:.6f}"])
    return out.getvalue()
