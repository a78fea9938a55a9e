"""What a callback or a page raises is shown under the rail, in the person's language, with a way on."""

import ast
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import streamlit as st

from engine import jobs as queue
from engine.errors import BadInput, EngineError
from engine.files import write_json
from engine.llm.teacher import TeacherChoice
from engine.settings import Settings
from engine.store import Store
from engine.tutor import Turn
from pages.learn.parts.conversation import Exchange
from pages.shared import failures

ROOT = Path(__file__).parents[2]
SCREENS = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
FORESEEN = {
    "en": "There is no learner “Eve” in this course. Import the roster",
    "zh": "本课程没有学生“Eve”。请先导入名单。",
}
UNFORESEEN = {"en": "we did not foresee", "zh": "未预料到的问题"}


def callbacks():
    """Every argument in the screens that Streamlit calls by itself: file, name of argument, value."""
    for path in SCREENS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.keyword) and (node.arg or "").startswith("on_")
            if named and not isinstance(node.value, ast.Constant):
                yield path.relative_to(ROOT).as_posix(), node.arg, node.value


def test_every_callback_is_wrapped():
    for file, name, value in callbacks():
        called = value
        if isinstance(value, ast.Name):  # a name that was wrapped in the line before
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            given = [n.value for n in ast.walk(tree) if isinstance(n, ast.Assign)
                     and getattr(n.targets[0], "id", "") == value.id]  # fmt: skip
            assert given, f"{file}: {name}={value.id} is not wrapped by safely()"
            called = given[-1]
        wrapped = isinstance(called, ast.Call) and getattr(called.func, "id", "") == "safely"
        assert wrapped, f"{file}:{value.lineno}: {name} is not wrapped by safely()"


def test_what_draws_by_itself_shows_what_it_raises():
    """Fragments only through ``polled``; a dialog's body stands under ``shown``."""
    for path in SCREENS:
        text = path.read_text(encoding="utf-8")
        if path.name != "failures.py":
            assert "st.fragment" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(d, ast.Call) and getattr(d.func, "attr", "") == "dialog"
                for d in node.decorator_list
            ):
                [body] = node.body
                assert isinstance(body, ast.With) and "shown" in ast.dump(body.items[0]), path


# ------------------------------------------------------------------ each callback raises


def choose(kind, key, value):
    return lambda app: getattr(app, kind)(key=key).set_value(value).run()


def press(key):
    return lambda app: app.button(key=key).click().run()


def remove(app):
    app.checkbox(key="sure-c").check().run()
    press("remove-c")(app)


def create(app):
    app.text_input(key="new-title").set_value("New").run()
    press("create")(app)


def other_language(app):
    widget = app.segmented_control(key="pick-language")
    widget.set_value({"en": "zh", "zh": "en"}[widget.value]).run()


TRIED = {
    ("pages/shared/frame.py", "lang"): ("", other_language),
    ("pages/shared/frame.py", "course"): ("", choose("selectbox", "pick-course", "empty")),
    ("pages/build/home.py", "create"): ("", create),
    ("pages/build/home.py", "open_course"): ("", press("open-empty")),
    ("pages/build/parts/course_menu.py", "rename"): ("", press("rename-c")),
    ("pages/build/parts/course_menu.py", "forget"): ("", press("forget-c")),
    ("pages/build/parts/course_menu.py", "remove"): ("", remove),
    ("pages/build/parts/teacher_card.py", "forget-key"): ("build/corpus.py", press("forget-key")),
    ("pages/build/parts/prompt_view.py", "_picked"): ("build/prompts.py", press("chart")),
    ("pages/learn/parts/learner.py", "picked"): (
        "learn/progress.py",
        lambda app: app.selectbox(key="pick-me").select_index(0).run(),
    ),
    ("pages/learn/parts/conversation.py", "keep"): ("learn/tutor.py", press("thumbs")),
    ("pages/teach/parts/class_view.py", "show-average"): (
        "teach/learners.py",
        lambda app: app.toggle(key="show-average").set_value(True).run(),
    ),
}
"""By file and callback: on which screen it is, and what a person does to call it."""


def test_every_callback_is_tried():
    """A new callback has to be added above."""
    found = sorted(file for file, _, _ in callbacks())
    assert found == sorted(file for file, _ in TRIED)


@pytest.fixture
def raising(monkeypatch):
    """``raising(error)``: from then on each callback raises it as soon as it is called."""
    for name in ("plotly_chart", "feedback"):  # AppTest cannot use these
        monkeypatch.setattr(st, name, _button_for(name))

    def use(error):
        def boom(*_):
            raise error

        real = failures.safely
        names = {file.removesuffix(".py").replace("/", ".") for file, _ in TRIED}
        found = [import_module(name) for name in names if "home" not in name]
        for module in (failures, *found):  # home is a script: it imports from failures each time
            monkeypatch.setattr(module, "safely", lambda _: real(boom))

    return use


def _button_for(name):
    def draw(*_, on_select=None, on_change=None, **__):
        key = {"plotly_chart": "chart", "feedback": "thumbs"}[name]
        st.button(key, key=key, on_click=on_select or on_change)

    return draw


@pytest.fixture
def something_to_put_away(filled_home):
    """A finished job, and a key of the teacher that is kept in the file of this home."""
    settings = Settings(home=filled_home)
    folder = queue.folder_of(settings, "ended")
    card = {"kind": "read", "course": "c", "plan": {}, "created": 1.0, "attempt": 1}
    write_json(folder / "job.json", card)
    write_json(folder / "outcome.json", {"state": "done", "started": 1.0, "finished": 2.0})
    store = Store(settings.database)
    store.choose("", "teacher", TeacherChoice(key_kept="file").model_dump(mode="json"))
    yield
    store.choose("", "teacher", TeacherChoice().model_dump(mode="json"))
    store.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def unforeseen():
    """This test raises what nobody foresaw (see ``conftest``)."""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["foreseen", "unforeseen"])
@pytest.mark.parametrize("site", TRIED, ids=lambda site: f"{Path(site[0]).stem}-{site[1]}")
def test_a_callback_that_raises(
    screen, filled_home, raising, something_to_put_away, unforeseen, caplog, site, kind, language
):
    page, act = TRIED[site]
    foreseen = BadInput(
        "There is no learner “Eve” in this course.",
        code="learner.missing",
        next="Import the roster with: coursewright learners import COURSE ROSTER.csv",
        name="Eve",
    )
    raising(foreseen if kind == "foreseen" else ValueError("secret words of the machine"))
    app = screen(filled_home, page, language, "c")
    if site[1] == "keep":
        source = {"quote": "q", "section": "s", "title": "t"}
        said = Turn.model_validate({"answer": "a", "sources": [source]})
        app.session_state["chat-c"] = [Exchange("q", said)]
        app.run()
    if site[1] == "show-average":
        app.segmented_control(key="class-view").set_value("records").run()
    title = [t.value for t in app.title]
    assert not app.error
    act(app)
    assert not app.exception
    [shown] = [e.value.replace("\\", "") for e in app.error]
    assert (FORESEEN if kind == "foreseen" else UNFORESEEN)[language] in shown
    assert "secret words" not in shown
    assert app.sidebar.segmented_control and app.sidebar.selectbox, "the rail stands"
    assert [t.value for t in app.title] == title, "the page is drawn, and it is the same page"
    logged = [r for r in caplog.get_records("call") if r.name == failures.__name__]
    assert len(logged) == (kind == "unforeseen")
    if logged:
        assert logged[0].args[0] in shown and "secret words" in str(logged[0].exc_info[1])
    app.run()
    assert not app.error, "it is said once"


# ------------------------------------------------------------------ what a page raises


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", ["learn/progress.py", "teach/learners.py", "build/corpus.py", ""])
def test_a_page_that_raises(screen, filled_home, monkeypatch, unforeseen, page, language):
    def boom(*_):
        raise RuntimeError("secret words of the machine")

    for name in ("knowledge", "pairs"):
        monkeypatch.setattr(f"pages.shared.session.{name}", boom)
    monkeypatch.setattr("psutil.virtual_memory", boom)
    app = screen(filled_home, page, language, "c")
    assert not app.exception
    [shown] = [e.value for e in app.error]
    assert UNFORESEEN[language] in shown and "secret" not in shown
    assert app.sidebar.segmented_control and app.title
    monkeypatch.undo()
    monkeypatch.setenv("COURSEWRIGHT_HOME", str(filled_home))
    again = {"en": "Try again", "zh": "重试"}[language]
    next(b for b in app.button if b.label == again).click().run()
    assert not app.error and not app.exception


def test_a_fragment_that_raises(screen, filled_home, monkeypatch, unforeseen):
    def boom(*_):
        raise RuntimeError("secret words")

    monkeypatch.setattr("pages.shared.job_board._newest", lambda *_: None)
    app = screen(filled_home, "build/course.py", "en", "c")
    assert not app.error
    calls = iter([None])
    monkeypatch.setattr("pages.shared.job_board._newest", lambda *_: next(calls, None) or boom())
    app.run()
    assert not app.exception
    assert app.title and any("not foresee" in e.value for e in app.error)


def test_an_error_without_advice_gets_some(screen, filled_home, monkeypatch):
    def boom(*_):
        raise EngineError("It is broken.")

    monkeypatch.setattr("pages.shared.session.pairs", boom)
    app = screen(filled_home, "build/corpus.py", "en", "c")
    [shown] = [e.value.replace("\\", "") for e in app.error]
    assert shown.startswith("It is broken. Change what you gave, or try again")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_course_whose_title_exists(screen, tmp_path, language):
    """The error that a person meets first: it is said on Home, and Home stays."""
    for turn in range(2):
        app = screen(tmp_path, "", language, None)
        app.text_input(key="new-title").set_value("Gardening").run()
        app.button(key="create").click().run()
        assert not app.exception
        assert [bool(app.error), app.title[0].value == "Coursewright"] == [turn == 1] * 2
    said = {"en": "exists already. Choose another name", "zh": "已有同名课程"}[language]
    assert said in app.error[0].value.replace("\\", "")
    assert any(b.key and b.key.startswith("open-") for b in app.button), "the rest of Home is there"
