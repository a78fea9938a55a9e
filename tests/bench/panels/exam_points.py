"""How well the exam's points, found in code, agree with marks given by hand.

    python -m tests.bench.panels.exam_points --panel sample_en --answers answers.jsonl \\
        --marks tests/bench/panels/marks/sample_en.look.jsonl

``answers.jsonl`` is what ``python -m tests.bench.panels --out`` wrote; only answers that were read
by hand (same digest) count, of questions that the book answers, and not those that were refused. The
reference is the panel's right answer in one line, so this is a harder case than the exam's, whose
references are the book's own sentences. Beside it stands token F1. The command line shows the look
half; there are no hand marks of the other.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.exam.points import points_met
from engine.judge import interval, token_f1
from engine.levels import PARTLY, RIGHT
from engine.text import language_of
from tests.bench.panels.marking import kappa
from tests.bench.panels.panel import Question, half_of, names, read_panel


class Read(NamedTuple):
    """An answer that was read by hand: its mark, and both measures against the right answer."""

    id: str
    system: str
    hand: str
    points: float
    f1: float
    answer: str


def compared(
    questions: Sequence[Question],
    answers: Sequence[dict[str, Any]],
    marks: Sequence[dict[str, Any]],
) -> list[Read]:
    """What both code and hand have marked, in the order of the answers."""
    known = {q.id: q for q in questions if q.answerable and q.note}
    hand = {(m["system"], m["id"], m["of"]): str(m["mark"]) for m in marks if "of" in m}
    found = []
    for row in answers:
        question, mark = known.get(row["id"]), hand.get((row["system"], row["id"], row["of"]))
        if question is None or mark in (None, "refused"):
            continue
        language = language_of(question.note)
        share = points_met(row["answer"], question.note, question.question, language)
        f1 = token_f1(row["answer"], question.note)
        found.append(Read(row["id"], row["system"], mark, share, f1, row["answer"]))
    return found


def level(share: float) -> str:
    """The mark that a share earns by the product's own levels."""
    return "right" if share >= RIGHT else "partly" if share >= PARTLY else "wrong"


def figures(read: Sequence[Read]) -> list[str]:
    """Agreement with the hand, in three marks and as right or not, of each measure."""
    lines = []
    for name, marks in (
        ("points", [level(row.points) for row in read]),
        ("token F1", [level(row.f1) for row in read]),
    ):
        for what, code, hand in (
            ("three marks", marks, [row.hand for row in read]),
            (
                "right or not",
                [str(mark == "right") for mark in marks],
                [str(row.hand == "right") for row in read],
            ),
        ):
            same = interval([float(a == b) for a, b in zip(code, hand, strict=True)])
            lines.append(
                f"{name}, {what}: same {same.value:.2f} [{same.low:.2f}, {same.high:.2f}], "
                f"kappa {kappa(code, hand):.2f}, n {same.n}"
            )
    missed = sum(row.hand == "right" and level(row.points) != "right" for row in read)
    given = sum(row.hand != "right" and level(row.points) == "right" for row in read)
    right = sum(row.hand == "right" for row in read)
    lines.append(f"right by hand {right}; of these not by points {missed}; by points alone {given}")
    return lines


def main() -> None:
    """Print the agreement, then every answer on which points and hand differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.panels.exam_points")
    parser.add_argument("--panel", choices=names(), required=True)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--marks", type=Path, required=True)
    options = parser.parse_args()
    answers, marks = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        for path in (options.answers, options.marks)
    )
    read = compared(half_of(read_panel(options.panel), "look"), answers, marks)
    print("\n".join(figures(read)))
    for row in read:
        if level(row.points) != row.hand:
            said = " ".join(row.answer.split())[:160]
            print(f"  {row.id} {row.system}: hand {row.hand}, points {row.points:.2f}: {said}")


if __name__ == "__main__":
    main()
