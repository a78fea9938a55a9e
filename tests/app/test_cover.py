"""The corpus page with a connected teacher: gaps to fill, levels to filter by, who costs what."""

import shutil

import pytest

from engine.distil import CORPUS, FILLED, Filled, Gap, Rewordings
from engine.judge import interval
from engine.llm.ledger import Price
from engine.llm.teacher import TeacherChoice, save_choice
from engine.settings import Settings
from engine.steps import FILL
from engine.store import Store


@pytest.fixture
def connected(filled_home, tmp_path):
    """A copy of the course whose teacher is an endpoint, with a fill behind it."""
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    settings = Settings(home=home)
    store = Store(settings.database)
    url = "http://localhost:1/v1"
    for role, model, price in (("teacher", "big", 1.0), ("judge", "other", 5.0)):
        choice = TeacherChoice(
            kind="endpoint", base_url=url, model=model, price=Price(prompt=price, completion=price)
        )
        save_choice(store, settings, choice, role=role)
    pairs = store.pairs("c")
    for pair, level in zip(pairs, ("remember", "apply"), strict=False):
        store.put_pairs("c", [pair.model_copy(update={"level": level})])
    gap = Gap(section=pairs[0].section, kind="fact")
    told = Filled(gap=gap, asked=5, points=3, pairs=7, removed={"subject_word": 0, "beside": 2})
    store.save("c", FILLED, told)
    used = store.saved("c", CORPUS)
    account = Rewordings(
        wanted=9, asked=9, made=6, removed={"subject_word": 3}, lookup=interval([0.0, 1.0] * 3)
    )
    result = used.value.result.model_copy(update={"rewordings": account, "planned": 60})
    record = used.value.model_copy(update={"result": result})
    store.save("c", CORPUS, record, inputs=used.inputs)
    yield home, store
    store.close()


def said(app):
    return [c.value.replace("\\", "") for c in app.caption]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Last filling: 7 pairs added, from 3 of 5 points", "6 made of 9 tried", "finds 50%",
             "it keeps a word of its subject (3)", "Of which (calls): teacher model"],
        ),
        ("zh", ["新增 7 个问答对", "尝试 9 个，生成 6 个", "50%", "仍含有主题词 (3)", "教师模型"]),
    ],
)  # fmt: skip
def test_what_was_filled_and_reworded_and_what_each_costs_is_said(
    screen, connected, language, words
):
    app = screen(connected[0], "build/corpus.py", language, "c")
    assert not app.exception
    told = " ".join(said(app))
    assert [word for word in words if word not in told] == []


def test_the_button_asks_for_exactly_the_cell_that_is_chosen(screen, connected, monkeypatch):
    started = []
    monkeypatch.setattr("engine.jobs.start", lambda *asked: started.append(asked) or "job")
    app = screen(connected[0], "build/corpus.py", "en", "c")
    app.selectbox(key="gap-kind").select("comparison").run()
    app.selectbox(key="gap-level-comparison").select("evaluate").run()
    app.number_input(key="gap-points").set_value(2).run()
    chapter = app.selectbox(key="cover-chapter").value
    next(b for b in app.button if b.label == "Fill this gap").click().run()
    assert not app.exception
    [(_, step, gap)] = started
    wanted = Gap(section=chapter, kind="comparison", level="evaluate", points=2, teacher="endpoint")
    assert step is FILL and gap == wanted


def test_the_table_is_narrowed_to_a_level(screen, connected):
    app = screen(connected[0], "build/corpus.py", "en", "c")
    app.multiselect(key="filter-levels").select("apply").run()
    assert not app.exception
    assert any("all 1 shown" in button.label for button in app.button)


def test_offline_no_level_is_shown_and_no_gap_offered(screen, filled_home):
    app = screen(filled_home, "build/corpus.py", "en", "c")
    assert not [b for b in app.button if b.label == "Fill this gap"]
    assert not [m for m in app.multiselect if m.key == "filter-levels"]
    assert any("gaps can be filled one by one" in text for text in said(app))
