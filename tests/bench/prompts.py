"""Prompt search without a teacher on a real book: what it gains on the exam, and what it takes.

    python tests/bench/prompts.py --book thinkpython2.pdf --models ~/.cache/coursewright-tests/models
    python tests/bench/prompts.py --home HOME --course c            (a course that has its corpus)

Prints start against chosen prompt on the untouched exam, part by part, with paired 95 % intervals;
calls and minutes; then runs the same search again, which has to cost nothing.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from engine.distil import DistilPlan
from engine.optimise import OptimisePlan, current
from engine.schema import Course
from engine.settings import Settings
from engine.steps import DISTIL, OPTIMISE, READ, Workspace
from engine.steps.books import ReadPlan
from engine.store import Store

METRICS = ("score", "quality", "length", "penalty")


def new_course(home: Path, book: Path) -> tuple[Settings, Store, Workspace]:
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    workspace = Workspace(settings, store, course)
    READ(workspace, ReadPlan(files=(str(book),)))
    DISTIL(workspace, DistilPlan())
    return settings, store, workspace


def old_course(home: Path, course: str) -> tuple[Settings, Store, Workspace]:
    settings = Settings(home=home)
    store = Store(settings.database)
    return settings, store, Workspace(settings, store, store.course(course))


def told(figure: dict) -> str:
    return f"{figure['value']:+.2f} [{figure['low']:+.2f}, {figure['high']:+.2f}]"


def show(found: dict) -> None:
    for row in found["exam"]:
        print(f"\n{row['part']}, n = {row['before']['n']}")
        for name in METRICS:
            print(f"  {name:8} {told(row['before'][name])} -> {told(row['after'][name])}  "
                  f"difference {told(row['gains'][name])}")  # fmt: skip


def show_search(workspace: Workspace) -> None:
    search = current(workspace.store, workspace.course.id).value
    for one in search.rounds:
        best = one.standings[0]
        start = next((s for s in one.standings if s.prompt == search.start), None)
        print(f"round {one.number} ({one.pool}, {one.questions} questions, "
              f"{len(one.standings)} prompts): best {told(best.score.model_dump())}, "
              f"start {told(start.score.model_dump()) if start else '-'}")  # fmt: skip
    for name in search.frontier:
        row = next(s for s in search.rounds[-1].standings if s.prompt == name)
        own = search.candidate(name)
        print(
            f"frontier: quality {row.quality.value:.2f}, length {row.length.value:.2f}: {own.parts or own.prompt.style}"
        )


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--book", type=Path)
    options.add_argument("--models", type=Path)
    options.add_argument("--home", type=Path)
    options.add_argument("--course", default="c")
    options.add_argument("--budget", type=int)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.models:
            (Path(folder) / "models").symlink_to(given.models.expanduser())
        settings, store, workspace = (
            old_course(given.home, given.course)
            if given.home
            else new_course(Path(folder), given.book)
        )
        changes = {"budget": given.budget} if given.budget else {}
        plan = OptimisePlan(seed=given.seed, **changes)
        for attempt in ("search", "the same again"):
            began = time.monotonic()
            found = OPTIMISE(workspace, plan).model_dump(mode="json")
            print(f"\n== {attempt}: {(time.monotonic() - began) / 60:.2f} minutes")
            calls = found["calls"]
            print(json.dumps(calls | {"asked now": calls["answers"] - calls["saved"]}))
        print(json.dumps({"prompts": found["prompts"], "questions": found["questions"],
                          "best": found["prompt"]}, indent=1))  # fmt: skip
        show_search(workspace)
        show(found)
        store.close()


if __name__ == "__main__":
    main()
