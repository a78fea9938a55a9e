"""Kill -9 of the worker: in distilling (against a slow endpoint), in training and in grading.

    python tests/bench/kill.py --tools ../shared/tools --kills 10 --stage distil
    python tests/bench/kill.py --kills 10 --stage train --models ~/.cache/coursewright-tests
    python tests/bench/kill.py --kills 8 --stage grade --data ../shared/data
    python tests/bench/kill.py --kills 8 --stage grade --data ../shared/data --tools ../shared/tools

Prints what was lost, paid twice and repeated. Distilling runs against the fault endpoint, whose
``/stats`` counts answers served twice to the same request; a call in flight at the kill may be
served again (its answer never reached us), an answer that was received never is.

Grading: 600 graded and 2,000 new answers of SciEntsBank. The kills fall while grades are being
stored (not while the worker starts), spread evenly over the 2,000. A trigger in the database logs
every write of a grade, so that one graded twice cannot hide behind its final row. With ``--tools``
each item has a rubric and the fault endpoint gives the verdicts.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from engine import jobs as queue
from engine.distil import DistilPlan
from engine.grade import Item, Submission
from engine.llm.teacher import TeacherChoice, save_choice
from engine.schema import Course
from engine.settings import Settings
from engine.steps import DISTIL, GRADE, READ, TRAIN, Workspace
from engine.steps.books import ReadPlan
from engine.steps.gradebook import add_items, add_submissions, marked
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.train import preset

PORT = 8397


def start_worker(settings: Settings) -> subprocess.Popen:
    command = [sys.executable, "-m", "engine", "--home", str(settings.home), "worker"]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def kill_at_random(
    settings: Settings, job: str, kills: int, low: float, high: float
) -> tuple[int, float]:
    """Kill the worker ``kills`` times while the job runs; returns kills done and seconds in all."""
    started, done = time.monotonic(), 0
    dice = random.Random(7)
    while queue.read(settings, job).state != "done":
        worker = start_worker(settings)
        moment = time.monotonic() + dice.uniform(low, high)
        while time.monotonic() < moment or done >= kills:
            if queue.read(settings, job).state in ("done", "failed"):
                break
            time.sleep(0.1)
        if queue.read(settings, job).state == "failed":
            raise SystemExit(queue.read(settings, job).error)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        done += queue.read(settings, job).state != "done"
    return done, time.monotonic() - started


def course_in(home: Path, book: Path) -> tuple[Settings, Store, Workspace]:
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    workspace = Workspace(settings, store, course)
    READ(workspace, ReadPlan(files=(str(book),)))
    return settings, store, workspace


def get(path: str) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}") as answer:
        return json.load(answer)


@contextlib.contextmanager
def teacher(settings: Settings, store: Store, tools: Path, latency: int) -> Iterator[None]:
    """The fault endpoint (median ``latency`` in ms) as the installation's teacher."""
    server = subprocess.Popen(
        [sys.executable, str(tools / "teacher_endpoint.py"), "--port", str(PORT), "--slots", "8",
         "--latency-ms", str(latency), "--p99-ms", str(2 * latency)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(3)
        model = get("/v1/models")["data"][0]["id"]
        url = f"http://127.0.0.1:{PORT}/v1"
        save_choice(
            store, settings, TeacherChoice(kind="endpoint", base_url=url, model=model, ceiling=8)
        )
        yield
    finally:
        server.kill()
        server.wait()


def distil_kills(settings: Settings, store: Store, tools: Path, kills: int) -> None:
    with teacher(settings, store, tools, 1200):
        plan = DistilPlan(pairs=3000, teacher="endpoint")
        own = Workspace(settings, store, store.course("c"))
        job = queue.start(own, DISTIL, plan)
        done, seconds = kill_at_random(settings, job, kills, 4.0, 12.0)
        stats = get("/stats")
        result = queue.read(settings, job).result
        cached = sum(row["calls"] for row in store.spent())
        print(json.dumps({"stage": "distil", "kills": done, "seconds": round(seconds, 1), "result": result,
                          "answers kept": cached, "endpoint": stats}, indent=1))  # fmt: skip


def train_kills(settings: Settings, store: Store, workspace: Workspace, kills: int) -> None:
    DISTIL(workspace, DistilPlan(pairs=300))
    recipe = preset("normal").model_copy(update={"epochs": 3})
    job = queue.start(workspace, TRAIN, TrainPlan(recipe=recipe))
    done, seconds = kill_at_random(settings, job, kills, 12.0, 30.0)
    found = queue.read(settings, job)
    assert found.result is not None
    folder = workspace.folder / "runs" / found.result["run"]
    rows = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    log = (queue.folder_of(settings, job) / "progress.jsonl").read_text().splitlines()
    steps = [json.loads(line)["progress"] for line in log]
    seen = [p["done"] for p in steps if p["stage"] == "train"]
    back = [a - b for a, b in zip(seen, seen[1:], strict=False) if b < a]
    print(json.dumps({"stage": "train", "kills": done, "seconds": round(seconds, 1),
                      "steps": found.result["steps"], "rows of the curve": len(rows),
                      "steps repeated after each kill": back,
                      "a checkpoint every (steps)": found.result["steps"] / 10,
                      "val_loss": found.result["val_loss"]}, indent=1))  # fmt: skip


NEW, GRADED = 2000, 600
_LOG = """
CREATE TABLE grade_writes (number INTEGER PRIMARY KEY, id TEXT, first INTEGER, data TEXT);
CREATE TRIGGER grade_first AFTER INSERT ON grades WHEN NEW.inputs <> 'person' BEGIN
  INSERT INTO grade_writes (id, first, data) VALUES (NEW.id, 1, NEW.data); END;
CREATE TRIGGER grade_again AFTER UPDATE ON grades WHEN NEW.inputs <> 'person' BEGIN
  INSERT INTO grade_writes (id, first, data) VALUES (NEW.id, 0, NEW.data); END;
"""


def fill_class(workspace: Workspace, data: Path, rubric: bool) -> None:
    """Items, answers with a teacher's label and answers without, drawn with a fixed seed."""
    lines = (data / "answers" / "scientsbank.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    items = {
        r["item_id"]: Item(
            item_id=r["item_id"], question=r["question"], references=r["references"],
            rubric=[{"criterion": r["references"][0]}, {"criterion": "in own words"}] if rubric else (),
        )
        for r in rows
    }  # fmt: skip
    add_items(workspace, list(items.values()))
    dice = random.Random(0)
    graded = dice.sample([r for r in rows if r["split"] == "train"], GRADED)
    new = dice.sample([r for r in rows if r["split"] != "train"], NEW)
    fields = ("answer_id", "item_id", "answer")
    add_submissions(
        workspace, [Submission(**{k: r[k] for k in (*fields, "label")}) for r in graded]
    )
    add_submissions(workspace, [Submission(**{k: r[k] for k in fields}) for r in new])


def kill_between_grades(settings: Settings, job: str, kills: int, log: sqlite3.Connection) -> list:
    """Kill the worker each time so many more grades are stored; returns how many were, each time."""
    dice, at = random.Random(7), []
    while queue.read(settings, job).state not in ("done", "failed"):
        worker = start_worker(settings)
        mark = NEW * (len(at) + 1) / (kills + 1) if len(at) < kills else NEW + 1
        while (stored := written(log)) < mark:
            if stored >= NEW and queue.read(settings, job).state in ("done", "failed"):
                break
            time.sleep(0.02)
        time.sleep(dice.uniform(0, 0.5) * (stored < NEW))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        if queue.read(settings, job).state not in ("done", "failed"):
            at.append(written(log))
    return at


def written(log: sqlite3.Connection) -> int:
    """Grades stored so far by the grader."""
    return log.execute("SELECT count(*) FROM grade_writes WHERE first").fetchone()[0]


def grade_kills(
    settings: Settings, store: Store, workspace: Workspace, given: argparse.Namespace
) -> dict[str, object]:
    """Grade ``NEW`` answers under kills; counts of what was stored, twice stored and changed."""
    fill_class(workspace, given.data, rubric=bool(given.tools))
    log = sqlite3.connect(settings.home / "coursewright.db", isolation_level=None)
    log.executescript(_LOG)
    job = queue.start(workspace, GRADE)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        if given.tools:
            stack.enter_context(teacher(settings, store, given.tools, 400))
        at = kill_between_grades(settings, job, given.kills, log)
        stats = get("/stats") if given.tools else {}
    seconds = time.monotonic() - began
    found = queue.read(settings, job)
    writes: dict[str, list] = {}
    for name, first, data in log.execute("SELECT id, first, data FROM grade_writes"):
        grade = json.loads(data)
        grade.pop("status")  # the last step writes each grade once more, with its final status
        writes.setdefault(name, []).append((first, json.dumps(grade, sort_keys=True)))
    new = {m.grade.answer_id for m in marked(workspace) if not m.submission.graded}
    asked = {k: stats.get(k) for k in ("answered_ok", "distinct_bodies", "duplicates", "gone")}
    return {
        "stage": "grade", "kills": len(at),
        "grades stored at each kill": at, "seconds": round(seconds, 1), "state": found.state,
        "error": found.error, "result": found.result, "answers": NEW, "with a grade": len(new),
        "stored as new more than once": sum(sum(f for f, _ in w) > 1 for w in writes.values()),
        "changed after it was stored": sum(len({d for _, d in w}) > 1 for w in writes.values()),
        "answers to grade at each start": taken_up(settings, job),
        "answers paid and kept": sum(row["calls"] for row in store.spent()),
        "endpoint": asked if given.tools else None,
    }  # fmt: skip


def taken_up(settings: Settings, job: str) -> list[int]:
    """At each start of grading: how many answers it set out to grade."""
    lines = (queue.folder_of(settings, job) / "progress.jsonl").read_text().splitlines()
    steps = [json.loads(line)["progress"] for line in lines]
    return [int(p["total"]) for p in steps if p["stage"] == "grade" and not p["done"]]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--stage", choices=("distil", "train", "grade"), required=True)
    options.add_argument("--data", type=Path)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--tools", type=Path)
    options.add_argument("--models", type=Path)
    options.add_argument("--book", type=Path, default=Path("data/sample_course/textbook_en.md"))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.models:
            (Path(folder) / "models").symlink_to(given.models.expanduser())
        settings, store, workspace = course_in(Path(folder), given.book)
        if given.stage == "distil":
            distil_kills(settings, store, given.tools, given.kills)
        elif given.stage == "grade":
            print(json.dumps(grade_kills(settings, store, workspace, given), indent=1))
        else:
            train_kills(settings, store, workspace, given.kills)
        store.close()


if __name__ == "__main__":
    main()
