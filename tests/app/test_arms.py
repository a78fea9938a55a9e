"""The comparison of explanations on the screen of the student model."""

import shutil

import pytest

from engine import jobs
from engine.align import AlignPlan, AlignResult, ArmResult, LessonRow, chosen_arm
from engine.schema import Figure
from engine.settings import Settings
from engine.steps.align import ALIGNED
from engine.store import Store

PAGE = "build/finetune.py"


LESSONS = (LessonRow(pair="gone", question="What is a bed?", answer="Earth.", reason="Because."),)


def result(gain):
    def arm(name, value, gain):
        return ArmResult(
            arm=name,
            accuracy=Figure(value=value, low=value - 0.1, high=value + 0.1, n=40),
            gain=gain,
            over_untouched=None if name == "untouched" else gain,
            right=(),
            lessons=() if name == "untouched" else LESSONS,
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
        base="smollm2-135m",
        questions=48,
        overlap=zero,
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


def arm_of(home):
    store = Store(Settings(home=home).database)
    found = chosen_arm(store, "c")
    store.close()
    return found


def test_the_designer_decides_whether_lessons_are_taught(screen, home):
    saved(home, -0.1)
    app = screen(home, PAGE, "en", "c")
    assert not app.toggle(key="lessons-on").value and app.selectbox(key="lessons-arm").disabled
    assert any(text.startswith("Off by itself") for text in said(app))
    app.toggle(key="lessons-on").set_value(True).run()
    assert not app.exception and arm_of(home) == "select"  # the most accurate one is offered
    app.selectbox(key="lessons-arm").select("random").run()
    assert not app.exception and arm_of(home) == "random"
    assert "0 lessons will be taught." in said(app)  # its pair is no part of this corpus
    app.toggle(key="lessons-on").set_value(False).run()
    assert not app.exception and arm_of(home) == ""


def test_a_first_look_chooses_nothing(screen, home):
    saved(home, -0.1)
    screen(home, PAGE, "en", "c")
    assert arm_of(home) is None
