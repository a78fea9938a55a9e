"""A student of another base through the real steps: trained, examined, exported, asked, served."""

import pytest

from engine.errors import BadInput
from engine.llm import Request, user
from engine.llm.ledger import Ledger
from engine.llm.local import Local
from engine.models import bases
from engine.models.bases import SMOLLM2
from engine.models.known import GEMMA
from engine.schema import Course
from engine.settings import Settings
from engine.steps import Room, base_chat, build, make_corpus, read_books, run_step, student_chat
from engine.steps.exam import take_exam
from engine.steps.publish import export_student
from engine.steps.room import current_base, finished_run, student_model
from engine.steps.student import train_student
from engine.store import Result, Store
from tests.app.conftest import BOOK
from tests.unit.test_bases import make_arch
from tests.unit.tiny_student import make_recipe


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A course with a corpus, and a Qwen3 of a few thousand weights trained on it."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    (home / "garden.md").write_text(BOOK, encoding="utf-8")
    room = Room(settings, store, course)
    read_books(room, {"files": [str(home / "garden.md")]})
    make_corpus(room, {"pairs": 60})
    folder = make_arch(home / "tiny-qwen3", "qwen3")
    recipe = make_recipe(folder, epochs=1, batch_tokens=2000, max_length=1024)
    train_student(room, recipe.model_dump(mode="json"))
    yield room
    store.close()


def test_the_student_is_published_without_a_gguf_and_says_why(room):
    data = room.store.result("c", "train").data
    published = data["published"]
    assert published["runtime"] == "transformers" and published["gguf"] is None
    assert published["withheld"]["code"] == "export.tokenizer" and published["parity"] is None
    assert data["recipe"]["base"].endswith("tiny-qwen3")
    assert {"question", "book", "base", "student"} == set(data["panel"][0])


def test_base_and_student_answer_through_transformers(room):
    run = finished_run(room)
    assert isinstance(student_model(room.settings, run), Local)
    student, base = student_chat(room, run), base_chat(room)
    assert isinstance(student, Ledger) and isinstance(base.chat, Local)
    assert run.name in student.model and base.model.startswith("tiny-qwen3")
    assert current_base(room).endswith("tiny-qwen3")
    assert "smollm2" in base_chat(room, SMOLLM2).model


def test_the_exam_compares_the_student_with_its_own_base(room):
    found = take_exam(room, {"rag": False})
    assert sum(found["questions"].values()) > 0
    report = room.store.result("c", "exam").data
    assert report["failed"] == 0 or report["failed"] < len(report["answers"])
    assert {row["model"] for row in report["rows"]} == {"base", "student"}


def test_exports_that_can_be_made_are_and_the_other_is_refused(room, tmp_path):
    for form in ("lora", "merged"):
        files = export_student(room, {"format": form, "out": str(tmp_path / form)})["files"]
        assert any(name.endswith(".safetensors") for name in files)
        assert "tiny-qwen3" in (tmp_path / form / "README.md").read_text()
    with pytest.raises(BadInput) as caught:
        export_student(room, {"format": "gguf", "out": str(tmp_path / "gguf")})
    assert caught.value.code == "export.no_gguf" and "merged" in caught.value.next
    assert not (tmp_path / "gguf").exists()


def test_the_merged_export_stands_alone(room, tmp_path):
    export_student(room, {"format": "merged", "out": str(tmp_path / "m")})
    chat = Local(room.settings, (tmp_path / "m").rename(tmp_path / "elsewhere"))
    own = student_model(room.settings, finished_run(room))
    asked = [Request(messages=user(q), max_tokens=5, may_be_cut=True) for q in ("Soil?", "Why?")]
    one, other = ([str(getattr(o, "text", o)) for _, o in c.ask(asked)] for c in (chat, own))
    assert one == other and len(one) == 2


def test_a_chinese_course_is_not_trained_before_the_terms_are_accepted(room, tmp_path, monkeypatch):
    import engine.steps as steps

    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="zh", title="植物", language="zh")
    store.add_course(course)
    trained = []
    monkeypatch.setattr(steps, "make_corpus", lambda *_: {})
    monkeypatch.setattr(steps, "train_student", lambda _, plan, __: trained.append(plan) or {})
    monkeypatch.setattr(steps, "take_exam", lambda *_: {})
    own = Room(settings, store, course)
    build(own, {})
    assert not trained
    bases.accept_terms(GEMMA, settings)
    build(own, {})
    assert trained[0]["base"] == GEMMA
    store.close()


def test_a_base_that_is_none_fails_before_anything_is_made(room, tmp_path):
    plan = make_recipe(tmp_path / "nowhere", epochs=1).model_dump(mode="json")
    runs = set((room.folder / "runs").iterdir())
    with pytest.raises(Exception, match="no model"):
        run_step(room.settings, "train", "c", plan)
    left = set((room.folder / "runs").iterdir()) - runs
    assert not [f for run in left for f in run.glob("checkpoint-*")]


def test_the_base_of_official_weights_answers_from_them(room, tmp_path, monkeypatch):
    """The exam compares the student with what it began as, not with another rounding of it."""
    from engine.models import hub
    from tests.unit.test_families import make_model

    official = make_model(tmp_path / "abc123", "llama")
    monkeypatch.setattr(hub, "cached_folder", lambda *_: official)
    origin = {"kind": "hub", "name": "o/tiny", "revision": "abc123"}
    data = {"recipe": {"base": SMOLLM2}, "training": {"origin": origin}}
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    own = Room(settings, store, course)
    assert "smollm2" in base_chat(own).model
    store.save_result("c", Result(stage="train", inputs="", data=data))
    chat = base_chat(own)
    assert chat.model.startswith("tiny-abc123.Q8_0")
    [(_, said)] = chat.ask([Request(messages=user("Soil?"), max_tokens=4, may_be_cut=True)])
    assert said.text
    store.close()
