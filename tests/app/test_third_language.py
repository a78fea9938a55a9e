"""A third language of the screens is a catalogue beside its folder of data: no Python knows it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.language import VARIABLE
from engine.schema import Course
from engine.settings import Settings
from engine.store import Store

LANGUAGES = Path(__file__).parents[1] / "languages"


@pytest.fixture
def spanish(monkeypatch):
    monkeypatch.setenv(VARIABLE, str(LANGUAGES))


def test_a_screen_is_shown_in_it(spanish, screen, filled_home):
    app = screen(filled_home, "build/course.py", "es", "c")
    assert not app.exception
    assert app.title[0].value == "Curso"
    assert {"Secciones", "Caracteres", "Idioma"} <= {metric.label for metric in app.metric}
    [picker] = [c for c in app.sidebar.segmented_control if c.key == "pick-language"]
    assert picker.options == ["English", "Español", "中文"]


def test_its_plural_forms_are_its_own(spanish, screen, filled_home):
    store = Store(Settings(home=filled_home).database)
    count = len(store.pairs("c"))
    store.close()
    app = screen(filled_home, "build/corpus.py", "es", "c")
    assert not app.exception
    assert f"Descargar {count} pares" in {button.label for button in app.get("download_button")}

    def script():
        import streamlit as st

        from pages.shared.i18n import _n, code_text, error_text, minutes_text, number

        st.session_state["lang"] = "es"
        for count in (0, 1, 2, 12345):
            st.text(_n("Download {n} pair", "Download {n} pairs", count))
        st.text(_n("{n} item added", "{n} items added", 1))  # not translated
        st.text(code_text("kinds", "definition", "Definition"))
        st.text(code_text("kinds", "cause", "Cause"))
        st.text(error_text({"code": "course.missing", "message": "-", "values": {"course": "x"}}))
        st.text(number(1.5, 1) + " " + minutes_text(9000))

    shown = [text.value for text in AppTest.from_function(script).run().text]
    assert shown == [
        "Descargar 0 pares",
        "Descargar 1 par",
        "Descargar 2 pares",
        "Descargar 12.345 pares",
        "1 item added",
        "definición",
        "Cause",
        "No hay ningún curso «x».",
        "1,5 2,5 h",
    ]


def test_a_course_in_it_can_be_made_on_the_first_screen(spanish, screen, tmp_path):
    app = screen(tmp_path, "build/home.py", "es", None)
    [languages] = [c for c in app.main.segmented_control if c.key == "new-language"]
    assert languages.options == ["English", "Español", "中文"]
    assert languages.value == "es"
    app.text_input(key="new-title").set_value("Plantas").run()
    [create] = [b for b in app.button if b.label in ("Create the course", "Crear el curso")]
    create.click().run()
    store = Store(Settings(home=tmp_path).database)
    made = [course for course in store.courses() if course.title == "Plantas"]
    assert made and made[0].language == "es"
    store.close()


def test_without_the_folder_the_language_is_not_offered(screen, tmp_path):
    app = screen(tmp_path, "build/home.py", "es", None)
    [picker] = [c for c in app.sidebar.segmented_control if c.key == "pick-language"]
    assert picker.options == ["English", "中文"]
    with pytest.raises(ValueError, match="no language"):
        Course(id="c", title="C", language="es")
