"""A panel: questions as learners ask them, with the key points that a right answer holds.

One JSON object a line of ``NAME.jsonl`` in this folder, written by reading the book, never by
asking the product. Half of a panel may be looked at while something is tuned (``look``); the other
half (``sealed``) is run for closing figures only. The hash of the id decides, and a follow-up goes
with the question that it follows, so that the halves never change when questions are added.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

from engine.schema import Value

FOLDER = Path(__file__).parent
MARKS = FOLDER / "marks"
Half = Literal["look", "sealed"]
Kind = Literal[
    "definition",
    "symbolic",
    "why",
    "error",
    "howto",
    "compare",
    "typo",
    "followup",
    "offcourse",
    "neartopic",
]
KINDS = frozenset(get_args(Kind))
UNANSWERABLE = frozenset({"offcourse", "neartopic"})
_SALT = 732
"""Of 3,000 the one under which the kinds of the sample panels fall most evenly into both halves;
chosen by the panels alone, before anything was asked. Never change it: it would open the seal."""


class Question(Value):
    """One question of a panel.

    Attributes:
        follows: The question whose conversation this one continues, or None.
        points: The key points; each is met by any one of its wordings (a phrase in any case, or with
            the prefix ``re:`` a regular expression).
        need: How many points make an answer right.
        sections: Titles of the sections that answer it; ``pages`` where the book has pages.
        wrong: Phrases that show a wrong answer, whatever else it says.
        note: The right answer in one line, for whoever marks by hand.
    """

    id: str
    question: str
    follows: str | None = None
    kind: Kind
    answerable: bool
    points: tuple[tuple[str, ...], ...] = ()
    need: int = 0
    sections: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    wrong: tuple[str, ...] = ()
    note: str = ""


def names() -> list[str]:
    """The panels that are there."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def read_panel(name: str) -> list[Question]:
    """All questions of a panel, in the order of the file."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Question.model_validate(json.loads(line)) for line in lines if line.strip()]


def half_of(panel: Sequence[Question], half: Half) -> list[Question]:
    """The questions of one half, in the order of the file."""
    return [q for q in panel if _half(root(q, panel)) == half]


def root(question: Question, panel: Sequence[Question]) -> str:
    """Id of the question with which the conversation began."""
    known = {q.id: q for q in panel}
    while question.follows:
        question = known[question.follows]
    return question.id


def _half(name: str) -> Half:
    return "look" if sha256(f"{_SALT}:{name}".encode()).digest()[0] % 2 else "sealed"


def faults(panel: Sequence[Question]) -> list[str]:
    """What is wrong with a panel, in words; nothing where it is well-formed."""
    found, seen = [], set[str]()
    for q in panel:
        if q.id in seen:
            found.append(f"{q.id} stands twice")
        if q.follows and q.follows not in seen:
            found.append(f"{q.id} follows {q.follows}, which does not stand before it")
        seen.add(q.id)
        found += [f"{q.id}: {fault}" for fault in _faults(q)]
    unanswerable = sum(not q.answerable for q in panel)
    if unanswerable < len(panel) / 5:
        found.append(f"only {unanswerable} of {len(panel)} cannot be answered")
    if len({q.kind for q in panel}) < 8:
        found.append("fewer than eight kinds")
    return found


def _faults(q: Question) -> list[str]:
    """What is wrong with one question by itself."""
    wordings = [w for point in q.points for w in point]
    tests = {
        "no question": not q.question.strip(),
        "kind and answerable disagree": q.kind in UNANSWERABLE and q.answerable,
        "points of an unanswerable question": not q.answerable and bool(q.points or q.need),
        "no points": q.answerable and not q.points,
        "need is not between 1 and its points": q.answerable and not 1 <= q.need <= len(q.points),
        "an empty point": any(not point for point in q.points),
        "an empty wording": any(not w.strip() for w in (*wordings, *q.wrong)),
    }
    return [words for words, wrong in tests.items() if wrong]
