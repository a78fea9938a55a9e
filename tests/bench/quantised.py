"""A student's file in Q8_0 against Q4_0: the same questions of a panel's *look* half, side by side.

python -m tests.bench.quantised --home H --course C --panel think_python_en
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from engine.judge import interval, paired
from engine.lesson import open_lesson
from engine.llm.embedded import Embedded
from engine.models.bases import base_gguf
from engine.models.export import Quantisation, write_gguf
from engine.settings import load
from engine.workspace import TRAINED, finished_run, instructed, opened
from tests.bench.panels.__main__ import figures, run
from tests.bench.panels.panel import half_of, read_panel

KINDS: tuple[Quantisation, ...] = ("Q8_0", "Q4_0")
HEAD = "right of answerable"


def main() -> None:
    """Run from the command line; the docstring above says how."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quantised")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    parser.add_argument("--panel", required=True)
    options = parser.parse_args()
    questions = half_of(read_panel(options.panel), "look")
    settings = load(options.home)
    right: dict[str, list[float]] = {}
    with opened(settings, options.course) as workspace, tempfile.TemporaryDirectory() as own:
        saved = workspace.store.saved(options.course, TRAINED)
        assert saved is not None, "train a student first"
        folder, recipe = finished_run(workspace), saved.value.recipe
        source = base_gguf(recipe.base, settings, origin=saved.value.training.origin)
        for kind in KINDS:
            file = write_gguf(
                folder / "student" / "merged", Path(own) / f"{kind}.gguf", source, kind
            )
            chat = instructed(Embedded(settings, gguf=file), folder)
            lesson = replace(open_lesson(workspace), student=lambda chat=chat: chat)
            rows = run("student-book", lesson, questions)
            right[kind] = figures(rows, questions)[HEAD]
            print(kind, f"{file.stat().st_size / 1e6:.0f} MB,", HEAD, interval(right[kind]))
            print("  seconds an answer:", sum(row.seconds for row in rows) / len(rows))
    print("difference (Q8 less Q4):", paired(right["Q8_0"], right["Q4_0"]))


if __name__ == "__main__":
    main()
