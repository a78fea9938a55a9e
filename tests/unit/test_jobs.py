"""Jobs survive a killed worker, stop when asked, resume, and never run twice for a double click."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from engine import jobs as queue
from engine.corpus import revise
from engine.course import make_passages
from engine.distil import CORPUS, DistilPlan, distil
from engine.llm.teacher import TeacherChoice, save_choice
from engine.schema import Block, Course, Document, Section
from engine.stages import overview
from engine.store import Store
from tests.unit.llm_server import Said, serving

SECTIONS = 24


def answer(body, _number):
    """One knowledge point a passage, after a while."""
    time.sleep(0.25)
    passage = body["messages"][-1]["content"].split("<passage>")[1].split("</passage>")[0].strip()
    first = passage.split(". ")[0] + "."
    name = passage.split(" ")[1]
    point = {
        "kind": "definition",
        "answer": first,
        "quote": first,
        "questions": [f"Wording {i} for {name}?" for i in range(4)],
    }
    return Said(json.dumps({"points": [point]}))


@pytest.fixture
def home(settings):
    """A course of 24 sections in a store."""
    settings.home.mkdir(parents=True)
    store = Store(settings.database)
    store.add_course(Course(id="c", title="C", language="en"))
    text = (
        "A gadget{i} is a thing with {i} wheels that turn. "
        + "It turns and turns all day long. " * 6
    )
    sections = tuple(
        Section(id=f"s{i}", title=f"G{i}", blocks=(Block(text=text.format(i=i)),))
        for i in range(SECTIONS)
    )
    document = Document(id="d" * 16, title="T", filename="t.md", language="en", sections=sections)
    store.add_document("c", document)
    store.replace_passages("c", make_passages([document]))
    yield settings, store
    store.close()


@contextmanager
def worker(settings):
    command = [sys.executable, "-m", "engine", "--home", str(settings.home), "worker"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def submit(settings, store, url):
    save_choice(store, settings, TeacherChoice(kind="endpoint", base_url=url, model="m", ceiling=2))
    plan = DistilPlan(pairs=1000, teacher="endpoint").model_dump(mode="json")
    return queue.submit(settings, "distil", "c", plan, "")


def test_a_killed_worker_takes_its_child_along_and_the_next_one_finishes_the_job(home):
    settings, store = home
    distil(store.course("c"), DistilPlan(pairs=40), chat=None, store=store)
    before = store.pairs("c")
    with serving(answer) as (url, server):
        job = submit(settings, store, url)
        assert submit(settings, store, url) == job
        with worker(settings) as first:
            until(lambda: store.count_draft("c") > 8)
            children = psutil.Process(first.pid).children(recursive=True)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            until(lambda: not any(c.is_running() and c.status() != "zombie" for c in children), 10)
            kept = store.count_draft("c")
            assert store.pairs("c") == before, "the old corpus is in use until the new one is whole"
            asked = len(server.bodies)
        with worker(settings):
            done = until(lambda: (j := queue.read(settings, job)).state == "done" and j)
        assert kept <= len(store.pairs("c"))
        assert not {p.id for p in before} & {p.id for p in store.pairs("c")}
        assert store.count_draft("c") == 0
        assert done.result["failed_calls"] == 0
        assert {p.evidence[0].section for p in store.pairs("c")} == {
            f"s{i}" for i in range(SECTIONS)
        }
        assert len(server.bodies) <= SECTIONS + 2, (
            "only calls in flight at the kill are asked again"
        )
        assert asked < SECTIONS
        assert submit(settings, store, url) == job
        assert queue.read(settings, job).state == "done"


@pytest.mark.parametrize("running", [True, False])
def test_discard_throws_the_unfinished_work_away_and_nothing_else(home, running):
    settings, store = home
    distil(store.course("c"), DistilPlan(pairs=40), chat=None, store=store)
    first = store.pairs("c")[0]
    revise(store, "c", [first.model_copy(update={"status": "accepted"})])
    before = store.pairs("c")
    with serving(answer) as (url, _server), worker(settings):
        job = submit(settings, store, url)
        until(lambda: store.count_draft("c") > 8)
        if not running:
            queue.cancel(settings, job)
            until(lambda: queue.read(settings, job).state == "stopped")
        queue.cancel(settings, job, discard=True)
        until(lambda: not queue.jobs(settings, "c"))
        assert store.count_draft("c") == 0
    assert store.pairs("c") == before
    assert store.undo("c") == 1


def test_stop_keeps_what_was_made_and_resume_goes_on(home):
    settings, store = home
    with serving(answer) as (url, server), worker(settings):
        job = submit(settings, store, url)
        until(lambda: store.count_draft("c") > 8)
        assert overview(store, "c", {"distil"})["corpus"].state == "running"
        queue.cancel(settings, job)
        stopped = until(lambda: (j := queue.read(settings, job)).state == "stopped" and j)
        assert store.count_draft("c") > 0
        assert stopped.progress is not None
        queue.resume(settings, job)
        until(lambda: queue.read(settings, job).state == "done")
        assert store.count_draft("c") == 0 < len(store.pairs("c"))
        assert len(server.bodies) <= SECTIONS + 2


def test_a_failing_job_says_why_and_is_not_a_success(home):
    settings, store = home
    with serving(lambda _b, _n: Said(status=401, body='{"error": {"message": "bad key"}}')) as (
        url,
        _,
    ):
        with worker(settings):
            job = submit(settings, store, url)
            failed = until(lambda: (j := queue.read(settings, job)).state == "failed" and j)
        assert failed.error["code"].startswith("teacher.")
        assert failed.error["next"]
        assert store.saved("c", CORPUS) is None


def test_a_queued_job_can_be_cancelled_before_any_worker_came(home):
    settings, _ = home
    job = queue.submit(settings, "distil", "c", DistilPlan().model_dump(mode="json"))
    assert queue.read(settings, job).state == "queued"
    assert not queue.worker_alive(settings)
    queue.cancel(settings, job)
    assert queue.read(settings, job).state == "stopped"
    queue.remove(settings, job)
    assert queue.jobs(settings) == []
