"""Jobs survive a killed worker, stop when asked, resume, and never run twice for a double click."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psutil
import pytest

from engine import jobs as queue
from engine.corpus import revise
from engine.course import make_passages
from engine.distil import CORPUS, DistilPlan, distil
from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.jobs import worker as working
from engine.llm.teacher import TeacherChoice, save_choice
from engine.python import child_environment, engine_command
from engine.schema import Block, Course, Document, Progress, Section
from engine.settings import Settings, load
from engine.stages import overview
from engine.store import Store
from tests import postgres
from tests.unit.llm_server import Said, serving
from tests.unit.teaching import Agreeable, point

SECTIONS = 24


def gadget(passage):
    """One knowledge point a passage."""
    first, name = passage.split(". ")[0] + ".", passage.split(" ")[1]
    return [point(first, [f"Wording {i} for {name}?" for i in range(4)])]


TEACH = Agreeable(gadget)


def answer(body, _number):
    """A teacher over HTTP that takes a while."""
    time.sleep(0.05)
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return Said(TEACH.reply(body["messages"], schema))


def asked_twice(server):
    """How many calls came again in the same words."""
    bodies = [json.dumps(body, sort_keys=True) for body in server.bodies]
    return len(bodies) - len(set(bodies))


@pytest.fixture
def home(settings):
    """A course of 24 sections in a store."""
    with filled(settings) as found:
        yield found


@contextmanager
def filled(settings):
    settings.home.mkdir(parents=True, exist_ok=True)
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
def worker(settings, cwd=None, **environment):
    command = engine_command(settings.home, "worker")
    urls = {"DATABASE_URL": settings.database_url, "JOBS_URL": settings.jobs_url}
    environment |= {f"COURSEWRIGHT_{name}": url for name, url in urls.items()}
    process = subprocess.Popen(
        command, start_new_session=True, cwd=cwd, env=child_environment(**environment)
    )
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
        assert asked_twice(server) <= 2, "only calls in flight at the kill are asked again"
        assert asked < len(server.bodies) / 2
        assert submit(settings, store, url) == job
        assert queue.read(settings, job).state == "done"


@pytest.mark.parametrize("running", [True, False])
def test_discard_throws_the_unfinished_work_away_and_nothing_else(home, running, monkeypatch):
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
        if running:  # then nothing is thrown away under the child: the worker does it afterwards
            monkeypatch.setattr(queue, "discard_job", lambda folder: pytest.fail("too early"))
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
        assert asked_twice(server) <= 2


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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_job_goes_from_submit_to_done_on_either_database(kind, tmp_path, request):
    settings = Settings(home=tmp_path / "home")
    with ExitStack() as stack:
        if kind == "postgresql":
            server = request.getfixturevalue("postgres_server")
            urls = [stack.enter_context(postgres.database(server)) for _ in range(2)]
            settings = replace(settings, database_url=urls[0], jobs_url=urls[1])
        _, store = stack.enter_context(filled(settings))
        url, _ = stack.enter_context(serving(answer))
        stack.enter_context(worker(settings))
        job = submit(settings, store, url)
        done = until(lambda: (j := queue.read(settings, job)).state == "done" and j)
        assert done.result["failed_calls"] == 0
        assert len(store.pairs("c")) > SECTIONS
        assert [j.state for j in queue.jobs(settings, "c")] == ["done"]


# ------------------------------------------------------------------ what a child is, and its end


HOSTILE = "import pathlib; pathlib.Path(__file__).with_name('ran').touch(); raise SystemExit(0)"


def hostile(folder):
    """A folder with modules that carry the engine's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("engine.py", "pages.py", "dbos.py", "pydantic.py"):
        (folder / name).write_text(HOSTILE)
    return folder


def test_an_engine_in_the_working_folder_is_never_run(home, tmp_path):
    settings, _ = home
    cwd = hostile(tmp_path / "hostile")
    with worker(settings, cwd=cwd):
        job = queue.submit(settings, "read", "nowhere", {"files": []})
        hostile(queue.folder_of(settings, job))
        ended = until(lambda: not (j := queue.read(settings, job)).live and j)
    assert (ended.state, (ended.error or {}).get("code")) == ("failed", "course.missing")
    assert not (cwd / "ran").exists()
    assert not (queue.folder_of(settings, job) / "ran").exists()


def test_a_child_works_in_its_jobs_folder_with_the_workers_engine(tmp_path, monkeypatch):
    import engine

    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(hostile(tmp_path / "elsewhere"))
    code = "import engine, os, sys; print(engine.__file__, sys.flags.safe_path)"
    command = [sys.executable, "-c", code]  # the environment alone has to do
    found = subprocess.run(command, env=child_environment(), capture_output=True, text=True)
    assert found.stdout.split() == [engine.__file__, "True"]


def started(settings, monkeypatch, code, job="j"):
    """Settle a job whose child runs this code; its final state and the job."""
    folder = queue.folder_of(settings, job)
    card = {"kind": "read", "course": "c", "plan": {}, "created": 1.0, "attempt": 1}
    write_json(folder / "job.json", card)
    command = [sys.executable, "-c", code]
    monkeypatch.setattr(working, "engine_command", lambda *_: command)
    state = working._run_child(str(settings.home), job, 1)
    return state, queue.read(settings, job)


def test_a_child_that_exits_0_without_a_result_has_failed(settings, monkeypatch):
    state, job = started(settings, monkeypatch, "pass")
    assert state == job.state == "failed"
    assert job.error["code"] == "job.no_result" and job.error["next"]


def test_a_result_of_an_earlier_run_is_no_result_of_this_one(settings, monkeypatch):
    write_json(queue.folder_of(settings, "j") / "result.json", {"old": 1})
    state, job = started(settings, monkeypatch, "pass")
    assert (state, job.result) == ("failed", None)


def test_a_child_that_leaves_a_result_and_fails_has_failed(settings, monkeypatch):
    code = "import pathlib, sys; pathlib.Path('result.json').write_text('{}'); sys.exit(3)"
    state, job = started(settings, monkeypatch, code)
    assert state == "failed" and "status 3" in job.error["message"]


def test_a_child_that_leaves_a_result_is_done(settings, monkeypatch):
    code = "import pathlib; pathlib.Path('result.json').write_text('{\"a\": 1}')"
    state, job = started(settings, monkeypatch, code)
    assert (state, job.state, job.result, job.error) == ("done", "done", {"a": 1}, None)
    assert 0 < job.started <= job.finished


def test_a_killed_child_says_that_memory_ran_out(settings, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    state, job = started(settings, monkeypatch, code)
    assert (state, job.error["code"]) == ("failed", "job.killed")


def test_a_child_that_does_not_obey_is_ended_by_force(settings, monkeypatch):
    monkeypatch.setattr(working, "_GRACE_SECONDS", 0.5)
    (queue.folder_of(settings, "j")).mkdir(parents=True)
    (queue.folder_of(settings, "j") / "cancel").touch()
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    begun = time.monotonic()
    state, job = started(settings, monkeypatch, code)
    assert state == job.state == "stopped" and job.error is None
    assert 0.5 < time.monotonic() - begun < 10


# ------------------------------------------------------------------ the list


def made_up(settings, number, **files):
    """An ended job of course ``c`` (odd numbers: ``d``) on the disk, as a worker leaves it."""
    folder = queue.folder_of(settings, f"{number:04d}")
    course = "d" if number % 2 else "c"
    card = {"kind": "read", "course": course, "plan": {}, "created": float(number), "attempt": 1}
    write_json(folder / "job.json", card)
    rows = [{"at": float(i), "attempt": 1, "progress": Progress(stage="x", done=i).model_dump()} for i in range(9)]  # fmt: skip
    (folder / "progress.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ends = {"result": {"n": number}, "outcome": {"state": "done", "started": 1.0, "finished": 2.0}}
    for name, data in (ends | files).items():
        if data is not None:
            write_json(folder / f"{name}.json", data)
    return folder


@contextmanager
def opened(folder):
    """Counts the files below a folder that this process opens."""
    found, on = [], [True]

    def hook(event, args):
        if on and event == "open" and str(folder) in str(args[0]):
            found.append(str(args[0]))

    sys.addaudithook(hook)  # cannot be taken away again
    yield found
    on.clear()


def test_listing_300_jobs_again_opens_no_file(settings):
    for number in range(300):
        made_up(settings, number)
    with opened(settings.home / "jobs") as first:
        found = queue.jobs(settings, limit=10)
    assert [job.id for job in found] == [f"{n:04d}" for n in range(299, 289, -1)]
    assert len(first) <= 300 + 10 * 4, "the cards, and the files of the ten"
    assert len(queue.jobs(settings, "c")) == 150
    with opened(settings.home / "jobs") as again:
        assert len(queue.jobs(settings, "c")) == 150
        assert queue.jobs(settings, limit=10) == found
    assert again == []


def test_a_changed_job_is_read_anew(settings):
    made_up(settings, 2)
    assert queue.jobs(settings)[0].result == {"n": 2}
    folder = made_up(settings, 2, result=None, outcome=None)  # as resuming leaves it
    (folder / "outcome.json").unlink()
    (folder / "result.json").unlink()
    assert queue.jobs(settings)[0].state == "queued"
    error = {"code": "x", "message": "m", "next": "n"}
    made_up(settings, 2, result=None, error=error, outcome={"state": "failed"})
    assert (queue.jobs(settings)[0].state, queue.jobs(settings)[0].error) == ("failed", error)
    queue.remove(settings, "0002")
    assert queue.jobs(settings) == []


def test_a_job_whose_sender_died_before_queueing_it_can_be_resumed(settings):
    folder = made_up(settings, 2, result=None, outcome=None)
    os.utime(folder / "job.json", (time.time() - 300,) * 2)
    assert queue.read(settings, "0002").state == "stopped"
    queue.resume(settings, "0002")
    assert queue.read(settings, "0002").state == "queued"


def test_a_job_that_cannot_be_queued_leaves_no_trace(settings, monkeypatch):
    def unreachable(*_):
        raise ConnectionError

    monkeypatch.setattr(queue, "enqueue", unreachable)
    with pytest.raises(ConnectionError):
        queue.submit(settings, "read", "c", {})
    assert queue.jobs(settings) == []


def test_what_has_ended_cannot_be_stopped_and_what_is_done_not_resumed(settings):
    made_up(settings, 2)
    made_up(settings, 4, outcome={"state": "failed", "started": 1.0, "finished": 2.0})
    for job, code, verb in (
        ("0002", "job.ended", queue.cancel),
        ("0004", "job.ended", queue.cancel),
        ("0002", "job.done", queue.resume),
    ):
        with pytest.raises(BadInput) as told:
            verb(settings, job)
        assert told.value.code == code
    with pytest.raises(BadInput, match="done"):
        queue.cancel(settings, "0002", discard=True)
    assert queue.read(settings, "0002").result == {"n": 2}
    for verb in (queue.cancel, queue.resume, queue.remove, queue.read):
        with pytest.raises(Missing, match="nowhere"):
            verb(settings, "nowhere")


def test_clearing_forgets_what_has_ended_and_nothing_else(settings):
    made_up(settings, 1)
    made_up(settings, 2)
    live = queue.submit(settings, "read", "c", {})
    with pytest.raises(BadInput) as told:
        queue.remove(settings, live)
    assert told.value.code == "job.live"
    assert queue.clear(settings, "c") == ["0002"]
    assert queue.clear(settings) == ["0001"]
    assert [job.id for job in queue.jobs(settings)] == [live]


def test_a_relative_sqlite_file_lies_under_home_wherever_a_process_works(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWRIGHT_DATABASE_URL", "sqlite:///own.db")
    monkeypatch.setenv("COURSEWRIGHT_JOBS_URL", f"sqlite:///{tmp_path}/jobs.db")
    found = load(tmp_path / "home")
    assert found.database == f"sqlite:///{tmp_path}/home/own.db"
    assert found.jobs_database == f"sqlite:///{tmp_path}/jobs.db"


def test_a_live_job_is_read_anew_each_time(settings):
    job = queue.submit(settings, "read", "c", {})
    assert queue.jobs(settings)[0].progress is None
    file = queue.folder_of(settings, job) / "progress.jsonl"
    for done in (1.0, 2.0):
        row = {"at": done, "attempt": 1, "progress": Progress(stage="x", done=done).model_dump()}
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n" + '{"half a')
        assert queue.jobs(settings)[0].progress.done == queue.read(settings, job).progress.done
        assert queue.read(settings, job).progress.done == done
        file.write_text(json.dumps(row) + "\n")
    file.unlink()


def test_resuming_begins_without_the_marks_of_the_last_end(settings):
    made_up(settings, 2, outcome={"state": "stopped", "started": 1.0, "finished": 2.0}, error={})
    folder = queue.folder_of(settings, "0002")
    (folder / "cancel").touch()
    queue.resume(settings, "0002")
    assert sorted(p.name for p in folder.iterdir()) == ["job.json", "progress.jsonl"]
    again = queue.read(settings, "0002")
    assert (again.state, again.attempt, again.started) == ("queued", 2, 0.0)
    assert queue.resume(settings, "0002") == "0002"
    assert queue.read(settings, "0002").attempt == 2, "a double click is a no-op"


def test_a_job_whose_worker_ends_in_order_is_not_settled(settings, monkeypatch):
    """It is the next worker's: neither failed nor stopped."""
    code = "import time; time.sleep(60)"
    thread = threading.Thread(target=started, args=(settings, monkeypatch, code))
    thread.start()
    until(lambda: "j" in working._children)
    child = working._children["j"]
    try:
        working._end_children()
        child.wait(5)
        thread.join(1.5)
        assert thread.is_alive()
        assert not (queue.folder_of(settings, "j") / "outcome.json").exists()
    finally:
        working._stopping.clear()
        thread.join(10)
