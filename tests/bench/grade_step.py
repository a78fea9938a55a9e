"""What the fine-tuned MiniLM adds to the grader, measured through the worker and the step *grade*.

    python -m tests.bench.grade_step --data ../shared/data --models MODELS [--graded 600] [--json OUT]

SciEntsBank, ``--questions`` (40): of each, some answers carry the teacher's label (``--graded`` in all),
the others and those of the split ``unseen-answers`` are graded by the machine, once from features
alone and once with MiniLM fine-tuned on the same labels. Which is which is drawn with a fixed seed
before anything is trained; the labels of the graded answers are compared afterwards and nothing is
chosen by them. Differences are paired by answer.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from engine import jobs as queue
from engine.grade.items import Item, Submission
from engine.judge import interval
from engine.schema import Course
from engine.settings import Settings
from engine.steps import GRADE, Workspace
from engine.steps.gradebook import add_items, add_submissions, marked
from engine.steps.grading import GRADING, GradePlan
from engine.store import Store
from tests.bench.grading import accuracy, bare, bootstrap, load, macro_f1, selective
from tests.bench.kill import start_worker


def drawn(
    data: Path, questions: int, many: int
) -> tuple[list[Item], list[Submission], list[Submission]]:
    """Items, graded answers and answers to grade (with their true labels), of the same questions."""
    items, answers, splits = load(data / "answers" / "scientsbank.jsonl")
    dice = random.Random(0)
    own = [(s, k) for s, k in zip(answers, splits, strict=True)]
    trained = sorted({s.item_id for s, k in own if k == "train"})
    chosen = set(dice.sample(trained, questions))
    graded, new = [], [s for s, k in own if k == "unseen-answers" and s.item_id in chosen]
    for item in sorted(chosen):
        mine = [s for s, k in own if k == "train" and s.item_id == item]
        dice.shuffle(mine)
        graded += mine[: many // questions]
        new += mine[many // questions :]
    return [i for i in items if i.item_id in chosen], graded, new


def grade_all(settings: Settings, name: str, data: tuple, plan: GradePlan) -> tuple[dict, float]:
    """Grades by answer id, and the minutes from queueing to done."""
    items, graded, new = data
    store = Store(settings.database)
    course = Course(id=name, title=name, language="en")
    store.add_course(course)
    workspace = Workspace(settings, store, course)
    add_items(workspace, items)
    add_submissions(workspace, graded + bare(new))
    job = queue.start(workspace, GRADE, plan)
    worker, began = start_worker(settings), time.monotonic()
    try:
        while (state := queue.read(settings, job).state) not in ("done", "failed"):
            time.sleep(0.5)
        minutes = (time.monotonic() - began) / 60
        assert state == "done", queue.read(settings, job).error
    finally:
        os.kill(worker.pid, signal.SIGTERM)
        worker.wait(60)
    found = {m.grade.answer_id: m.grade for m in marked(workspace) if not m.submission.graded}
    saved = store.saved(name, GRADING)
    print(name, saved and saved.value.calibrations[0].reading, flush=True)
    store.close()
    return found, minutes


def figures(grades: dict, new: list[Submission], minutes: float) -> dict:
    truth, mine = [s.label for s in new], [grades[s.answer_id].label for s in new]
    agrees = np.array(truth) == np.array(mine)
    stands = [grades[s.answer_id].status == "accepted" for s in new]
    return {
        "minutes": round(minutes, 2),
        "accuracy": bootstrap(accuracy, truth, mine),
        "macro_f1": bootstrap(macro_f1, truth, mine),
        **selective(stands, agrees),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--models", type=Path, required=True, help="folder with all-MiniLM-L6-v2")
    options.add_argument("--questions", type=int, default=40)
    options.add_argument("--graded", type=int, default=600)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    data = drawn(given.data, given.questions, given.graded)
    new = data[2]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(given.models.absolute())
        settings = Settings(home=Path(folder))
        plain, t0 = grade_all(settings, "features", data, GradePlan(features_only=True))
        joint, t1 = grade_all(settings, "minilm", data, GradePlan())
    gain = interval(
        [
            float(joint[s.answer_id].label == s.label) - float(plain[s.answer_id].label == s.label)
            for s in new
        ]
    )
    found = {
        "graded": len(data[1]), "questions": given.questions, "n": len(new),
        "features": figures(plain, new, t0), "minilm": figures(joint, new, t1),
        "accuracy gained": [round(x, 4) for x in (gain.value, gain.low, gain.high)],
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
