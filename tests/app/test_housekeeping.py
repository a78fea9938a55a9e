"""What can be put away by hand: a course, its name, finished jobs, the teacher's key; and what was left out."""

import time

import pytest

from engine import jobs as queue
from engine.distil import CORPUS
from engine.files import write_json
from engine.llm.teacher import TeacherChoice, load_choice, save_choice
from engine.schema import Course
from engine.settings import Settings
from engine.store import Store
from engine.workspace import TRAINED


@pytest.fixture
def home(tmp_path):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    for name in ("a", "b"):
        store.add_course(Course(id=name, title=f"Course {name}", language="en"))
        (settings.course_folder(name) / "runs").mkdir(parents=True)
        (settings.course_folder(name) / "runs" / "weights").write_bytes(b"x" * 2_000_000)
    yield settings, store
    store.close()


def job(settings, name, course, state="done"):
    folder = queue.folder_of(settings, name)
    card = {"kind": "read", "course": course, "plan": {}, "created": time.time(), "attempt": 1}
    write_json(folder / "job.json", card)
    write_json(folder / "outcome.json", {"state": state, "started": 1.0, "finished": 2.0})
    if state == "failed":
        write_json(folder / "error.json", {"code": "x", "message": "It failed.", "next": ""})


def test_a_course_gets_another_title(screen, home):
    settings, store = home
    app = screen(settings.home, "", "en", "a")
    app.text_input(key="title-a").set_value("Botany").run()
    app.button(key="rename-a").click().run()
    assert not app.exception and not app.error
    assert store.course("a").title == "Botany" and store.course("b").title == "Course b"
    assert app.button(key="open-a").label == "Botany"
    app.text_input(key="title-a").set_value("  ").run()
    app.button(key="rename-a").click().run()
    assert "title is empty" in app.error[0].value.replace("\\", "")
    assert store.course("a").title == "Botany"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_course_is_removed_only_after_one_more_word(screen, home, language):
    settings, store = home
    app = screen(settings.home, "", language, "a")
    said = " ".join(c.value for c in app.caption)
    assert {"en": "There is no undo", "zh": "无法撤销"}[language] in said
    assert app.button(key="remove-a").disabled
    app.checkbox(key="sure-a").check().run()
    assert app.button(key="remove-b").disabled
    app.button(key="remove-a").click().run()
    assert not app.exception and not app.error
    assert [course.id for course in store.courses()] == ["b"]
    assert not settings.course_folder("a").exists() and settings.course_folder("b").exists()
    assert "course" not in app.session_state and app.title[0].value == "Coursewright"
    assert [b.key for b in app.button if b.key and b.key.startswith("open-")] == ["open-b"]
    assert "2.0 MB" in app.toast[0].value.replace("\\", "")


def test_a_course_at_work_is_not_removed(screen, home, monkeypatch):
    settings, store = home
    job(settings, "j", "a")
    real = queue.read(settings, "j").model_copy(update={"state": "running"})
    monkeypatch.setattr("engine.housekeeping.jobs", lambda *_: [real])
    app = screen(settings.home, "", "zh", "a")
    app.checkbox(key="sure-a").check().run()
    app.button(key="remove-a").click().run()
    assert "该课程还有 1 个任务" in app.error[0].value
    assert len(store.courses()) == 2


def test_finished_jobs_are_forgotten_course_by_course(screen, home):
    settings, _ = home
    for name, course in (("j1", "a"), ("j2", "a"), ("j3", "b")):
        job(settings, name, course)
    app = screen(settings.home, "", "en", "a")
    assert app.button(key="forget-a").label == "Forget 2 finished jobs"
    app.button(key="forget-a").click().run()
    assert not app.error
    assert [found.id for found in queue.jobs(settings)] == ["j3"]
    assert app.button(key="forget-a").disabled


def test_a_failed_job_is_forgotten_from_its_card(screen, home):
    settings, _ = home
    job(settings, "j1", "a", "failed")
    app = screen(settings.home, "build/course.py", "en", "a")
    assert "It failed" in app.error[0].value
    app.button(key="forget-j1").click().run()
    assert not app.exception and not app.error
    assert queue.jobs(settings) == []


def test_only_who_builds_a_course_gets_its_menu(screen, home, monkeypatch):
    settings, store = home
    store.put_role("a", "teach@school.org", "instructor")
    monkeypatch.setattr("pages.shared.account.email", lambda: "teach@school.org")
    app = screen(settings.home, "", "en", "a")
    keys = {b.key for b in app.button}
    assert "open-a" in keys and "remove-a" not in keys and "rename-a" not in keys


@pytest.mark.parametrize("kind", ["endpoint", "extractive"])
def test_the_teachers_key_is_forgotten(screen, filled_home, kind, monkeypatch):
    monkeypatch.setattr("engine.llm.keys._keyring", lambda: None)
    settings = Settings(home=filled_home)
    store = Store(settings.database)
    choice = TeacherChoice(kind="endpoint", base_url="http://127.0.0.1:9/v1", model="m")
    save_choice(store, settings, choice, api_key="sk-secret")
    if kind == "extractive":
        app = screen(filled_home, "build/corpus.py", "en", "c")
        next(b for b in app.button if b.label == "Work offline").click().run()
    app = screen(filled_home, "build/corpus.py", "en", "c")
    app.button(key="forget-key").click().run()
    assert not app.exception and [e.value for e in app.error] == []
    assert "sk-secret" not in (filled_home / "secrets.toml").read_text()
    assert load_choice(store).key_kept is None
    assert not [b for b in app.button if b.key == "forget-key"]
    store.choose("", "teacher", TeacherChoice().model_dump(mode="json"))
    store.close()


# ------------------------------------------------------------------ what was left out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_corpus_says_what_each_gate_removed(screen, filled_home, language):
    store = Store(Settings(home=filled_home).database)
    kept = store.saved("c", CORPUS)
    removed = {"grounded": 3, "exam_question": 2, "repeated": 0}
    changes = {"result": kept.value.result.model_copy(update={"removed": removed, "offered": 30})}
    store.save("c", CORPUS, kept.value.model_copy(update=changes), inputs=kept.inputs)
    try:
        app = screen(filled_home, "build/corpus.py", language, "c")
        assert not app.exception and not app.error
        labels = [e.label for e in app.expander]
        assert {"en": "What was left out, and why (5)", "zh": "舍弃了什么、为什么（5）"}[
            language
        ] in labels
        tables = [frame.value.to_numpy().tolist() for frame in app.dataframe]
        assert {
            "en": [
                ["its answer says more than the passage", "knowledge points", 3],
                ["its question is asked in the exam", "pairs", 2],
            ],
            "zh": [["其答案超出了原文", "知识点", 3], ["其问题是考题", "问答对", 2]],
        }[language] in tables
    finally:
        store.save("c", CORPUS, kept.value, inputs=kept.inputs)
        store.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_student_says_what_was_kept_out_of_its_training(screen, filled_home, language):
    store = Store(Settings(home=filled_home).database)
    kept = store.saved("c", TRAINED)

    def infos():
        app = screen(filled_home, "build/finetune.py", language, "c")
        assert not app.exception and not app.error
        return " ".join(i.value for i in app.info)

    words = {"en": "to keep the exam honest", "zh": "为保证考试公正"}[language]
    assert words not in infos()
    changes = {"held_back": {"exam_question": 4, "held_out_section": 1}}
    store.save("c", TRAINED, kept.value.model_copy(update=changes), inputs=kept.inputs)
    try:
        said = infos()
        assert words in said and "5" in said
        assert {"en": "its question is asked in the exam: 4", "zh": "其问题是考题: 4"}[
            language
        ] in said
    finally:
        store.save("c", TRAINED, kept.value, inputs=kept.inputs)
        store.close()
