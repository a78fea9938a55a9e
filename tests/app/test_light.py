"""The screens on a machine without the trainer: one says what to install, the others work."""

import pytest

from engine import installed

SAID = {
    "en": "This needs the trainer, which is not installed here (no_trainer). "
    "Install it with: pip install coursewright",
    "zh": "此操作需要训练组件，但这里没有安装（no_trainer）。请安装：pip install coursewright",
}


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(installed, "TRAINER", (*installed.TRAINER, "no_trainer"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_student_screen_says_what_to_install(screen, filled_home, language):
    app = screen(filled_home, "build/finetune.py", language, "c")
    assert [error.value.replace("\\", "") for error in app.error] == [SAID[language]]
    assert app.title or app.header or app.markdown, "the frame stays"


@pytest.mark.parametrize(
    "page", ["build/course.py", "build/corpus.py", "teach/learners.py", "learn/tutor.py"]
)
def test_teaching_and_learning_need_no_trainer(screen, filled_home, page):
    app = screen(filled_home, page, "en", "c")
    assert not app.error and not app.exception
