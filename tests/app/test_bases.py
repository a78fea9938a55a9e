"""Student model: the choice of a base, its terms, and what is said of it before the start."""

import shutil
from pathlib import Path

import pytest

from engine import jobs as queue
from engine.models.bases import QWEN, SMOLLM2
from engine.models.known import GEMMA
from engine.publish import Published
from engine.schema import Course
from engine.settings import Settings
from engine.store import Store
from engine.train import Recipe
from engine.workspace import TRAINED
from tests.app.conftest import make_student
from tests.app.test_screens import texts
from tests.unit.test_bases import make_arch

PAGE = "build/finetune.py"


@pytest.fixture
def home(filled_home, tmp_path):
    """A home of this test's own, with a Chinese course of the same pairs."""
    own = shutil.copytree(filled_home, tmp_path / "home")
    store = Store(Settings(home=own).database)
    store.add_course(Course(id="zh", title="花园", language="zh"))
    store.add_document("zh", store.documents("c")[0])
    store.put_pairs("zh", store.pairs("c"))
    store.close()
    return own


def start_button(app):
    words = ("Fine-tune", "开始微调", "重新微调", "Accept the terms", "Choose a base model", "请先")
    return next(b for b in app.button if b.label.startswith(words))


def said(app) -> str:
    extra = [e.value for e in [*app.warning, *app.info, *app.error]]
    return "\n".join([*texts(app), *extra])


def test_the_language_decides_what_is_recommended(screen, home):
    english, chinese = screen(home, PAGE, "en", "c"), screen(home, PAGE, "zh", "zh")
    assert english.selectbox(key="base").value == SMOLLM2 and not start_button(english).disabled
    assert chinese.selectbox(key="base").value == GEMMA
    assert "135 million parameters" in said(english) and r"Apache\-2\.0" in said(english)
    [memory] = [m for m in english.metric if m.label == "Memory"]
    assert memory.delta in ("fits", "tight", "does not fit") and "GiB" in memory.value


def test_terms_come_before_the_start(screen, home):
    app = screen(home, PAGE, "en", "zh")
    assert start_button(app).disabled and "ai.google.dev/gemma/terms" in said(app)
    assert any(m.label == "Memory" for m in app.metric), "what it takes is told before, too"
    app.checkbox(key=f"terms-{GEMMA}").check().run()
    assert not app.exception and not start_button(app).disabled
    assert not [c for c in app.checkbox if c.key == f"terms-{GEMMA}"]
    assert any(m.label == "Memory" for m in app.metric)
    app = screen(home, PAGE, "en", "c")
    app.selectbox(key="base").set_value(GEMMA).run()
    assert not start_button(app).disabled, "accepted once for the installation"


def test_a_base_of_another_language_is_warned_of(screen, home):
    app = screen(home, PAGE, "en", "zh")
    app.selectbox(key="base").set_value(SMOLLM2).run()
    assert "does not speak the course's language" in said(app) and not start_button(app).disabled


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_folder_is_looked_at(screen, home, tmp_path, language):
    folder = make_arch(tmp_path / "tiny", "mistral")
    app = screen(home, PAGE, language, "c")
    app.selectbox(key="base").set_value("folder").run()
    assert start_button(app).disabled and not app.error
    app.text_input(key="base-folder").input(str(tmp_path / "none")).run()
    assert app.error and start_button(app).disabled
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    app.text_input(key="base-folder").input(str(folder)).run()
    assert "pickle" in app.error[0].value
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    app.text_input(key="base-folder").input(str(folder)).run()
    app.run()
    assert not app.error and not start_button(app).disabled
    assert "GGUF" in said(app) and not app.exception


def test_a_name_of_the_hub_is_guessed_at_and_submitted(screen, home, monkeypatch):
    submitted = []
    monkeypatch.setattr(queue, "start", lambda *given: submitted.append(given) or "j")
    app = screen(home, PAGE, "en", "c")
    app.selectbox(key="base").set_value("hub").run()
    app.text_input(key="base-hub").input("owner/other-1.7B").run()
    assert "about 1,700 million parameters" in said(app) and "languages unknown" in said(app)
    app.selectbox(key="base").set_value(QWEN).run()
    assert "596 million" in said(app) and "1,503 MB" in said(app)
    start_button(app).click().run()
    assert submitted[0][1].name == "train" and submitted[0][2].recipe.base == QWEN


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", [PAGE, "build/publish.py"])
def test_a_student_without_gguf_says_why(screen, home, page, language):
    store = Store(Settings(home=home).database)
    student = store.saved("c", TRAINED)
    withheld = {
        "code": "export.tokenizer",
        "message": "tiny: another tokenizer.",
        "next": "Export another format.",
        "values": {"reason": "tiny"},
    }
    published = Published(
        merged=Path("merged"), merged_bytes=1, runtime="transformers", withheld=withheld
    )
    changed = make_student(
        recipe=Recipe(base="/models/tiny"),
        published=published,
        training=student.value.training.model_copy(update={"parts": 4}),
    )
    store.save("c", TRAINED, changed, inputs=student.inputs)
    store.close()
    app = screen(home, page, language, "c")
    assert not app.exception and "GGUF" in said(app) and "transformers" in said(app)
    if page == PAGE:
        assert "tiny" in said(app) and "4" in said(app)
    else:
        assert "GGUF, 8" not in str(app.radio(key="format").options)
