"""Steps are declared once: names of jobs, queues, labels, estimates and plans derive from that."""

import json
from dataclasses import replace

import pytest

from engine import jobs
from engine.cli import main
from engine.distil import DistilPlan
from engine.errors import BadDocument, BadInput
from engine.files import write_json
from engine.jobs import queue
from engine.prompts import prompt_version
from engine.schema import Course, Value
from engine.settings import Settings
from engine.stages import STAGES, overview
from engine.steps import (
    DISTIL,
    READ,
    SERVE,
    STEPS,
    TAKE_EXAM,
    TRAIN,
    Workspace,
    run_step,
    step_named,
)
from engine.steps.books import ReadPlan
from engine.steps.exam import EXAM, ExamPlan
from engine.steps.publish import EXPORTS, Exported, ServePlan
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.workspace import TRAINED, trained_run
from tests.app.conftest import BOOK, make_student, pretend_exam


@pytest.fixture
def workspace(tmp_path):
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    (tmp_path / "garden.md").write_text(BOOK, encoding="utf-8")
    own = Workspace(settings, store, course)
    READ(own, ReadPlan(files=(str(tmp_path / "garden.md"),)))
    yield own
    store.close()


@pytest.fixture
def sent(monkeypatch):
    """What is put into which queue, without a worker."""
    rows = []

    class Client:
        def enqueue(self, options, home, job, attempt):
            rows.append((options["queue_name"], job, attempt))

        def list_workflows(self, **_):
            return []

    monkeypatch.setitem(queue._clients, "stub", Client())
    monkeypatch.setattr(Settings, "jobs_database", property(lambda _: "stub"))
    return rows


def test_every_step_is_whole():
    assert len({step.name for step in STEPS}) == len(STEPS)
    for step in STEPS:
        assert issubclass(step.plan, Value) and issubclass(step.result, Value)
        assert step.label and step.queue in ("heavy", "light", "services")
        assert set(step.stages) <= set(STAGES)
    assert {stage for step in STEPS for stage in step.stages} == set(STAGES)


def test_a_plan_survives_the_way_to_the_worker(workspace):
    for step in STEPS:
        if step.name in ("optimise", "export"):
            continue  # their defaults need a corpus, a student
        plan = step.default(workspace)
        assert step.plan.model_validate(json.loads(plan.model_dump_json())) == plan


def test_a_plan_with_an_unknown_field_is_refused(workspace):
    with pytest.raises(ValueError, match="pears"):
        run_step(workspace.settings, "distil", "c", {"pears": 3})
    with pytest.raises(BadInput, match="no step"):
        step_named("dance")


def test_screen_and_command_line_name_the_same_work_alike(workspace, sent):
    name = jobs.start(workspace, DISTIL)
    home = str(workspace.settings.home)
    assert main(["--home", home, "--json", "distil", "c", "--queue"]) == 0
    assert [job for _, job, _ in sent] == [name], "the second asking found the first one waiting"
    assert main(["--home", home, "--json", "distil", "c", "--pairs", "50", "--queue"]) == 0
    assert len({job for _, job, _ in sent}) == 2


def test_each_step_goes_to_its_own_queue(workspace, sent):
    jobs.start(workspace, SERVE, ServePlan(port=9999))
    jobs.start(workspace, TRAIN)
    jobs.start(workspace, DISTIL)
    assert [queue for queue, *_ in sent] == ["services", "heavy", "light"]


def test_what_is_done_is_run_again_when_asked_for_and_what_waits_is_not(workspace, sent):
    job = jobs.start(workspace, DISTIL)
    assert jobs.start(workspace, DISTIL) == job and len(sent) == 1
    folder = jobs.folder_of(workspace.settings, job)
    write_json(folder / "result.json", {})
    write_json(folder / "outcome.json", {"state": "done", "started": 0, "finished": 1})
    assert jobs.start(workspace, DISTIL) == job
    assert [attempt for *_, attempt in sent] == [1, 2]
    assert not (folder / "result.json").exists()


def test_other_books_make_another_job(workspace, sent, tmp_path):
    first = jobs.start(workspace, DISTIL)
    (tmp_path / "more.md").write_text("# More\n\n## Rain\n\nRain is water that falls. " * 9)
    READ(workspace, ReadPlan(files=(str(tmp_path / "more.md"),)))
    assert jobs.start(workspace, DISTIL) != first


def test_running_stages_follow_the_declaration(workspace):
    for step in STEPS:
        states = overview(workspace.store, "c", {step.name})
        assert {n for n, s in states.items() if s.state == "running"} == set(step.stages)


def test_what_was_made_from_something_else_is_stale(workspace):
    """Each stage against what it was made from: another student makes the exam stale, and so on."""
    store = workspace.store

    def states():
        found = overview(store, "c")
        return tuple(found[name].state for name in ("corpus", "student", "exam", "publish"))

    assert states() == ("empty",) * 4
    DISTIL(workspace, DistilPlan(pairs=40))
    assert states()[0] == "review"
    store.save("c", TRAINED, make_student(), inputs=TRAIN.inputs(store, "c", TrainPlan()))
    store.save("c", EXAM, pretend_exam(store), inputs=TAKE_EXAM.inputs(store, "c", ExamPlan()))
    export = Exported(format="lora", folder="", files=())
    store.save("c", EXPORTS, export, inputs="r1", name="lora")
    assert states()[1:] == ("ready", "ready", "ready")
    other = make_student(run="r2")
    store.save("c", TRAINED, other, inputs=TRAIN.inputs(store, "c", TrainPlan()))
    assert states()[1:] == ("ready", "stale", "stale")
    first = next(pair for pair in store.pairs("c") if pair.split == "train")
    store.put_pairs("c", [first.model_copy(update={"status": "rejected"})])
    assert states()[1] == "stale"


def test_an_exam_held_before_the_baselines_sat_it_is_out_of_date(workspace):
    store = workspace.store
    DISTIL(workspace, DistilPlan(pairs=40))
    store.save("c", TRAINED, make_student(), inputs=TRAIN.inputs(store, "c", TrainPlan()))
    before = (
        trained_run(store, "c") + store.corpus_version("c", "exam") + prompt_version(store, "c")
    )
    store.save("c", EXAM, pretend_exam(store), inputs=before)
    assert overview(store, "c")["exam"].state == "stale"


def test_an_estimate_stands_for_every_step_that_declares_one(workspace, capsys):
    home = str(workspace.settings.home)
    DISTIL(workspace, DistilPlan(pairs=60))
    for step in STEPS:
        if step.estimate and step.name in ("distil", "train", "exam", "align"):
            assert main(["--home", home, "--json", "estimate", "c", step.name]) == 0
            costs = json.loads(capsys.readouterr().out)
            assert costs["minutes"][0] <= costs["minutes"][1] <= costs["minutes"][2]
    with pytest.raises(SystemExit):
        main(["--home", home, "estimate", "c", "serve"])


def test_a_call_of_a_step_runs_it_by_its_default(workspace):
    seen = []
    own = replace(DISTIL, run=lambda workspace, plan, report: seen.append(plan))
    own(workspace)
    assert seen == [DISTIL.default(workspace)]


# ---------------------------------------------------------------- files that cannot be read


def broken(tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    (tmp_path / "bad.docx").write_bytes(b"PK\x03\x04 and nothing else")
    return tmp_path / "bad.pdf", tmp_path / "bad.docx"


def test_adding_only_broken_files_fails(workspace, tmp_path, capsys):
    home = str(workspace.settings.home)
    one, two = map(str, broken(tmp_path))
    assert main(["--home", home, "--json", "add", "c", one]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["next"]
    assert main(["--home", home, "--json", "add", "c", one, two]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["code"] == "read.none"
    assert [row["file"] for row in told["failed"]] == ["bad.pdf", "bad.docx"]
    assert all(row["code"] and row["message"] for row in told["failed"])
    with pytest.raises(BadDocument):
        READ(workspace, ReadPlan(files=(one,)))


def test_adding_some_broken_files_adds_the_others_and_says_so(workspace, tmp_path, capsys):
    home = str(workspace.settings.home)
    (tmp_path / "more.md").write_text(
        "# More\n\n## Rain\n\nRain is water that falls from clouds.\n"
    )
    files = [str(tmp_path / "more.md"), *map(str, broken(tmp_path))]
    assert main(["--home", home, "--json", "add", "c", *files]) == 1
    told = json.loads(capsys.readouterr().out)
    assert len(told["added"]) == 1 and len(told["failed"]) == 2
    assert len(workspace.store.document_ids("c")) == 2
    assert main(["--home", home, "--json", "add", "c", files[0]]) == 0
    assert json.loads(capsys.readouterr().out)["repeated"]


# ---------------------------------------------------------------- exit status: 0 only when all was done


def test_a_corpus_without_pairs_is_not_written(workspace, tmp_path, capsys):
    home, out = str(workspace.settings.home), tmp_path / "pairs.jsonl"
    assert main(["--home", home, "--json", "corpus", "c", "--out", str(out)]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "corpus.none"
    assert not out.exists()
    DISTIL(workspace, DistilPlan(pairs=20))
    assert main(["--home", home, "--json", "corpus", "c", "--out", str(out)]) == 0
    rejected = ["corpus", "c", "--status", "rejected", "--out", str(tmp_path / "r")]
    assert main(["--home", home, "--json", *rejected]) == 1


def test_calls_that_failed_are_listed_and_counted_as_failure(workspace, monkeypatch, capsys):
    home = str(workspace.settings.home)
    for failed, status in ((3, 1), (0, 0)):
        found = DISTIL(workspace, DistilPlan(pairs=20)).model_copy(update={"failed_calls": failed})
        own = replace(DISTIL, run=lambda *_, found=found: found)
        monkeypatch.setattr("engine.cli.model.DISTIL", own)
        assert main(["--home", home, "--json", "distil", "c"]) == status
        told = json.loads(capsys.readouterr().out)
        assert [row["code"] for row in told.get("failed", [])] == ["calls.failed"] * status


def test_an_endpoint_that_does_not_answer_fails_the_probe(workspace, capsys):
    home = str(workspace.settings.home)
    choice = ["--base-url", "http://127.0.0.1:9/v1", "--model", "m"]
    assert main(["--home", home, "teacher", "set", *choice]) == 0
    capsys.readouterr()
    assert main(["--home", home, "--json", "teacher", "probe"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"][0]["code"] == "teacher.unreachable"


def test_a_build_that_leaves_the_student_out_is_not_done(workspace, monkeypatch, capsys):
    home = str(workspace.settings.home)
    monkeypatch.setattr("engine.steps.build.pending_terms", lambda *_: "https://terms.example")
    assert main(["--home", home, "--json", "build", "c", "--prompts", "0"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["failed"][0]["code"] == "model.terms" and told["distil"]["pairs"] > 0


def test_build_leaves_experiments_out_unless_they_are_wished():
    from types import SimpleNamespace

    from engine.steps import build

    skipped: dict[str, str] = {}
    assert build.BuildPlan().prompts == 0
    empty = SimpleNamespace(store=None, course=None)
    assert build._best_prompt(empty, 0, None, skipped) is None and skipped
