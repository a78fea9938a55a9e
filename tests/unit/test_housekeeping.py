"""Removing a course takes all of it and nothing else; forgetting says when there is nothing."""

import io
import json
import os
import pty

import pytest

from engine import jobs as queue
from engine.cli import main
from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.housekeeping import remove_course, rename_course
from engine.learner import Event, record
from engine.sample import ensure_sample
from engine.schema import Course
from engine.serve.keys import key_names, new_key, owner_of
from engine.settings import Settings
from engine.steps.books import BOOKS, BookFigures
from engine.store import Store


@pytest.fixture
def home(settings, database_url):
    """Two courses, each with files, rows and an ended job."""
    given = Settings(home=settings.home, database_url=database_url)
    store = Store(database_url)
    for number, name in enumerate(("a", "b")):
        store.add_course(Course(id=name, title=name.upper(), language="en"))
        store.save(name, BOOKS, BookFigures(books=1, sections=1, passages=1, tokens=1))
        store.put_role(name, "x@y.z", "instructor")
        new_key(store, name, "k")
        record(store, name, [Event(learner="s-1", item="i", concept="k", correct=True, at=1.0)])
        write_json(given.course_folder(name) / "runs" / "r.json", {"size": "x" * 1000})
        ended(given, f"job{number}", name)
    yield given, store
    store.close()


def ended(settings, job, course):
    folder = queue.folder_of(settings, job)
    card = {"kind": "read", "course": course, "plan": {}, "created": 1.0, "attempt": 1}
    write_json(folder / "job.json", card)
    write_json(folder / "result.json", {})
    write_json(folder / "outcome.json", {"state": "done", "started": 1.0, "finished": 2.0})


@pytest.fixture
def run(home, capsys, monkeypatch):
    """``run("verb", ...)``: exit status and the parsed JSON of stdout; nobody at a terminal."""
    settings, _ = home
    monkeypatch.setenv("COURSEWRIGHT_DATABASE_URL", settings.database_url)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*words):
        capsys.readouterr()
        status = main(["--home", str(settings.home), "--json", "--quiet", *words])
        return status, json.loads(capsys.readouterr().out)

    return call


def test_removing_a_course_takes_rows_files_and_jobs_of_it_alone(home):
    settings, store = home
    removed = remove_course(settings, store, "a")
    assert removed.jobs == 1 and removed.bytes > 1000
    assert [c.id for c in store.courses()] == ["b"]
    assert not settings.course_folder("a").exists()
    assert (settings.course_folder("b") / "runs" / "r.json").exists()
    assert not store.newest_inputs("a") and store.events("a") == [] and store.roles("a") == {}
    assert key_names(store, "a") == []
    assert (
        store.newest_inputs("b")
        and store.events("b")
        and store.roles("b")
        and key_names(store, "b")
    )
    assert [job.course for job in queue.jobs(settings)] == ["b"]
    with pytest.raises(Missing):
        remove_course(settings, store, "a")


def test_a_course_with_a_live_job_stays_whole(home):
    settings, store = home
    queue.submit(settings, "read", "a", {})
    with pytest.raises(BadInput) as told:
        remove_course(settings, store, "a")
    assert told.value.code == "course.live"
    assert store.course("a") and store.newest_inputs("a") and len(queue.jobs(settings, "a")) == 2
    assert settings.course_folder("a").exists()


@pytest.mark.parametrize("name", ["..", ".", "../..", "b/runs"])
def test_a_course_of_an_odd_name_takes_no_folder_but_its_own(home, name):
    settings, store = home
    store.add_course(Course(id=name, title="odd", language="en"))
    remove_course(settings, store, name)
    assert [c.id for c in store.courses()] == ["a", "b"]
    assert (settings.course_folder("b") / "runs" / "r.json").exists()
    assert (settings.home / "jobs" / "job0").exists()


def test_a_removal_that_was_interrupted_can_be_repeated(home, monkeypatch):
    settings, store = home
    monkeypatch.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(OSError("busy")))
    with pytest.raises(OSError, match="busy"):
        remove_course(settings, store, "a")
    monkeypatch.undo()
    remove_course(settings, store, "a")
    assert not settings.course_folder("a").exists()


def test_a_removed_sample_course_does_not_come_back(settings):
    settings.home.mkdir()
    store = Store(settings.database)
    assert {c.id for c in ensure_sample(settings, store)} == {"sample", "sample-zh"}
    remove_course(settings, store, "sample")
    assert [c.id for c in ensure_sample(settings, store)] == ["sample-zh"]
    assert [c.id for c in store.courses()] == ["sample-zh"]
    store.close()


def test_a_new_title_changes_nothing_else(home):
    _, store = home
    before = store.course("b")
    renamed = rename_course(store, "a", "  Algorithms ")
    assert renamed == store.course("a") == Course(id="a", title="Algorithms", language="en")
    assert store.course("b") == before
    with pytest.raises(BadInput):
        rename_course(store, "a", " ")
    with pytest.raises(Missing):
        rename_course(store, "c", "C")


# ------------------------------------------------------------------ the commands


def test_remove_needs_a_yes_where_nobody_can_be_asked(home, run):
    _, store = home
    status, said = run("remove", "a")
    assert (status, said["error"]["code"]) == (1, "remove.unsure")
    assert store.course("a")
    status, said = run("remove", "a", "--yes")
    assert (status, said["removed"]["course"]) == (0, "a")
    assert run("remove", "a", "--yes")[0] == 1


@pytest.mark.parametrize(("typed", "status", "left"), [("a", 0, ["b"]), ("yes", 1, ["a", "b"])])
def test_remove_asks_on_a_terminal(home, run, monkeypatch, typed, status, left):
    _, store = home
    leader, follower = pty.openpty()
    os.write(leader, f"{typed}\n".encode())
    with os.fdopen(follower) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        assert run("remove", "a")[0] == status
    os.close(leader)
    assert [c.id for c in store.courses()] == left


def test_rename_and_jobs(home, run):
    settings, store = home
    assert run("rename", "a", "Neu")[1]["title"] == store.course("a").title == "Neu"
    assert [job["id"] for job in run("jobs", "--course", "b")[1]] == ["job1"]
    assert len(run("jobs", "--limit", "1")[1]) == 1
    assert run("jobs", "--remove", "job1") == (0, {"removed": ["job1"]})
    status, said = run("jobs", "--remove", "job1")
    assert (status, said["error"]["code"]) == (1, "job.missing")
    assert run("jobs", "--clear", "--course", "b")[1] == {"removed": []}
    assert run("jobs", "--clear")[1] == {"removed": ["job0"]}
    assert queue.jobs(settings) == []


@pytest.mark.parametrize("verb", ["cancel", "resume"])
def test_a_missing_or_finished_job_is_a_clear_error(run, verb):
    status, said = run(verb, "none")
    assert (status, said["error"]["code"]) == (1, "job.missing")
    status, said = run(verb, "job0")
    assert (status, said["error"]["code"]) == (1, {"cancel": "job.ended", "resume": "job.done"}[verb])  # fmt: skip
    assert said["error"]["next"]


def test_the_step_of_a_missing_job_is_a_clear_error(run, tmp_path):
    status, said = run("step", str(tmp_path / "none"))
    assert (status, said["error"]["code"]) == (1, "job.missing")


def test_keys_are_listed_and_taken_back(home, run):
    _, store = home
    key = new_key(store, "a", "second")
    assert run("serve", "a", "--keys") == (0, {"keys": ["k", "second"]})
    assert run("serve", "a", "--remove-key", "second") == (0, {"removed": "second"})
    assert owner_of(store, "a", key) is None and key_names(store, "a") == ["k"]
    status, said = run("serve", "a", "--remove-key", "second")
    assert (status, said["error"]["code"]) == (1, "key.missing")


def test_the_teachers_key_is_forgotten(home, run):
    from engine.llm.teacher import TeacherChoice, key_of, load_choice, save_choice

    settings, store = home
    choice = TeacherChoice(kind="endpoint", base_url="http://127.0.0.1:1/v1", model="m")
    assert key_of(save_choice(store, settings, choice, api_key="sk-1"), settings) == "sk-1"
    status, said = run("teacher", "forget-key")
    assert (status, said["key_kept"]) == (0, None)
    assert load_choice(store).key_kept is None and load_choice(store).model == "m"
    assert "sk-1" not in (settings.home / "secrets.toml").read_text()
    status, said = run("teacher", "forget-key")
    assert (status, said["error"]["code"]) == (1, "teacher.no_key")
