"""The comparison of explanations on the screen of the student model."""

import shutil

import pytest

from engine import jobs
from engine.align import AlignPlan, AlignResult, ArmResult
from engine.schema import Figure
from engine.settings import Settings
from engine.steps.align import ALIGNED
from engine.store import Store

PAGE = "build/finetune.py"


def result(gain):
    def arm(name, value, gain):
        return ArmResult(
            arm=name,
            accuracy=Figure(value=value, low=value - 0.1, high=value + 0.1, n=40),
            gain=gain,
            right=(),
            unread=0.0,
            rows=24,
            calls=24,
            minutes=0.5,
        )

    zero = Figure(value=0.0, low=-0.1, high=0.1, n=40)
    arms = (arm("untouched", 0.3, zero), arm("random", 0.5, None), arm("select", 0.7, gain))
    return AlignResult(
        arms=arms,
        styles={},
        drafts=24,
        preference=12,
        test=40,
        teacher="m",
        weak_teacher=True,
        skipped={},
        verdict="",
        plan=AlignPlan(),
    )


@pytest.fixture
def home(filled_home, tmp_path):
    own = tmp_path / "home"
    shutil.copytree(filled_home, own)
    return own


def saved(home, low):
    store = Store(Settings(home=home).database)
    version = store.corpus_version("c", "train", "exam")
    store.save("c", ALIGNED, result(Figure(value=0.2, low=low, high=0.4, n=40)), inputs=version)
    store.close()


def said(app):
    return [e.value for kind in ("markdown", "caption", "warning", "info") for e in app.get(kind)]


@pytest.mark.parametrize(
    ("low", "language", "words"),
    [
        (0.05, "en", "**Better than random explanations: the student's favourites**"),
        (-0.1, "en", "**No way of choosing explanations beat random ones beyond doubt**"),
        (0.05, "zh", "**优于随机讲解：学生偏好的讲解**"),
    ],
)
def test_the_verdict_follows_the_interval(screen, home, low, language, words):
    saved(home, low)
    app = screen(home, PAGE, language, "c")
    assert not app.exception
    assert words in said(app)
    weak = "as weak as the student" if language == "en" else "一样弱"
    guess = "no better than guessing" if language == "en" else "与瞎猜无异"
    assert any(weak in text for text in said(app)) and any(guess in text for text in said(app))


def test_the_button_submits_the_job_once(screen, home, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "start", lambda own, step, plan: asked.append((step.name, plan)))
    app = screen(home, PAGE, "en", "c")
    assert "Not compared yet." in said(app)
    app.button(key="align").click().run()
    assert not app.exception
    assert asked == [("align", AlignPlan())]
