"""What the LLM teacher's gates find of faults that a scripted teacher plants, and what they refuse wrongly.

    python -m tests.bench.teacher [--home H --course C ...] [--pairs 1500] [--recipe grid] [--teachers 2]
        [--rewordings 100] [--json]

Without ``--course`` the sample courses are read. The teacher answers from the passages (it is no
language model), plants a fault of one of nine kinds in ``--share`` of its questions, and its checker
half compares texts alone. Beside our gates stands the one of old: leaning wordings, quote, and 60 %
of an answer's words in the passage. So this measures passes, gates and account, not how well some
language model checks: for that, audit a judge (``distil.prompted.judge``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from engine.course import taught_sections
from engine.distil.plan import DistilPlan
from engine.documents import read_document
from engine.sample import FOLDER
from engine.schema import Course, Document, Passage
from engine.search import Index
from engine.settings import Settings, load
from engine.store import Store
from engine.workspace import Workspace, open_index
from tests.bench.teacher.measure import figures, reworded, run, some_sections

Shelf = tuple[Course, Sequence[Document], Sequence[Passage], Callable[[], Index] | None]


def main() -> None:
    """Print the table, or with ``--json`` all figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--course", action="append", default=[])
    parser.add_argument("--pairs", type=int, default=1500)
    parser.add_argument("--share", type=float, default=0.35)
    parser.add_argument("--sections", type=int, default=0, help="only so many, spread; 0: all")
    parser.add_argument("--recipe", choices=("grid", "coursegpt"), default="grid")
    parser.add_argument("--teachers", type=int, default=1, choices=(1, 2))
    parser.add_argument("--rewordings", type=int, default=0, help="exam questions, reworded")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for course, documents, passages, index in _courses(options.home, options.course):
        some = some_sections(documents, options.sections) if options.sections else ()
        plan = DistilPlan(
            pairs=options.pairs, teacher="endpoint", recipe=options.recipe, sections=some
        )
        found = run(
            course,
            documents,
            passages,
            plan,
            share=options.share,
            teachers=options.teachers,
            index=index,
        )
        told = figures(found, course.language) | {"thirds": _thirds(found.points, documents)}
        if options.rewordings:
            told["rewordings"] = reworded(found, course, documents, passages, options.rewordings)
        print(
            json.dumps({course.id: told}, ensure_ascii=False)
            if options.json
            else _table(course, told)
        )


def _thirds(points: Any, documents: Sequence[Document]) -> list[int]:
    """How many points stand in the first, middle and last third of the taught sections."""
    place = {section.id: i for i, section in enumerate(taught_sections(documents))}
    found = [0, 0, 0]
    for point in points:
        found[min(2, 3 * place[point.section] // len(place))] += point.section in place
    return found


def _courses(home: Path | None, names: list[str]) -> Iterator[Shelf]:
    if not names:
        yield from _samples()
        return
    store = Store(f"sqlite:///{home}/coursewright.db") if home else Store(load(None).database)
    for name in names:
        space = Workspace(load(home), store, store.course(name))
        opened = cache(partial(open_index, space))
        yield space.course, store.documents(name), store.passages(name), opened
    store.close()


def _samples() -> Iterator[Shelf]:
    from engine.course import make_passages

    for language in ("en", "zh"):
        document = read_document(FOLDER / f"textbook_{language}.md", Settings(home=FOLDER))
        course = Course(id=f"sample-{language}", title=document.title, language=language)
        yield course, [document], make_passages([document]), None


def _cell(share: dict[str, float]) -> str:
    if not share["n"]:
        return "–"
    return f"{share['value']:.2f} [{share['low']:.2f}, {share['high']:.2f}] n={share['n']}"


def _table(course: Course, told: dict[str, Any]) -> str:
    lines = [
        f"== {course.id} ({course.language})",
        f"{'fault':14}{'found by our gates':32}word overlap of old",
    ]
    for fault, row in told["recall"].items():
        gates = ", ".join(f"{gate} {n}" for gate, n in sorted(row["gates"].items()))
        lines.append(f"{fault:14}{_cell(row['ours']):32}{_cell(row['word overlap']):30}{gates}")
    alarms = told["false alarms"]
    lines.append(
        f"{'false alarms':14}{_cell(alarms['ours']):32}{_cell(alarms['word overlap']):30}{alarms['gates']}"
    )
    lines += [
        f"account: {told['account']}",
        f"ended: {told['ended']}; points by third of the book: {told['thirds']}",
    ]
    if again := told.get("rewordings"):
        lines += [f"reworded: {fault:12}{_cell(row)}" for fault, row in again["faults"].items()]
        lines.append(f"{ {k: v for k, v in again.items() if k != 'faults'} }")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
