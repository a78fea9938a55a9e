"""The child of a job: what it writes and with which status it ends, whatever its step does."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from engine import child
from engine.errors import BadInput, Cancelled
from engine.files import read_json, write_json
from engine.jobs.card import job_of
from engine.python import child_environment, module_command
from engine.schema import Progress

CARD = {"kind": "read", "course": "c", "plan": {"a": 1}, "created": 1.0, "attempt": 1}


@pytest.fixture
def run(settings, monkeypatch):
    """``run(step)``: the exit status of a job whose step is this function, and its folder."""
    folder = settings.home / "jobs" / "j"
    write_json(folder / "job.json", CARD)
    monkeypatch.setattr(child, "_die_with_parent", lambda: None)

    def call(step):
        monkeypatch.setattr(child, "run_step", lambda *given: step(given[-1]))
        return child.run_child(settings, folder), folder

    call.folder = folder
    return call


def test_a_result_is_written_and_the_last_progress_is_told(run):
    def step(report):
        for done in range(5):
            report(Progress(stage="x", done=done, total=4))
        return {"n": 5}

    status, folder = run(step)
    assert (status, read_json(folder / "result.json")) == (0, {"n": 5})
    rows = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert [row["progress"]["done"] for row in rows] == [0, 4], "five a second, and the end"


def test_a_step_that_was_asked_to_stop_stops_at_its_next_report(run):
    told = []

    def step(report):
        for done in range(3):
            told.append(done)
            report(Progress(stage="x", done=done))
        return {}

    (run.folder / "cancel").touch()
    status, folder = run(step)
    assert (status, told) == (130, [0])
    assert not (folder / "result.json").exists() and not (folder / "error.json").exists()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("No.", code="x.y", next="Do.", n=3), 1, "x.y"),
        (MemoryError(), 1, "work.memory"),
        (ZeroDivisionError("by 0"), 1, "work.unexpected"),
        (Cancelled("stopped"), 130, None),
    ],
)
def test_an_error_is_told_in_a_file(run, error, status, code):
    def step(report):
        raise error

    found, folder = run(step)
    told = read_json(folder / "error.json")
    assert (found, told and told["code"]) == (status, code)
    assert not (folder / "result.json").exists()
    if code == "x.y":
        assert (told["values"], told["next"]) == ({"n": 3}, "Do.")


def test_a_child_dies_with_its_worker(tmp_path):
    """The worker is killed outright; a child that lived on would run the job twice at once."""
    code = "from engine.child import _die_with_parent as d; import time; d(); print('up', flush=True); time.sleep(60)"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {code!r}], start_new_session=True)\n"
        "print(child.pid, flush=True); child.wait()"
    )
    worker = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    pid = int(worker.stdout.readline())
    assert worker.stdout.readline() == "up\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    end = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
        assert time.monotonic() < end, "the child lives on"
        time.sleep(0.05)


def test_the_command_alone_keeps_the_working_folder_out(tmp_path):
    """Without help from the environment."""
    (tmp_path / "engine.py").write_text("raise SystemExit('hostile')")
    environment = {k: v for k, v in child_environment().items() if k != "PYTHONSAFEPATH"}
    command = module_command("engine", "--version")
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_rate_and_start_are_those_of_this_attempt(tmp_path):
    def row(at, attempt, done):
        progress = Progress(stage="x", done=done, total=100, message=f"m{attempt}").model_dump()
        return json.dumps({"at": at, "attempt": attempt, "progress": progress}) + "\n"

    rows = [row(0.0, 1, 0), row(10.0, 1, 50), row(1000.0, 2, 50), row(1010.0, 2, 60)]
    (tmp_path / "progress.jsonl").write_text("".join(rows))
    job = job_of(tmp_path, CARD | {"attempt": 2}, "PENDING")
    assert (job.state, job.started, job.rate, job.eta) == ("running", 1000.0, 1.0, 40.0)
    assert (job.progress.done, job.log) == (60, ("m1", "m2"))
