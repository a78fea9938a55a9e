"""PDF: sections, clean text and every kind of bad PDF; some of it on real textbooks."""

from __future__ import annotations

import difflib
import io
import re
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest

from engine.course import make_passages
from engine.documents import page_image, read_all, read_document
from engine.documents.damage import damage_of, mark
from engine.documents.tree import Piece
from engine.errors import BadDocument, Missing
from engine.schema import Document, Progress

fpdf = pytest.importorskip("fpdf")

WORDS = [
    "the",
    "stack",
    "holds",
    "its",
    "elements",
    "in",
    "a",
    "linear",
    "order",
    "and",
    "every",
    "push",
    "puts",
    "one",
    "more",
    "element",
    "on",
    "top",
    "of",
    "the",
    "others",
    "while",
    "every",
    "pop",
    "takes",
    "the",
    "last",
    "one",
    "away",
    "again",
    "so",
    "that",
    "both",
    "need",
    "constant",
    "time",
]


def prose(count: int, start: int = 0) -> str:
    """A paragraph of ``count`` words that differ from page to page."""
    picked = [WORDS[(start + i * 7) % len(WORDS)] for i in range(count)]
    return " ".join(picked).capitalize() + "."


class Book(fpdf.FPDF):
    """A small book with a running head and a page number."""

    running = True

    def header(self) -> None:
        if self.running:
            self.set_font("Helvetica", "", 9)
            self.cell(0, 8, "A Small Book of Stacks", new_x="LMARGIN", new_y="NEXT")

    def footer(self) -> None:
        if self.running:
            self.set_y(-15)
            self.set_font("Helvetica", "", 9)
            self.cell(0, 8, f"Page {self.page_no()} of 9", align="C")

    def head(self, text: str, level: int = 0, outline: bool = True, size: int = 0) -> None:
        if outline:
            self.start_section(text, level=level)
        self.set_font("Helvetica", "B", size or (20 - 4 * level))
        self.ln(4)
        self.multi_cell(0, 10, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(2)

    def text_block(self, text: str, font: str = "Times", size: int = 11) -> None:
        self.set_font(font, "", size)
        self.multi_cell(0, 5, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)


def save(pdf: fpdf.FPDF, path: Path) -> Path:
    pdf.output(str(path))
    return path


def outlined(path: Path) -> Path:
    pdf = Book()
    pdf.set_title("Stacks and Queues")
    for chapter in range(3):
        pdf.add_page()
        pdf.head(f"{chapter + 1} Chapter {'ABC'[chapter]}")
        pdf.text_block(prose(120, chapter))
        for part in range(2):
            pdf.head(f"Part {chapter}{part}", level=1)
            pdf.text_block(f"Alpha{chapter}{part} " + prose(90, chapter + part))
            pdf.text_block("def push(x):\n    items.append(x)\n\n    return None", "Courier", 9)
            pdf.text_block(f"Omega{chapter}{part} " + prose(40, part))
    return save(pdf, path)


def codes(document: Document) -> list[str]:
    return [w.code for w in document.warnings]


def fails(path: Path, settings, code: str) -> BadDocument:
    with pytest.raises(BadDocument) as caught:
        read_document(path, settings)
    assert caught.value.code == code
    assert caught.value.next
    return caught.value


# --- sections and text ----------------------------------------------------------------------


def test_sections_hold_what_stands_under_their_heading(tmp_path, settings):
    document = read_document(outlined(tmp_path / "a.pdf"), settings)
    assert document.title == "Stacks and Queues"
    assert document.pages == 3 and document.language == "en"
    assert [(s.level, s.title, s.page_start) for s in document.sections][:4] == [
        (1, "1 Chapter A", 1),
        (2, "Part 00", 1),
        (2, "Part 01", 1),
        (1, "2 Chapter B", 2),
    ]
    by_title = {s.title: s for s in document.sections}
    for name in ("00", "01", "10", "21"):
        section = by_title[f"Part {name}"]
        assert [b.kind for b in section.blocks] == ["prose", "code", "prose"]
        assert section.blocks[0].text.startswith(f"Alpha{name} ")
        assert section.blocks[2].text.startswith(f"Omega{name} ")
        assert section.blocks[1].text == "def push(x):\n    items.append(x)\n\n    return None"
        assert {b.page for b in section.blocks} == {section.page_start}
    assert by_title["Part 00"].parent == by_title["1 Chapter A"].id
    assert not codes(document)


def test_paragraphs_are_reflowed_and_running_heads_gone(tmp_path, settings):
    document = read_document(outlined(tmp_path / "a.pdf"), settings)
    first = document.sections[0]
    assert [b.text for b in first.blocks] == [prose(120, 0)]
    whole = "\n".join(s.text for s in document.sections)
    assert "Small Book" not in whole and "of 9" not in whole


def test_a_paragraph_goes_on_over_a_page(tmp_path, settings):
    pdf = Book()
    pdf.add_page()
    pdf.head("Only chapter")
    text = prose(1400)
    pdf.text_block(text)
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    assert document.pages >= 2
    assert [b.text for b in document.sections[0].blocks] == [text]
    assert document.sections[0].page_end == document.pages


def test_hyphens_at_line_ends(tmp_path, settings):
    pdf = Book()
    pdf.running = False
    pdf.add_page()
    pdf.head("Hyphens")
    pdf.set_font("Times", "", 11)
    lines = [
        "A well-known algorithm and another well-known algorithm are the known ones; an algo-",
        "rithm is a list of steps. The first-class functions are first-class objects, as a well-",
        "known author said; and the cost-benefit view of twenty-one is a cost view of benefit.",
    ]
    for line in lines:
        pdf.cell(0, 5, line, new_x="LMARGIN", new_y="NEXT")
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    text = document.sections[0].text
    assert "an algorithm is a list" in text
    assert "as a well-known author" in text
    assert "\ufffe" not in text and "\n" not in text


def test_ligatures_are_expanded():
    from engine.documents.tree import clean

    assert clean("e\ufb03cient \ufb01nite \ufb02ow o\ufb00") == "efficient finite flow off"
    assert clean("soft\xadhyphen a\u200bb") == "softhyphen ab"


def test_lists_are_kept(tmp_path, settings):
    pdf = Book()
    pdf.add_page()
    pdf.head("Lists")
    pdf.text_block(prose(60))
    for number in (1, 2, 3):
        pdf.text_block(f"{number}. {prose(30, number)}")
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    prose_block, items = document.sections[0].blocks
    assert (prose_block.kind, items.kind) == ("prose", "list")
    assert items.text.split("\n") == [f"{n}. {prose(30, n)}" for n in (1, 2, 3)]


def test_tables_keep_their_cells(tmp_path, settings):
    rows = [("name", "time", "space"), ("push", "O(1)", "O(n)"), ("pop", "constant time", "none")]
    pdf = Book()
    pdf.add_page()
    pdf.head("Tables")
    pdf.text_block(prose(60))
    with pdf.table() as table:
        for row in rows:
            table.row(row)
    pdf.text_block(prose(60, 3))
    blocks = read_document(save(pdf, tmp_path / "a.pdf"), settings).sections[0].blocks
    assert [b.kind for b in blocks] == ["prose", "table", "prose"]
    assert blocks[1].text.split("\n") == [" | ".join(row) for row in rows]


@pytest.mark.parametrize("rows_first", [True, False])
def test_two_columns_in_reading_order(tmp_path, settings, rows_first):
    pdf = Book()
    pdf.running = False
    pdf.add_page()
    pdf.set_font("Times", "B", 16)
    pdf.text(20, 25, "A heading over both columns of this page")
    pdf.set_font("Times", "", 10)
    rows = [(side, row) for row in range(30) for side in (0, 1)]
    for side, row in rows if rows_first else sorted(rows):
        text = f"{['left', 'right'][side]} column row number {row} with some words"
        pdf.text(20 + 95 * side, 40 + 5 * row, text)
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    text = " ".join(s.text for s in document.sections)
    order = [(a, int(b)) for a, b in re.findall(r"(left|right) column row number (\d+)", text)]
    assert order == [(side, row) for side in ("left", "right") for row in range(30)]


def test_text_drawn_out_of_order_is_read_from_the_top(tmp_path, settings):
    pdf = Book()
    pdf.running = False
    pdf.add_page()
    pdf.set_font("Times", "", 11)
    for row in [*range(10, 20), *range(10)]:
        pdf.text(20, 30 + 6 * row, f"Row number {row} of a page that was drawn in two parts")
    text = read_document(save(pdf, tmp_path / "a.pdf"), settings).sections[0].text
    assert [int(x) for x in re.findall(r"Row number (\d+)", text)] == list(range(20))


def test_headings_without_an_outline(tmp_path, settings):
    pdf = Book()
    for chapter in (1, 2):
        pdf.add_page()
        pdf.head(f"{chapter} Things of kind {chapter}", outline=False, size=20)
        pdf.text_block(prose(100, chapter))
        pdf.head(f"{chapter}.1 Their parts", outline=False, size=14)
        pdf.text_block(prose(100, chapter + 3))
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    assert [(s.level, s.title, s.page_start) for s in document.sections] == [
        (1, "1 Things of kind 1", 1),
        (2, "1.1 Their parts", 1),
        (1, "2 Things of kind 2", 2),
        (2, "2.1 Their parts", 2),
    ]
    assert [len(s.blocks) for s in document.sections] == [1, 1, 1, 1]


def test_no_headings_at_all_warns(tmp_path, settings):
    pdf = Book()
    pdf.running = False
    for page in range(12):
        pdf.add_page()
        pdf.text_block(prose(200, page))
    document = read_document(save(pdf, tmp_path / "notes.pdf"), settings)
    assert codes(document) == ["headings.none"]
    assert [(s.page_start, s.page_end) for s in document.sections] == [(1, 10), (11, 12)]


def test_contents_and_index_pages_are_dropped_with_a_warning(tmp_path, settings):
    pdf = Book()
    pdf.add_page()
    pdf.text_block("\n".join(f"{n} Chapter number {n} {'. ' * 30} {n + 2}" for n in range(1, 9)))
    for chapter in range(5):
        pdf.add_page()
        pdf.head(f"Chapter {chapter}")
        pdf.text_block(prose(150, chapter))
    pdf.add_page()
    pdf.text_block("\n".join(f"keyword {n}, {n + 1}, {n + 20}" for n in range(30)))
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    assert codes(document) == ["pdf.contents", "pdf.index"]
    assert [w.page for w in document.warnings] == [1, 7]
    whole = "\n".join(s.text for s in document.sections)
    assert ". . ." not in whole and "keyword" not in whole
    assert document.sections[-1].page_end == 6


def test_front_matter_is_kept_only_where_it_is_text(tmp_path, settings):
    for words, expected in ((0, ["One"]), (80, ["Front Book", "One"])):
        pdf = Book()
        pdf.running = False
        pdf.set_title("Front Book")
        pdf.add_page()
        pdf.set_font("Times", "B", 26)
        pdf.cell(0, 20, "Front Book", new_x="LMARGIN", new_y="NEXT")
        if words:
            pdf.text_block(prose(words))
        pdf.add_page()
        pdf.head("One")
        pdf.text_block(prose(100))
        document = read_document(save(pdf, tmp_path / f"{words}.pdf"), settings)
        assert [s.title for s in document.sections] == expected


def test_progress_counts_pages(tmp_path, settings):
    seen: list[Progress] = []
    read_document(outlined(tmp_path / "a.pdf"), settings, seen.append)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 3, 3)


def test_page_image(tmp_path):
    path = outlined(tmp_path / "a.pdf")
    small, large = page_image(path, 2), page_image(path, 2, scale=3)
    assert small.startswith(b"\x89PNG") and len(large) > len(small)


def test_chinese_pdf(tmp_path, settings):
    fonts = sorted(Path("/usr/share/fonts").rglob("NotoSerifCJK-Regular.ttc"))
    if not fonts:
        pytest.skip("no Chinese font on this machine (fonts-noto-cjk)")
    pdf = Book()
    pdf.running = False
    pdf.add_font("cjk", "", str(fonts[0]), collection_font_number=2)
    pdf.add_page()
    pdf.start_section("第一章 栈")
    pdf.set_font("cjk", "", 20)
    pdf.multi_cell(0, 12, "第一章 栈", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("cjk", "", 11)
    text = "栈是一种遵循先入后出逻辑的线性数据结构，我们可以把它类比为桌面上的一摞盘子。" * 5
    pdf.multi_cell(0, 6, text, align="L", new_x="LMARGIN", new_y="NEXT")
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    assert document.language == "zh"
    assert [(s.title, s.text) for s in document.sections] == [("第一章 栈", text)]


# --- bad input ------------------------------------------------------------------------------


def picture() -> io.BytesIO:
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((300, 400), 90).save(buffer, format="PNG")
    buffer.seek(0)
    return buffer


def with_scans(path: Path, scans: int, texts: int) -> Path:
    pdf = Book()
    pdf.running = False
    for page in range(texts):
        pdf.add_page()
        pdf.head(f"Chapter {page}")
        pdf.text_block(prose(150, page))
    for _ in range(scans):
        pdf.add_page()
        pdf.image(picture(), 0, 0, 210, 297)
    return save(pdf, path)


def test_scanned(tmp_path, settings):
    error = fails(with_scans(tmp_path / "a.pdf", 4, 0), settings, "pdf.scanned")
    assert error.values["pages"] == 4


def test_scanned_in_part(tmp_path, settings):
    document = read_document(with_scans(tmp_path / "a.pdf", 2, 3), settings)
    assert codes(document) == ["pdf.scanned_pages"]
    assert "4-5" in document.warnings[0].message and document.warnings[0].page == 4


def test_blank_pages_are_empty(tmp_path, settings):
    pdf = fpdf.FPDF()
    pdf.add_page()
    fails(save(pdf, tmp_path / "a.pdf"), settings, "empty")


def test_encrypted(tmp_path, settings):
    pdf = Book()
    pdf.set_encryption(owner_password="a", user_password="b")
    pdf.add_page()
    pdf.text_block(prose(50))
    path = save(pdf, tmp_path / "a.pdf")
    fails(path, settings, "pdf.encrypted")
    with pytest.raises(BadDocument, match="password"):
        page_image(path, 1)


def test_owner_password_alone_is_no_obstacle(tmp_path, settings):
    pdf = Book()
    pdf.running = False
    pdf.set_encryption(owner_password="a")
    pdf.add_page()
    pdf.text_block(prose(50))
    document = read_document(save(pdf, tmp_path / "a.pdf"), settings)
    assert document.sections[0].text == prose(50)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n" + b"junk " * 500, b"%PDF-1.4"])
def test_corrupt(tmp_path, settings, data):
    (tmp_path / "a.pdf").write_bytes(data)
    fails(tmp_path / "a.pdf", settings, "pdf.corrupt")


def test_cut_off(tmp_path, settings):
    data = outlined(tmp_path / "a.pdf").read_bytes()
    (tmp_path / "b.pdf").write_bytes(data[: data.rindex(b"%%EOF")])
    assert codes(read_document(tmp_path / "b.pdf", settings)) == ["pdf.truncated"]
    (tmp_path / "c.pdf").write_bytes(data[: len(data) // 3])
    with pytest.raises(BadDocument):
        read_document(tmp_path / "c.pdf", settings)


def test_too_many_pages(tmp_path, settings):
    path = outlined(tmp_path / "a.pdf")
    error = fails(path, replace(settings, max_pages=2), "max_pages")
    assert (error.values["pages"], error.values["limit"]) == (3, 2)


def test_same_pdf_twice(tmp_path, settings):
    path = outlined(tmp_path / "a.pdf")
    (tmp_path / "b.pdf").write_bytes(path.read_bytes())
    results = [r for _, r in read_all([path, tmp_path / "b.pdf"], settings)]
    assert isinstance(results[0], Document)
    assert isinstance(results[1], BadDocument) and results[1].code == "duplicate"


# --- real books -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def think_python(shared_data: Path, tmp_path_factory) -> Document:
    from engine.settings import Settings

    path = shared_data / "books" / "think_python_en" / "thinkpython2.pdf"
    return read_document(path, Settings(home=tmp_path_factory.mktemp("home")))


def named(document: Document, title: str, page: int):
    return next(s for s in document.sections if (s.title, s.page_start) == (title, page))


def test_every_outline_entry_is_a_section(shared_data, think_python):
    path = shared_data / "books" / "think_python_en" / "thinkpython2.pdf"
    entries = [
        (b.get_title(), b.get_dest().get_index() + 1) for b in pypdfium2.PdfDocument(path).get_toc()
    ]
    sections = [(s.title, s.page_start) for s in think_python.sections]
    squeezed = [(" ".join(t.split()), page) for t, page in entries]
    assert len(entries) == 240
    assert sections[1:] == squeezed
    assert think_python.title == "Think Python"
    assert {w.code for w in think_python.warnings} >= {"pdf.contents", "pdf.index"}


def test_real_section_text(think_python):
    section = named(think_python, "Refactoring", 61)
    assert section.page_end == 62
    text = section.text
    assert text.startswith(
        "When I wrote circle, I was able to re-use polygon because a many-sided polygon is a good approximation of a circle."
    )
    code = [b for b in section.blocks if b.kind == "code"]
    assert code[0].text == (
        "def arc(t, r, angle):\n    arc_length = 2 * math.pi * r * angle / 360\n"
        "    n = int(arc_length / 3) + 1\n    step_length = arc_length / n\n"
        "    step_angle = angle / n\n\n    for i in range(n):\n        t.fd(step_length)\n"
        "        t.lt(step_angle)"
    )
    assert code[0].page == 61
    assert "4.7." not in text and "Chapter 4" not in text


def test_real_text_is_clean(think_python):
    whole = "\n".join(s.text for s in think_python.sections)
    assert "\ufffe" not in whole and "\ufb01" not in whole
    assert not re.search(r"^\d+ Chapter \d+\.|^\d+\.\d+\. .* \d+$", whole, re.M)
    assert all(1 <= b.page <= 288 for s in think_python.sections for b in s.blocks)
    lines = [b.text for s in think_python.sections for b in s.blocks if b.kind == "prose"]
    assert sum("\n" in line for line in lines) < 0.02 * len(lines)


def test_real_book_without_outline(shared_data, settings):
    path = shared_data / "books" / "algorithms_en_pdf" / "01-recursion.pdf"
    document = read_document(path, settings)
    found = [s.title for s in document.sections if re.match(r"1\.\d", s.title)]
    wanted = [
        "Reductions",
        "Simplify and Delegate",
        "Tower of Hanoi",
        "Mergesort",
        "Quicksort",
        "The Pattern",
        "Recursion Trees",
        "Linear-Time Selection",
        "Fast Multiplication",
        "Exponentiation",
    ]
    assert found == [f"1.{n} {title}" for n, title in enumerate(wanted, 1)]
    assert {w.code for w in document.warnings} == {"pdf.unread", "garbled"}


@pytest.mark.parametrize(("folder", "language"), [("docs", "zh"), ("en/docs", "en")])
def test_real_markdown_book(shared_data, settings, folder, language):
    path = shared_data / "books" / "hello_algo_zh_en" / folder
    document = read_document(path, settings)
    assert document.language == language
    chapters = [s for s in document.sections if s.level == 1]
    assert len(chapters) == len([p for p in path.iterdir() if p.is_dir()]) + 1
    whole = "\n".join(b.text for s in document.sections for b in s.blocks if b.kind != "code")
    assert not re.search(r"^(===|!!!|\?\?\?) |</?u>|!\[|\]\(|pythontutor\.com/render", whole, re.M)
    listing = next(
        b.text
        for s in document.sections
        for b in s.blocks
        if b.kind == "code" and "arr: list[int]" in b.text
    )
    assert "int[] arr" not in "\n".join(s.text for s in document.sections)
    assert difflib.SequenceMatcher(None, listing, "nums: list[int] = [1, 3, 2, 5, 4]").ratio() > 0.3


# --- damaged text, and text recognition ------------------------------------------------------


def test_lost_letters_and_flat_formulas_are_left_out(tmp_path):
    pieces = [
        Piece("In ���� the number 2n � 1 was found.", page=1),
        Piece("He wrote a book.� It was read.", page=1),
        Piece("�. First divide.\n�. Then conquer.", "list", page=1),
        Piece("T(n) = 2T(n/2) +", page=2),
        Piece("∑", page=2),
        Piece("A loop = a thing that repeats, again and again.", page=2),
        Piece("message", page=2),
        Piece("x = 1", "code", page=2),
    ]
    mark(pieces)
    assert [p.unread for p in pieces] == [True, False, False, True, True, False, False, False]
    assert pieces[1].text == "He wrote a book. It was read."
    assert pieces[2].text == "- First divide.\n- Then conquer."


def test_damaged_text_is_shown_but_in_no_passage(shared_data, settings):
    path = shared_data / "books" / "algorithms_en_pdf" / "01-recursion.pdf"
    document = read_document(path, settings)
    bad = [b for s in document.sections for b in s.blocks if b.unread]
    damage = damage_of(document)
    assert 0.3 < damage.share < 0.6 and len(damage.pages) > 40
    warning = next(w for w in document.warnings if w.code == "pdf.unread")
    assert f"{damage.share:.1%}" in warning.message
    taught = "\n".join(p.text for p in make_passages([document]))
    assert "\ufffd" not in taught
    assert all(b.text not in taught for b in bad if len(b.text) > 40)


def test_the_readable_book_loses_next_to_nothing(shared_data, settings):
    path = shared_data / "books" / "think_python_en" / "thinkpython2.pdf"
    assert damage_of(read_document(path, settings)).share < 0.005


def as_scan(path: Path, out: Path) -> Path:
    """The same pages as pictures: what a scanner makes of the book."""
    import pypdfium2

    pages = [p.render(scale=2.2).to_pil().convert("L") for p in pypdfium2.PdfDocument(path)]
    pages[0].save(out, save_all=True, append_images=pages[1:], resolution=158)
    return out


def book_of(path: Path, parts: list[tuple[str, str]]) -> Path:
    """A page with headings and paragraphs in a font that has Chinese letters."""
    fonts = sorted(Path("/usr/share/fonts").rglob("NotoSerifCJK-Regular.ttc"))
    if not fonts:
        pytest.skip("no Chinese font on this machine (fonts-noto-cjk)")
    pdf = fpdf.FPDF()
    pdf.add_font("cjk", "", str(fonts[0]), collection_font_number=2)
    pdf.add_page()
    for title, text in parts:
        pdf.set_font("cjk", "", 20)
        pdf.multi_cell(0, 14, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("cjk", "", 11)
        pdf.multi_cell(0, 6, text, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(6)
    return save(pdf, path)


SCANS = {
    "en": [
        ("Chapter 1 Stacks", "A stack is a linear structure in which the last item comes out first. "
         "It is like a pile of plates: one takes the plate from the top, never from the middle."),
        ("Chapter 2 Queues", "A queue is a linear structure in which the first item comes out first. "
         "People who wait at a counter stand in a queue, and new people join at its end."),
    ],
    "zh": [
        ("第一章 栈", "栈是一种遵循先入后出逻辑的线性数据结构。我们可以把它类比为桌面上的一摞盘子，"
         "如果想取出底部的盘子，就需要先将上面的盘子依次移走。"),
        ("第二章 队列", "队列是一种遵循先入先出规则的线性数据结构。顾名思义，队列模拟了排队现象，"
         "新来的人不断加入队列尾部，位于队列头部的人逐个离开。"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_scan_is_read_by_ocr(tmp_path, settings, language):
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    parts = SCANS[language]
    scan = as_scan(book_of(tmp_path / "a.pdf", parts), tmp_path / "scan.pdf")
    fails(scan, settings, "pdf.scanned")
    document = read_document(scan, replace(settings, ocr=True))
    assert document.language == language
    assert [s.title.replace(" ", "") for s in document.sections] == [
        title.replace(" ", "") for title, _ in parts
    ]
    for section, (_, text) in zip(document.sections, parts, strict=True):
        assert len(section.blocks) == 1
        same = difflib.SequenceMatcher(None, section.text.replace(" ", ""), text.replace(" ", ""))
        assert same.ratio() > 0.97
    (warning,) = document.warnings
    assert warning.code == "pdf.ocr" and "confidence of" in warning.message
    assert float(warning.values["least"].rstrip("%")) > 90


def test_ocr_that_is_not_installed_says_what_to_install(tmp_path, settings, monkeypatch):
    from engine import installed
    from engine.documents import ocr

    ocr._engine.cache_clear()
    monkeypatch.setattr(installed, "_installed", lambda name: False)
    with pytest.raises(Missing, match="OCR") as found:
        read_document(with_scans(tmp_path / "a.pdf", 1, 0), replace(settings, ocr=True))
    assert found.value.code == "ocr.missing" and "coursewright[ocr]" in found.value.next


def test_damaged_pages_are_mended_by_ocr(shared_data, tmp_path, settings):
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    import pypdfium2

    source = shared_data / "books" / "algorithms_en_pdf" / "01-recursion.pdf"
    part = pypdfium2.PdfDocument.new()
    part.import_pages(pypdfium2.PdfDocument(source), [3, 5])
    part.save(tmp_path / "a.pdf")
    before = read_document(tmp_path / "a.pdf", settings)
    after = read_document(tmp_path / "a.pdf", replace(settings, ocr=True))
    assert damage_of(before).share > 0.3 > 0.1 > damage_of(after).share
    taught = " ".join(p.text for p in make_passages([after]))
    assert "Édouard Lucas in 1883" in taught and "585 billion years" in taught
    assert len(after.sections) >= len(before.sections)
