"""What the check of answers by heart is worth: exam answers of the student, shown or withheld.

    python -m tests.bench.tutor --home H --course C

Takes the answers by heart that the last exam of the course kept, and does with each what the tutor
does: shows it if the reviewed corpus bears it out, else gives the reviewed answer to the same
question, else lets the book answer. Right means a token
F1 of 0.6 or more against the exam's answer. Prints, by part: how many of the right and of the wrong
answers are shown, the share right among all and among those shown, and the token F1 of what the
learner reads with and without the check (95 % bootstrap intervals).
"""

import argparse
import json
from pathlib import Path

from engine.exam.baselines import nearest_sentence
from engine.judge import interval, paired, token_f1
from engine.levels import RIGHT
from engine.settings import load
from engine.steps.exam import EXAM
from engine.store import Store
from engine.tutor import same_question, supporting_pair
from engine.workspace import Workspace, open_index, training_pairs


def figures(rows: list[tuple[float, float, bool]]) -> dict[str, object]:
    """Of (F1 of the student, F1 of what is shown, borne out) one row an answer."""
    right = [row for row in rows if row[0] >= RIGHT]
    wrong = [row for row in rows if row[0] < RIGHT]
    shown = [row for row in rows if row[2]]

    def share(of: list[tuple[float, float, bool]], what: str) -> dict[str, float]:
        values = [float(row[2] if what == "shown" else row[0] >= RIGHT) for row in of]
        return interval(values).model_dump() if values else {}

    return {
        "n": len(rows),
        "right answers shown": share(right, "shown"),
        "wrong answers shown": share(wrong, "shown"),
        "right among all": share(rows, "right"),
        "right among shown": share(shown, "right"),
        "f1 unchecked": interval([row[0] for row in rows]).model_dump(),
        "f1 checked": interval([row[1] for row in rows]).model_dump(),
        "difference": paired([r[1] for r in rows], [r[0] for r in rows]).model_dump(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    options = parser.parse_args()
    settings = load(options.home)
    store = Store(f"sqlite:///{options.home}/coursewright.db")
    course = store.course(options.course)
    index = open_index(Workspace(settings, store, course))
    taught = training_pairs(store, course.id, "train")
    asked = {pair.id: pair for pair in store.pairs(course.id, split="exam")}
    found: dict[str, list[tuple[float, float, bool]]] = {"all": []}
    for row in store.saved(course.id, EXAM).value.answers:
        if row.model != "student" or row.book:
            continue
        pair = asked[row.pair]
        kept = supporting_pair(pair.question, row.answer, taught) is not None
        known = same_question(pair.question, taught)
        book = known.answer if known else nearest_sentence(pair.question, index)
        mine = row.scores.f1
        result = (mine, mine if kept else token_f1(book, pair.answer), kept)
        found["all"].append(result)
        found.setdefault(pair.part, []).append(result)
    print(json.dumps({part: figures(rows) for part, rows in found.items()}, indent=1))


if __name__ == "__main__":
    main()
