"""Books that an older reader read: they load, say so, and are read again from what was kept."""

import pytest

from engine.course import make_passages
from engine.documents import READER
from engine.schema import Course, Document
from engine.settings import Settings
from engine.steps import READ, Workspace
from engine.steps.books import ReadPlan, outdated
from engine.store import Store
from tests.app.conftest import BOOK


@pytest.fixture
def workspace(tmp_path):
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    (tmp_path / "garden.md").write_text(BOOK, encoding="utf-8")
    own = Workspace(settings, store, course)
    READ(own, ReadPlan(files=(str(tmp_path / "garden.md"),)))
    yield own
    store.close()


def test_books_of_an_older_reader_are_read_again_from_what_was_kept(workspace, tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "1.md").write_text(
        "# Roots\n\nA root holds a plant in the soil.\n\n## Exercises\n\n1. Why?\n"
    )
    (folder / "2.md").write_text("# Leaves\n\nA leaf is flat and green.\n")
    (folder / "big.png").write_bytes(b"0" * 1000)
    page = tmp_path / "stems.html"
    page.write_text("<h1>Stems</h1><p>A stem carries leaves and flowers of a plant.</p>")
    READ(workspace, ReadPlan(files=(str(folder), str(page))))
    before = {d.id: d for d in workspace.store.documents("c")}
    assert {d.reader for d in before.values()} == {READER} and outdated(before.values()) == []
    old = [d.model_copy(update={"reader": 0, "sections": ()}) for d in before.values()]
    for document in old:
        workspace.store.add_document("c", document)
    assert [d.id for d in outdated(workspace.store.documents("c"))] == list(before)
    readings = workspace.store.readings("c")
    for path in (folder / "1.md", folder / "2.md", page):
        path.unlink()
    result = READ(workspace, ReadPlan(files=(), again=True))
    assert len(result.repeated) == len(before) and not result.failed and not result.added
    assert {d.id: d.sections for d in workspace.store.documents("c")} == {
        k: d.sections for k, d in before.items()
    }
    assert workspace.store.readings("c") != readings
    assert workspace.store.document_ids("c") == list(before)


def test_a_book_whose_file_was_not_kept_says_what_to_do(workspace, tmp_path):
    page = tmp_path / "stems.html"
    page.write_text("<h1>Stems</h1><p>A stem carries leaves and flowers of a plant.</p>")
    READ(workspace, ReadPlan(files=(str(page),)))
    (kept,) = (workspace.folder / "books").glob("*.html")
    kept.unlink()
    result = READ(workspace, ReadPlan(files=(), again=True))
    assert [(row.file, row.code) for row in result.failed] == [("stems.html", "read.source")]
    assert len(result.repeated) == 1


def test_a_document_stored_before_roles_still_loads(workspace):
    stored = {
        "id": "d", "title": "Old", "filename": "old.pdf", "language": "en", "pages": 1,
        "sections": [{"id": "d-1", "title": "One", "blocks": [{"text": "Words.", "page": 1}]}],
        "warnings": [{"code": "garbled", "message": "Some."}],
    }  # fmt: skip
    old = Document.model_validate(stored)
    assert (old.reader, old.sections[0].language, old.sections[0].blocks[0].role) == (
        0,
        "",
        "prose",
    )
    workspace.store.add_document("c", old)
    assert workspace.store.readings("c")[-1] == "d"
    assert [p.text for p in make_passages([old])] == ["Words."]
