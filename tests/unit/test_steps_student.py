"""A student of another base through the real steps: trained, examined, exported, asked, served."""

from dataclasses import replace

import pytest

from engine.distil import DistilPlan
from engine.errors import BadInput, Cancelled
from engine.llm import Request, user
from engine.llm.ledger import Ledger
from engine.llm.local import Local
from engine.models import bases
from engine.models.bases import SMOLLM2, Origin
from engine.models.known import GEMMA
from engine.schema import Course
from engine.settings import Settings
from engine.steps import BUILD, DISTIL, EXPORT, READ, TAKE_EXAM, TRAIN, Workspace, run_step
from engine.steps.books import ReadPlan
from engine.steps.exam import EXAM, ExamPlan
from engine.steps.publish import ExportPlan
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.train import Mixture, system_of
from engine.workspace import (
    TRAINED,
    base_chat,
    current_base,
    finished_run,
    student_chat,
    student_model,
)
from tests.app.conftest import BOOK, make_student
from tests.unit.test_bases import make_arch
from tests.unit.tiny_student import make_recipe


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A course with a corpus, and a Qwen3 of a few thousand weights trained on it."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    (home / "garden.md").write_text(BOOK, encoding="utf-8")
    workspace = Workspace(settings, store, course)
    READ(workspace, ReadPlan(files=(str(home / "garden.md"),)))
    DISTIL(workspace, DistilPlan(pairs=60))
    folder = make_arch(home / "tiny-qwen3", "qwen3")
    recipe = make_recipe(folder, epochs=1, batch_tokens=2000, max_length=1024)
    with pytest.MonkeyPatch.context() as patch:  # this model never ends an answer by itself
        patch.setattr("engine.exam.instructions.TOKENS", 4)
        patch.setattr("engine.steps.rows.REPLAY_TOKENS", 4)
        TRAIN(workspace, TrainPlan(recipe=recipe))
    yield workspace
    store.close()


def test_the_student_is_published_without_a_gguf_and_says_why(workspace):
    student = workspace.store.saved("c", TRAINED).value
    published = student.published
    assert published.runtime == "transformers" and published.gguf is None
    assert published.withheld["code"] == "export.tokenizer" and published.parity is None
    assert student.recipe.base.endswith("tiny-qwen3")
    assert {"question", "book", "base", "student"} == set(student.panel[0])


def test_the_student_is_trained_in_the_course_s_name_and_checked_for_forgetting(workspace):
    student = workspace.store.saved("c", TRAINED).value
    assert "Garden" in system_of(finished_run(workspace))
    assert student.follows["base"].n == student.follows["student"].n == 100
    assert student.mixture == Mixture()


def test_base_and_student_answer_through_transformers(workspace):
    run = finished_run(workspace)
    assert isinstance(student_model(workspace.settings, run), Local)
    student, base = student_chat(workspace, run), base_chat(workspace)
    assert isinstance(student.chat, Ledger) and isinstance(base.chat, Local)
    assert "Garden" in student.system
    assert run.name in student.model and base.model.startswith("tiny-qwen3")
    assert current_base(workspace).endswith("tiny-qwen3")
    assert "smollm2" in base_chat(workspace, SMOLLM2).model


def test_the_exam_compares_the_student_with_its_own_base(workspace):
    found = TAKE_EXAM(workspace, ExamPlan(book=False))
    assert sum(found.questions.values()) > 0
    report = workspace.store.saved("c", EXAM).value
    assert report.failed == 0 or report.failed < len(report.answers)
    assert {row.model for row in report.rows} == {"base", "student", "lookup"}
    assert {row.model for row in found.rows} == {"base", "student", "lookup"}
    best = {row.part: row for row in found.rows if row.measure == "f1" and row.model != "student"}
    assert found.baselines and set(found.baselines) == set(found.verdicts) == set(best)
    assert set(found.baselines.values()) <= {"base", "lookup"}


def test_exports_that_can_be_made_are_and_the_other_is_refused(workspace, tmp_path):
    for form in ("lora", "merged"):
        files = EXPORT(workspace, ExportPlan(format=form, out=str(tmp_path / form))).files
        assert any(name.endswith(".safetensors") for name in files)
        assert "tiny-qwen3" in (tmp_path / form / "README.md").read_text()
    with pytest.raises(BadInput) as caught:
        EXPORT(workspace, ExportPlan(format="gguf", out=str(tmp_path / "gguf")))
    assert caught.value.code == "export.no_gguf" and "merged" in caught.value.next
    assert not (tmp_path / "gguf").exists()


def test_the_merged_export_stands_alone(workspace, tmp_path):
    EXPORT(workspace, ExportPlan(format="merged", out=str(tmp_path / "m")))
    chat = Local(workspace.settings, (tmp_path / "m").rename(tmp_path / "elsewhere"))
    own = student_model(workspace.settings, finished_run(workspace))
    asked = [Request(messages=user(q), max_tokens=5, may_be_cut=True) for q in ("Soil?", "Why?")]
    one, other = ([str(getattr(o, "text", o)) for _, o in c.ask(asked)] for c in (chat, own))
    assert one == other and len(one) == 2


def test_a_chinese_course_is_not_trained_before_the_terms_are_accepted(
    workspace, tmp_path, monkeypatch
):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    store.add_course(Course(id="zh", title="植物", language="zh"))
    own = Workspace(settings, store, store.course("zh"))
    (tmp_path / "garden.md").write_text(BOOK, encoding="utf-8")
    READ(own, ReadPlan(files=(str(tmp_path / "garden.md"),)))
    trained = []

    def no_training(workspace, plan, report):
        trained.append(plan)
        raise Cancelled("far enough")

    monkeypatch.setattr("engine.steps.build.TRAIN", replace(TRAIN, run=no_training))
    built = BUILD(own)
    assert not trained and built.train is None and "terms" in built.skipped["train"]
    bases.accept_terms(GEMMA, settings)
    with pytest.raises(Cancelled):
        BUILD(own)
    assert trained[0].recipe.base == GEMMA
    store.close()


def test_a_base_that_is_none_fails_before_anything_is_made(workspace, tmp_path):
    plan = TrainPlan(recipe=make_recipe(tmp_path / "nowhere", epochs=1)).model_dump(mode="json")
    runs = set((workspace.folder / "runs").iterdir())
    with pytest.raises(Exception, match="no model"):
        run_step(workspace.settings, "train", "c", plan)
    left = set((workspace.folder / "runs").iterdir()) - runs
    assert not [f for run in left for f in run.glob("checkpoint-*")]


def test_the_base_of_official_weights_answers_from_them(tmp_path, monkeypatch):
    """The exam compares the student with what it began as, not with another rounding of it."""
    from engine.models import hub
    from tests.unit.test_families import make_model

    official = make_model(tmp_path / "abc123", "llama")
    monkeypatch.setattr(hub, "cached_folder", lambda *_: official)
    origin = Origin(kind="hub", name="o/tiny", revision="abc123")
    student = make_student()
    student = make_student(training=student.training.model_copy(update={"origin": origin}))
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    own = Workspace(settings, store, course)
    assert "smollm2" in base_chat(own).model
    store.save("c", TRAINED, student)
    chat = base_chat(own)
    assert chat.model.startswith("tiny-abc123.Q8_0")
    [(_, said)] = chat.ask([Request(messages=user("Soil?"), max_tokens=4, may_be_cut=True)])
    assert said.text
    store.close()
