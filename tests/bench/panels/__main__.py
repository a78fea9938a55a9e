"""Ask a panel's questions of a course, mark the answers by key points, print a table.

    python -m tests.bench.panels --home H --course C --panel sample_en --half look \\
        --systems lookup,book,tutor --out answers.jsonl --marks marks/sample_en.look.jsonl

Every answer is written to ``--out`` for reading by hand. ``--marks`` holds hand marks, one
``{"id", "system", "mark"}`` a line, with ``of``, the digest of the answer that was read, where it is
known: marks of other answers than today's are left out and counted. The sealed half is run for
closing figures only, hence ``--yes-sealed``. Follow-ups reach all systems but the tutor without
the talk before them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from engine.judge import interval
from engine.lesson import Lesson, open_lesson
from engine.schema import Value
from engine.settings import load
from engine.text import words
from engine.workspace import opened
from tests.bench.panels.marking import MARKS, Mark, kappa, mark, points_met
from tests.bench.panels.panel import Question, half_of, names, read_panel
from tests.bench.panels.systems import NAMES, Skipped, system


class Row(Value):
    """One answer with its mark; ``of`` is the answer's digest, ``met`` the points it holds."""

    id: str
    system: str
    question: str
    answer: str
    refused: bool
    mark: Mark
    met: tuple[int, ...]
    need: int
    note: str
    of: str
    model: str
    places: tuple[str, ...]
    seconds: float


def run(name: str, lesson: Lesson, questions: Sequence[Question]) -> list[Row]:
    """What a system answers, marked; an empty list where the course cannot have it."""
    try:
        answer = system(name, lesson)
    except Skipped as reason:
        print(f"{name}: left out, {reason}", file=sys.stderr)
        return []
    rows = []
    for q in questions:
        begin = monotonic()
        said = answer(q)
        rows.append(
            Row(
                id=q.id,
                system=name,
                question=q.question,
                answer=said.answer,
                refused=said.refused,
                mark=mark(q, said.answer, refused=said.refused, nearest=said.nearest),
                met=tuple(points_met(q, said.answer)),
                need=q.need,
                note=q.note,
                of=digest(said.answer),
                model=said.model,
                places=tuple(f"{s.title} {s.page or ''}".strip() for s in said.sources),
                seconds=round(monotonic() - begin, 3),
            )
        )
    return rows


def digest(answer: str) -> str:
    """Names an answer, so that a hand mark holds for the answer that was read only."""
    return sha256(answer.encode()).hexdigest()[:12]


def figures(rows: Sequence[Row], questions: Sequence[Question]) -> dict[str, list[float]]:
    """The columns of a system's row in the table, each as zeros and ones to take the mean of."""
    known = {q.id: q for q in questions}
    yes = [row for row in rows if known[row.id].answerable]
    by = {row.id: row.mark for row in rows}

    def declined(kind: str) -> list[float]:
        return [float(by[row.id] == "right") for row in rows if known[row.id].kind == kind]

    return {
        **{m: [float(row.mark == m) for row in rows] for m in MARKS},
        **{f"{m} of answerable": [float(row.mark == m) for row in yes] for m in MARKS[:3]},
        "falsely refused": [float(row.mark == "refused") for row in yes],
        "off-course refused": declined("offcourse"),
        "near-topic refused": declined("neartopic"),
        "words of an answer": [float(len(words(row.answer))) for row in rows if not row.refused],
    }


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """The figures of each system with their 95 % bootstrap intervals, as Markdown."""
    first = next(iter(found.values()))
    heads = [f"{head} (n = {len(values)})" for head, values in first.items()]
    heads[-1] = list(first)[-1]  # who declines says fewer
    lines = ["| system | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, columns in found.items():
        lines.append(f"| {name} | " + " | ".join(map(_cell, columns.values())) + " |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    figure = interval(values)
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def agreement(rows: Sequence[Row], hand: Sequence[dict[str, Any]]) -> list[str]:
    """By system: on how many answers code and hand agree, and where they do not."""
    read = {(row.system, row.id): row for row in rows}
    both, stale = [], 0
    for given in hand:
        row = read.get((given["system"], given["id"]))
        if row and given.get("of", row.of) == row.of:
            both.append((row, str(given["mark"])))
        else:
            stale += row is not None
    lines = [f"{stale} hand mark(s) are of other answers and were left out"] if stale else []
    for name in dict.fromkeys(row.system for row, _ in both):
        mine = [(row, m) for row, m in both if row.system == name]
        code, person = [row.mark for row, _ in mine], [m for _, m in mine]
        same = [float(a == b) for a, b in zip(code, person, strict=True)]
        lines.append(f"{name}: n {len(mine)}, same {_cell(same)}, kappa {kappa(code, person):.2f}")
        lines.append("  by hand: " + ", ".join(f"{m} {person.count(m)}" for m in MARKS))
        lines += [f"  {r.id}: code {r.mark}, hand {m}" for r, m in mine if r.mark != m]
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the docstring above says how."""
    options = _options(arguments)
    questions = half_of(read_panel(options.panel), options.half)
    rows: list[Row] = []
    found = {}
    with opened(load(options.home), options.course) as workspace:
        lesson = open_lesson(workspace)
        for name in options.systems.split(","):
            answered = run(name, lesson, questions)
            rows += answered
            if answered:
                found[name] = figures(answered, questions)
    if options.out:
        lines = [json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in rows]
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{options.panel}, {options.half} half\n\n{table(found)}" if found else "nobody answered")
    if options.marks:
        lines = options.marks.read_text(encoding="utf-8").splitlines()
        print("\nCode and hand\n" + "\n".join(agreement(rows, [json.loads(x) for x in lines if x])))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.panels")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    parser.add_argument("--panel", choices=names(), required=True)
    parser.add_argument("--half", choices=("look", "sealed"), default="look")
    parser.add_argument("--yes-sealed", action="store_true", help="run the sealed half, once")
    parser.add_argument("--systems", default=",".join(NAMES))
    parser.add_argument("--out", type=Path, help="every answer with its mark, as JSONL")
    parser.add_argument("--marks", type=Path, help="hand marks to compare with, as JSONL")
    options = parser.parse_args(arguments)
    if options.half == "sealed" and not options.yes_sealed:
        parser.error("the sealed half is for closing figures: add --yes-sealed if this is one")
    if unknown := set(options.systems.split(",")) - set(NAMES):
        parser.error(f"no such system: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
