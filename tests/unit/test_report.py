"""Reports: one file, escaped, without names; mistakes and the quality of grading."""

import re
from html.parser import HTMLParser
from string import Formatter

import pytest

from engine.cli import main
from engine.errors import Missing
from engine.grade import Item, Submission
from engine.language import table
from engine.learner import Event, pseudonym, record
from engine.report import error_kinds, grading_quality, mistakes, report
from engine.report.page import Facts, Heading, Interval, Paragraph, Table, page
from engine.schema import Block, Course, Document, Section
from engine.settings import Settings
from engine.steps import GRADE, Workspace
from engine.steps.gradebook import add_items, add_submissions, decide, items_of, marked
from engine.steps.grading import GradePlan
from engine.store import Store
from tests.unit.grading_data import ITEMS, answers

EVIL = "<script>alert('x')</script>"
FILLER = " It keeps its elements in one place, and programs use it in very many ways every day."


@pytest.fixture
def workspace(tmp_path):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title=f"Course {EVIL}", language="en")
    store.add_course(course)
    sections = (
        Section(id="s1", title=f"Arrays {EVIL}", blocks=(Block(text="An array is a row." + FILLER * 2),)),
        Section(id="s2", title="Stack", blocks=(Block(text="A stack is a pile of an array." + FILLER * 2),)),
    )  # fmt: skip
    book = Document(id="d", title=f"B {EVIL}", filename="b", language="en", sections=sections)
    store.add_document("c", book)
    store.put_learners("c", [{"pseudonym": ann(settings), "name": "Ann Lee", "group": ""}])
    yield Workspace(settings, store, course)
    store.close()


def ann(settings):
    return pseudonym(settings, "c", "Ann Lee")


def graded(workspace, n=24):
    """A class that a person graded in part; some answers are by Ann, one of them evil."""
    add_items(workspace, ITEMS)
    taught = answers(n)
    mine = [
        Submission(answer_id="a1", item_id="heat", learner="Ann Lee", answer=EVIL, label="incorrect"),
        Submission(answer_id="a2", item_id="salt", learner="Bo", answer="you use a magnet!", label="incorrect"),
        Submission(answer_id="a3", item_id="salt", learner="Cy", answer="You use a magnet", label="incorrect"),
        Submission(answer_id="a4", item_id="salt", learner="Cy", answer="use a magnet, you", label="incorrect"),
    ]  # fmt: skip
    add_submissions(workspace, [*taught, *mine])
    fresh = [s.model_copy(update={"label": None}) for s in answers(6, seed=9)]
    add_submissions(workspace, fresh)
    GRADE(workspace, GradePlan())


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "action") or k.startswith("on")]


def parsed(text):
    found = Tags()
    found.feed(text)
    return found


@pytest.mark.parametrize("learner", [None, "Ann Lee"])
def test_what_people_wrote_is_escaped_and_nothing_is_fetched(workspace, learner):
    graded(workspace)
    who = ann(workspace.settings)
    for concept in (EVIL, "Stack"):
        record(
            workspace.store,
            "c",
            [Event(learner=who, item=EVIL, concept=concept, correct=False, at=1.0)],
        )
    text = report(workspace, learner, now=9e5)
    found = parsed(text)
    assert "script" not in found.tags and not found.links
    assert EVIL not in text and "&lt;script&gt;" in text
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text
    assert "Ann" not in text, "a report holds pseudonyms"
    assert who in text


def test_a_report_on_nothing_yet_says_so(workspace):
    workspace.store.remove_document("c", "d")
    text = report(workspace)
    assert "Nothing here yet." in text
    assert "Exam" not in text
    with pytest.raises(Missing):
        report(workspace, "nobody")


def test_the_learner_reads_her_grades_and_path(workspace):
    graded(workspace)
    record(
        workspace.store,
        "c",
        [Event(learner=ann(workspace.settings), item="i", concept="Stack", correct=True, at=1.0)],
    )
    text = report(workspace, "Ann Lee", now=9e5)
    for words in ("Grades", "incorrect", "Next steps", "Mastery", "Reviews", "Stack"):
        assert words in text
    assert "magnet" not in text, "another learner's answer"


def test_mistakes_are_grouped_and_counted_by_learner(workspace):
    graded(workspace)
    found = mistakes(items_of(workspace), marked(workspace))
    [magnet] = [row for row in found if row.item == "salt" and "magnet" in row.answer.lower()]
    assert magnet.learners >= 2 and magnet.of >= 3
    assert magnet.error == "wrong"
    assert found[0].learners == max(row.learners for row in found)
    kinds = error_kinds(items_of(workspace), marked(workspace))
    assert sum(k.learners for k in kinds) >= len({row.item for row in found})
    half = Item(item_id="heat", question="?", max_score=4)
    assert all(row.item != "salt" for row in mistakes([half], marked(workspace)))


def test_the_quality_of_grading_is_what_people_confirmed(workspace):
    assert grading_quality(workspace, []) is None
    graded(workspace)
    items = {item.item_id: item for item in items_of(workspace)}
    own = [m for m in marked(workspace) if not m.submission.graded]
    other = {"correct": "incorrect", "incorrect": "correct"}
    for place, m in enumerate(own[:4]):
        label = other[m.grade.label] if place == 0 else m.grade.label
        decide(workspace, items[m.submission.item_id], m, label=label, reason="checked")
    found = grading_quality(workspace, items.values())
    assert (found.machine, found.by_person) == (6, 28)
    assert (found.reviewed, found.changed) == (4, 1)
    assert found.agreement.value == pytest.approx(0.75)
    assert found.agreement.n == 4 and 0 <= found.agreement.low <= found.agreement.high <= 1
    assert found.review.n == 6
    again = {m.grade.answer_id: m for m in marked(workspace)}[own[0].grade.answer_id]
    item = items[again.submission.item_id]
    decide(workspace, item, again, label=again.grade.label, feedback="Look again.")
    assert grading_quality(workspace, items.values()).agreement.value == pytest.approx(0.75), (
        "her second look is compared with the grader's proposal, not with her first"
    )


def test_the_command_writes_both_files(workspace, tmp_path, capsys):
    for more in ([], ["--learner", "Ann Lee"]):
        out = tmp_path / "sub" / f"r{len(more)}.html"
        words = ["--home", str(tmp_path), "--json", "report", "c", *more, "--out", str(out)]
        assert main(words) == 0
        assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    missing = ["--home", str(tmp_path), "report", "c", "--learner", "Eve", "--out", str(out)]
    assert main(missing) == 1


def test_the_words_are_there_in_both_languages():
    def names(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english, chinese = table("en", "report"), table("zh", "report")
    assert english.keys() == chinese.keys()
    assert all(names(english[key]) == names(chinese[key]) for key in english)
    for folder in ("course.py", "learner.py", "__init__.py"):
        path = __import__("pathlib").Path(__file__).parents[2] / "engine/report" / folder
        used = set(re.findall(r'say\("(\w+)"', path.read_text(encoding="utf-8")))
        assert used <= english.keys()


def test_one_page_holds_every_part_and_escapes_every_value():
    rows = [("<b>", 1, 0.5, Interval(0.5, 0.0, 2.0, "0.5 [0, 2]")), (None, 2, 1.0, "–")]
    parts = [
        Heading("<h>", 3),
        Paragraph("<p>", note=True),
        Facts([("<n>", "<v>"), ("left out", None), ("zero", 0)]),
        Table(("<t>", "whole", "share", "drawn"), rows),
    ]
    text = page("<title>", "en", iter(parts))
    assert "<h3>&lt;h&gt;</h3>" in text and '<p class="note">&lt;p&gt;</p>' in text
    assert "<dt>&lt;n&gt;</dt><dd>&lt;v&gt;</dd><dt>zero</dt><dd>0</dd></dl>" in text
    heads = "<th>&lt;t&gt;</th><th class=n>whole</th><th class=n>share</th><th>drawn</th>"
    assert heads in re.sub(r">\s+<", "><", text)
    assert '<td>&lt;b&gt;</td><td class="n">1</td><td class="n">0.50</td><td><svg' in text
    assert 'x1="4.0" x2="156.0"' in text and 'aria-label="0.5 [0, 2]"' in text
    assert "<title>&lt;title&gt;</title>" in text and text.endswith("</html>\n")
