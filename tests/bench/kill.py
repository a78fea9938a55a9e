"""Kill -9 of the worker at random moments, in distilling (against a slow endpoint) and in training.

    python tests/bench/kill.py --tools ../shared/tools --kills 10 --stage distil
    python tests/bench/kill.py --kills 10 --stage train --models ~/.cache/coursewright-tests

Prints what was lost, paid twice and repeated. Distilling runs against the fault endpoint, whose
``/stats`` counts answers served twice to the same request; a call in flight at the kill may be
served again (its answer never reached us), an answer that was received never is.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from engine import jobs as queue
from engine.distil import DistilPlan
from engine.llm.teacher import TeacherChoice, save_choice
from engine.schema import Course
from engine.settings import Settings
from engine.steps import Room, make_corpus, read_books
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


def course_in(home: Path, book: Path) -> tuple[Settings, Store, Room]:
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    room = Room(settings, store, course)
    read_books(room, {"files": [str(book)]})
    return settings, store, room


def get(path: str) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}") as answer:
        return json.load(answer)


def distil_kills(settings: Settings, store: Store, tools: Path, kills: int) -> None:
    server = subprocess.Popen(
        [sys.executable, str(tools / "teacher_endpoint.py"), "--port", str(PORT), "--slots", "8",
         "--latency-ms", "1200", "--p99-ms", "2500"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(3)
        model = get("/v1/models")["data"][0]["id"]
        url = f"http://127.0.0.1:{PORT}/v1"
        save_choice(
            store, settings, TeacherChoice(kind="endpoint", base_url=url, model=model, ceiling=8)
        )
        plan = DistilPlan(pairs=3000, teacher="endpoint")
        job = queue.submit(settings, "distil", "c", plan.model_dump(mode="json"))
        done, seconds = kill_at_random(settings, job, kills, 4.0, 12.0)
        stats = get("/stats")
        result = queue.read(settings, job).result
        cached = sum(row["calls"] for row in store.spent())
        print(json.dumps({"stage": "distil", "kills": done, "seconds": round(seconds, 1), "result": result,
                          "answers kept": cached, "endpoint": stats}, indent=1))  # fmt: skip
    finally:
        server.kill()


def train_kills(settings: Settings, store: Store, room: Room, kills: int) -> None:
    make_corpus(room, DistilPlan(pairs=300).model_dump(mode="json"))
    recipe = preset("normal").model_copy(update={"epochs": 3})
    job = queue.submit(settings, "train", "c", recipe.model_dump(mode="json"))
    done, seconds = kill_at_random(settings, job, kills, 12.0, 30.0)
    found = queue.read(settings, job)
    assert found.result is not None
    folder = room.folder / "runs" / found.result["run"]
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


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--stage", choices=("distil", "train"), required=True)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--tools", type=Path)
    options.add_argument("--models", type=Path)
    options.add_argument("--book", type=Path, default=Path("data/sample_course/textbook_en.md"))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.models:
            (Path(folder) / "models").symlink_to(given.models.expanduser())
        settings, store, room = course_in(Path(folder), given.book)
        if given.stage == "distil":
            distil_kills(settings, store, given.tools, given.kills)
        else:
            train_kills(settings, store, room, given.kills)
        store.close()


if __name__ == "__main__":
    main()
