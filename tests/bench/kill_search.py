"""Kill -9 of the worker in a prompt search and in an alignment (preference scores, DPO, students).

    python -m tests.bench.kill_search --home H --course C --stage optimise --kills 5
    python -m tests.bench.kill_search --home H --course C --stage align --kills 5
    python -m tests.bench.kill_search --home H --course C --stage coursegpt --tools ../shared/tools

``H`` is an installation whose course ``C`` has its corpus; the work is done on two copies of it,
once in peace and once under kills. Every write of an answer is logged by a trigger, so that one
that was kept and yet asked for again cannot hide. Prints answers asked in peace and under kills,
how many were written twice, and whether both runs found the same (the embedded model words an
answer by what else is in its batch, so with it they may differ). Against the fault endpoint
(``coursegpt``, ``gepa``) its ``/stats`` count what was served twice.
"""

import argparse
import contextlib
import json
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from engine import jobs as queue
from engine.settings import Settings
from engine.store import Store
from tests.bench.kill import get, kill_at_random, start_worker, teacher

PLANS: dict[str, dict[str, Any]] = {
    "optimise": {"method": "recombine", "model": "embedded", "budget": 60, "exam": 10},
    "coursegpt": {"method": "coursegpt", "model": "endpoint", "budget": 60, "exam": 10},
    "gepa": {"method": "gepa", "model": "endpoint", "budget": 60, "exam": 10},
    "align": {"drafts": 8, "preference": 6, "test": 12, "arms": ["random", "dpo"]},
}
_LOG = """
CREATE TABLE answer_writes (key TEXT);
CREATE TRIGGER answer_first AFTER INSERT ON answers BEGIN
  INSERT INTO answer_writes VALUES (NEW.key); END;
CREATE TRIGGER answer_again AFTER UPDATE ON answers BEGIN
  INSERT INTO answer_writes VALUES (NEW.key); END;
"""


def copied(home: Path, course: str, target: Path) -> Settings:
    """A copy of the installation in which nothing of the stage was ever asked."""
    skipped = shutil.ignore_patterns("jobs", "jobs.db*", "runs", "align", "models")
    shutil.copytree(home, target, ignore=skipped)
    (target / "models").symlink_to((home / "models").resolve())
    with contextlib.closing(sqlite3.connect(target / "coursewright.db")) as rows:
        rows.executescript("DELETE FROM answers;" + _LOG)
        rows.execute("DELETE FROM results WHERE stage IN ('prompts', 'align')")
        rows.execute("DELETE FROM choices WHERE scope = ? AND name = 'prompt'", (course,))
        rows.commit()
    return Settings(home=target)


def one_run(
    settings: Settings, given: argparse.Namespace, kills: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the stage; its result and what was counted."""
    step = "align" if given.stage == "align" else "optimise"
    counted: dict[str, Any] = {}
    store = Store(settings.database)
    with contextlib.ExitStack() as stack:
        if given.tools:
            stack.enter_context(teacher(settings, store, given.tools, 300))
        job = queue.submit(settings, step, given.course, PLANS[given.stage])
        if kills:
            done, seconds = kill_at_random(settings, job, kills, given.low, given.high)
            counted |= {"kills": done}
        else:
            seconds = _in_peace(settings, job)
        if given.tools:
            stats = get("/stats")
            counted |= {k: stats.get(k) for k in ("answered_ok", "distinct_bodies", "duplicates")}
    store.close()
    found = queue.read(settings, job)
    with contextlib.closing(sqlite3.connect(settings.home / "coursewright.db")) as rows:
        writes = [n for (n,) in rows.execute("SELECT count(*) FROM answer_writes GROUP BY key")]
    counted |= {
        "state": found.state,
        "error": found.error,
        "seconds": round(seconds, 1),
        "answers": len(writes),
        "kept and asked again": sum(n > 1 for n in writes),
    }
    return found.result or {}, counted


def _in_peace(settings: Settings, job: str) -> float:
    started = time.monotonic()
    worker = start_worker(settings)
    while queue.read(settings, job).state not in ("done", "failed"):
        time.sleep(0.2)
    worker.terminate()
    worker.wait()
    return time.monotonic() - started


def findings(stage: str, result: dict[str, Any]) -> object:
    """What both runs must agree on."""
    if stage == "align":
        return [(arm["arm"], arm["right"], arm["rows"]) for arm in result.get("arms", ())]
    return [
        result.get("best"),
        result.get("frontier"),
        [r["after"] for r in result.get("exam", ())],
    ]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--course", required=True)
    options.add_argument("--stage", choices=tuple(PLANS), required=True)
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--low", type=float, default=8.0, help="seconds a worker lives at least")
    options.add_argument("--high", type=float, default=25.0)
    options.add_argument("--tools", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for name, kills in (("in peace", 0), ("killed", given.kills)):
            settings = copied(given.home, given.course, Path(folder) / name.replace(" ", "-"))
            runs[name] = one_run(settings, given, kills)
            print(json.dumps({name: runs[name][1]}, indent=1), flush=True)
        same = findings(given.stage, runs["in peace"][0]) == findings(
            given.stage, runs["killed"][0]
        )
        print(json.dumps({"stage": given.stage, "same findings": same}))


if __name__ == "__main__":
    main()
