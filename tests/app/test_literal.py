"""What people and books write is shown as it is: no Markdown, LaTeX or HTML by accident."""

import pytest

from engine.distil import DistilPlan
from engine.grade import Item
from engine.learner import Event, import_roster, pseudonym, record
from engine.schema import Course
from engine.settings import Settings
from engine.steps import DISTIL, READ, Workspace
from engine.steps.books import ReadPlan
from engine.steps.gradebook import add_items
from engine.store import Store
from pages.shared.literal import escaped, highlighted, spoken, written

ODD = "<b>a</b> $5 or $6 *y* :red[z] C#"
BOOK = f"""# Odd {ODD}

## Numbers {ODD}

A number {ODD} is a value that one can add. Numbers {ODD} are useful because one can add them. To
add numbers {ODD}, you can count on your fingers. Unlike words, numbers {ODD} have an order.

## Words {ODD}

A word {ODD} is a sequence of letters. Words {ODD} are read easily because they are short. To read
a word {ODD}, you can spell its letters.

## Letters {ODD}

A letter is a sign that stands for a sound. Letters are useful because they can be written down. A
vowel is a letter that one can sing.
"""
READ_AS_MARKDOWN = ("title", "header", "subheader", "markdown", "caption", "info", "success")
READ_AS_MARKDOWN += ("warning", "error", "button", "checkbox", "toggle", "radio", "metric", "toast")
READ_AS_MARKDOWN += ("expander",)


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory):
    """A course whose title, book and learner are all written in characters of Markdown."""
    home = tmp_path_factory.mktemp("odd")
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="odd", title=f"Title {ODD}", language="en")
    store.add_course(course)
    book, roster = home / "odd.md", home / "roster.csv"
    book.write_text(BOOK, encoding="utf-8")
    workspace = Workspace(settings, store, course)
    READ(workspace, ReadPlan(files=(str(book),)))
    DISTIL(workspace, DistilPlan(pairs=40))
    roster.write_text(f"name\nLearner {ODD}\n", encoding="utf-8")
    import_roster(settings, store, "odd", roster)
    who = pseudonym(settings, "odd", f"Learner {ODD}")
    concept = f"number {ODD}"
    answer = Event(learner=who, item="i", concept=concept, correct=False, at=1.79e9)
    record(store, "odd", [answer])
    homework = {"question": f"What {ODD}?", "references": ("this",)}
    names = {"a": f"Week {ODD}", "b": ""}
    add_items(workspace, [Item(item_id=i, assignment=n, **homework) for i, n in names.items()])
    store.close()
    return home


def as_markdown(app):
    for kind in READ_AS_MARKDOWN:
        for element in app.get(kind):
            for name in ("label", "value", "body", "help"):
                yield kind, str(getattr(element, name, "") or "")
    for group in app.get("button_group"):
        yield from (("button_group", str(option)) for option in group.options)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "build/course.py",
        "build/corpus.py",
        "build/prompts.py",
        "build/finetune.py",
        "learn/tutor.py",
        "learn/progress.py",
        "teach/assignments.py",
        "teach/learners.py",
    ],
)
def test_nothing_that_was_written_is_read_as_markdown(screen, odd_home, page):
    app = screen(odd_home, page, "en", "odd")
    if page == "learn/progress.py":
        app.selectbox(key="pick-me").select_index(0).run()
    if page == "build/course.py":
        app.segmented_control(key="course-view").set_value("concepts").run()
    if page == "build/corpus.py":
        next(b for b in app.button if b.label == "Preview five").click().run()
    assert not app.exception, app.exception[0].message
    raw = [(kind, text) for kind, text in as_markdown(app) if " $5" in text or "<b>" in text]
    assert raw == []


def test_escaped_shows_every_sign():
    assert escaped("a *b* [c] $d$ <e> :red[f] __g__ &lt;") == (
        r"a \*b\* \[c\] \$d\$ \<e\> \:red\[f\] \_\_g\_\_ \&lt;"
    )
    assert escaped("if x:\n    y") == "if x\\:  \n\u00a0\u00a0\u00a0\u00a0y"
    assert "->" not in escaped("x -> y").replace("\\", "")  # else Streamlit draws an arrow


def test_quotes_are_highlighted():
    found = highlighted("roots wake.\nThen", ["roots wake."])
    assert found == r":green-background[roots wake\.]  " + "\nThen"


def test_a_spoken_answer_keeps_only_bold_openings():
    assert spoken("**Why** 2*3*4\n\n**How** $x$") == "**Why** 2\\*3\\*4  \n  \n**How** $x$"


@pytest.mark.parametrize(
    "text, shown",
    [
        ("so $O(n \\log n)$ steps", "so $O(n \\log n)$ steps"),
        ("取 $n$ 个 __元素__", r"取 $n$ 个 \_\_元素\_\_"),
        ("$31 - 20 = 11$ 元", "$31 - 20 = 11$ 元"),
        ("$coins[i - 1]$", "$coins[i - 1]$"),
        ("it costs $3 or $4.", r"it costs \$3 or \$4\."),
        ("between $5-$10 and US$7", r"between \$5\-\$10 and US\$7"),
        ("$5 for one and 10$ for two", r"\$5 for one and 10\$ for two"),
        ("a\n$$\nE = mc^2\n$$", "a  \n\n\n$$\nE = mc^2\n$$\n\n"),
    ],
)
def test_formulas_of_a_book_are_drawn_and_prices_are_not(text, shown):
    assert written(text) == shown
