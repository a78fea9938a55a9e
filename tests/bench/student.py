"""Trials of a student: mixtures and recipes side by side, scored on what learners ask.

    python -m tests.bench.student --home H --course C --panel think_python_en \\
        --trials heart,reading --epochs 2 --out results.jsonl

Each trial trains a student of the course on the same pairs and asks it, from memory and with the
book, the *look* half of a panel (right by key points in code, of the answerable) and the exam's
natural part (key points met, token F1), never the wordings it was trained on; besides, how many
general instructions it still follows. ``lookup`` and ``book`` stand beside it, and the base. It
changes the course's student: give it a copy of a home.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from engine.exam import examine
from engine.judge import interval
from engine.lesson import open_lesson
from engine.llm import Chat
from engine.progress import silent
from engine.schema import Figure
from engine.settings import load
from engine.steps.train import TRAIN, TrainPlan
from engine.train import Mixture, Recipe, preset
from engine.workspace import (
    Workspace,
    base_chat,
    open_index,
    opened,
    student_chat,
    training_pairs,
)
from tests.bench.panels.__main__ import figures, run
from tests.bench.panels.panel import half_of, read_panel

HEART = Mixture(by_heart=1.0, reading=0.0, statements=0, replay=0.0)
READS = Mixture(statements=0, replay=0.0)


def changed(mixture: Mixture, **values: Any) -> Mixture:
    """The mixture with other shares."""
    return Mixture.model_validate(mixture.model_dump() | values)


TRIALS: dict[str, tuple[Mixture, dict[str, Any]]] = {
    "heart": (HEART, {}),
    "reading": (READS, {}),
    "templates": (changed(READS, reading=1.0, sought=0.0), {}),
    "reading-only": (changed(READS, by_heart=0.0), {}),
    "replay": (changed(READS, replay=0.1), {}),
    **{f"statements-{n}": (changed(READS, statements=n), {}) for n in (1, 3, 5, 10)},
    "sure": (READS, {"sure_weight": 0.1}),
    "rank-8": (READS, {"rank": 8, "alpha": 16.0}),
    "rank-16": (READS, {"rank": 16, "alpha": 32.0}),
    "rate": (READS, {"learning_rate": 5e-4}),
    "default": (Mixture(), {}),
}


def trial(name: str, workspace: Workspace, options: argparse.Namespace) -> dict[str, Any]:
    """Train by the trial's plan and score the student."""
    mixture, changes = TRIALS[name]
    base = TRAIN.default(workspace).recipe.base
    recipe: Recipe = preset("normal").model_copy(
        update={"base": base, "epochs": options.epochs, **changes}
    )
    began = monotonic()
    student = TRAIN(workspace, TrainPlan(recipe=recipe, mixture=mixture), silent)
    found: dict[str, Any] = {
        "trial": name,
        "minutes": round((monotonic() - began) / 60, 1),
        "rows": student.training.rows,
        "tokens": student.training.tokens,
        "tokens_per_second": round(student.training.tokens_per_second),
        "follows": {who: _shown(figure) for who, figure in student.follows.items()},
    }
    chat = student_chat(workspace, workspace.folder / "runs" / student.run)
    return found | scores(workspace, ("student", "student-book"), {"student": chat}, options)


def scores(
    workspace: Workspace,
    systems: Sequence[str],
    examined: dict[str, Chat],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Panel and natural part: system or examinee to its figures."""
    found: dict[str, Any] = {}
    lesson = open_lesson(workspace)
    if options.panel:
        questions = half_of(read_panel(options.panel), "look")
        for system in systems:
            rows = run(system, lesson, questions)
            if options.answers:
                with options.answers.open("a", encoding="utf-8") as out:
                    out.writelines(row.model_dump_json() + "\n" for row in rows)
            columns = figures(rows, questions)
            wanted = ("right of answerable", "wrong of answerable", "falsely refused")
            wanted = (*wanted, "off-course refused", "near-topic refused")
            found[system] = {head: _shown(interval(columns[head])) for head in wanted}
    asked = [
        pair
        for pair in training_pairs(workspace.store, workspace.course.id, "exam")
        if pair.part == "natural"
    ]
    if asked:
        index = open_index(workspace)
        trained = training_pairs(workspace.store, workspace.course.id, "train")
        report = examine(examined, asked, index=index, trained=trained)
        for row in report.rows:
            name = f"natural {row.model}{' with book' if row.book else ''}"
            found[name] = {measure: _shown(f) for measure, f in row.figures.items()}
    return found


def _shown(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] n={figure.n}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the docstring above says how."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.student")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    parser.add_argument("--panel", default="")
    parser.add_argument("--trials", default="", help=", ".join(TRIALS))
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--answers", type=Path, help="every answer of the panel, for reading")
    options = parser.parse_args(arguments)
    with opened(load(options.home), options.course) as workspace:
        if options.baselines:
            base = {"base": base_chat(workspace)}
            _write(
                options.out,
                {"trial": "none"} | scores(workspace, ("lookup", "book"), base, options),
            )
        for name in filter(None, options.trials.split(",")):
            _write(options.out, trial(name, workspace, options))


def _write(path: Path, found: dict[str, Any]) -> None:
    print(json.dumps(found, indent=1, ensure_ascii=False), flush=True)
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(found, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
