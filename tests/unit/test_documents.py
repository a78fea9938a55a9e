"""Reading books: formats, text, archives, and every kind of bad input."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine.documents import SUFFIXES, detect_format, page_image, read_all, read_document
from engine.documents.guard import open_zip
from engine.errors import BadDocument, BadInput, Cancelled, EngineError, Missing
from engine.schema import Document, Progress
from engine.settings import Settings

PROSE = (
    "A stack is a linear data structure in which the last element that came in is the first that "
    "goes out. Its two operations are push and pop, and both take constant time in most books. "
)
PROSE_ZH = "栈是一种遵循先入后出逻辑的线性数据结构。我们把它的顶部称为栈顶，把底部称为栈底，这是本书的内容。"


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def make_zip(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def titles(document: Document) -> list[tuple[int, str]]:
    return [(s.level, s.title) for s in document.sections]


def codes(document: Document) -> list[str]:
    return [w.code for w in document.warnings]


def fails(path: Path, settings: Settings, code: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_document(path, settings)
    assert caught.value.code == code
    assert caught.value.next
    return caught.value


# --- Markdown -------------------------------------------------------------------------------

MARKDOWN = """---
title: Stacks
comments: true
---

# Stack

A <u>stack</u> is *linear*, see [the queue](queue.md) and ![a picture](stack.png).
It takes $O(1)$ time and **`push()`** adds, a_b_c stays.

![alone](figure.png){ class="figure" }

```python
# not a heading
def push(x):

    items.append(x)
```

Operations
----------

| name | time |
| ---- | ---- |
| push | $O(1)$ |

- first **item**
  goes on
- second

=== "Python"

    ```python
    pop()
    ```

=== "C++"

    ```cpp
    stack.pop();
    ```

After the tabs.

!!! question "Why?"

    Because of order.

??? pythontutor "Run"

    https://pythontutor.com/render

### Deep ###

> quoted text

```src
[file]{stack}-[class]{}-[func]{push}
```
"""


def test_markdown_blocks(tmp_path, settings):
    document = read_document(write(tmp_path / "a.md", MARKDOWN), settings)
    assert document.title == "Stacks"
    assert titles(document) == [(1, "Stack"), (2, "Operations"), (3, "Deep")]
    first, operations, deep = document.sections
    assert first.blocks[0].text == (
        "A stack is linear, see the queue and a picture. It takes $O(1)$ time and push() adds, "
        "a_b_c stays."
    )
    assert [b.kind for b in first.blocks] == ["prose", "code"]
    assert first.blocks[1].text == "# not a heading\ndef push(x):\n\n    items.append(x)"
    kinds = [(b.kind, b.text) for b in operations.blocks]
    assert kinds[:3] == [
        ("table", "name | time\npush | $O(1)$"),
        ("list", "- first item goes on\n- second"),
        ("code", "pop()"),
    ]
    assert [t for _, t in kinds[3:]] == ["After the tabs.", "Why?", "Because of order."]
    assert deep.parent == operations.id
    assert [b.text for b in deep.blocks] == ["quoted text"]
    assert codes(document) == ["markdown.snippets"]
    assert all(b.page == 0 for s in document.sections for b in s.blocks)


def test_section_ids_are_stable(tmp_path, settings):
    one = read_document(write(tmp_path / "a.md", MARKDOWN), settings)
    other = read_document(write(tmp_path / "b.md", MARKDOWN), settings)
    assert one.id == other.id and len(one.id) == 16
    assert [s.id for s in one.sections] == [f"{one.id[:8]}-{n:03d}" for n in (1, 2, 3)]
    assert one.sections == other.sections


def test_chinese_markdown_is_not_spaced_apart(tmp_path, settings):
    text = "# 栈\n\n栈是一种\n数据结构 ，用 `push` 入栈。\n"
    document = read_document(write(tmp_path / "栈.md", text), settings)
    assert document.language == "zh"
    assert document.sections[0].text == "栈是一种数据结构，用 push 入栈。"


@pytest.mark.parametrize("text", ["~~~\n# no\n~~~\n", "    # no\n", "```\n~~~\n# no\n```\n"])
def test_code_is_not_a_heading(tmp_path, settings, text):
    document = read_document(write(tmp_path / "a.md", f"# Yes\n\nWords.\n\n{text}"), settings)
    assert titles(document) == [(1, "Yes")]


def blocks(tmp_path, settings, text):
    document = read_document(write(tmp_path / "a.md", f"# T\n\n{text}"), settings)
    return [(b.kind, b.text) for s in document.sections for b in s.blocks]


@pytest.mark.parametrize(
    "case",
    [
        ("The entry dp[i][j] is 2 * 3 * 4.", "The entry dp[i][j] is 2 * 3 * 4."),
        ("**“栈”**是*线性*的。", "“栈”是线性的。"),
        ("See [the **list**][l] and <https://a.org>.\n\n[l]: x.md", "See the list and https://a.org."),
        ("Marked ==words==, H<sub>2</sub>O,<br>~~gone~~ &amp; \\*kept\\*.", "Marked words, H2O, gone & *kept*."),
        ("One $a_1$\n![alone](x.png){ align=left }\ntwo.", "One $a_1$", "two."),
        ("Noted[^1] here.\n\n[^1]: The note itself.", "Noted here.", "The note itself."),
        ("> [!NOTE]\n> Mind the step.", "Mind the step."),
        ("It costs $5 and then $6.", "It costs $5 and then $6."),
        ("$$\nx = 1\n\n$$", "$$\nx = 1\n$$"),
        ("<div align='center'>\n  Centred *words*.\n</div>", "Centred words."),
        ("<!-- a\n\nb --> kept", "kept"),
        ("before\n\n<!-- never closed\n\nafter", "before", "never closed", "after"),
        ("<svg><path d=''/><text>no</text></svg>\n\n<script>\n\nno()\n</script>\n\nyes", "yes"),
    ],
)  # fmt: skip
def test_markdown_text_without_markup(tmp_path, settings, case):
    text, *found = case
    assert blocks(tmp_path, settings, text) == [("prose", words) for words in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. one\n\n    more of it\n\n    - inner\n2. two", [("list", "1. one more of it\n  - inner\n2. two")]),
        ("- 一个\n  项目", [("list", "- 一个项目")]),
        (
            "1. run\n\n    ```sh\n    go\n    ```\n\n    and wait\n\n2. end",
            [("list", "1. run"), ("code", "go"), ("prose", "and wait"), ("list", "2. end")],
        ),
        ("| a | b |\n|---|---|\n| `x\\|y` | $n$ |", [("table", "a | b\nx|y | $n$")]),
        ("words\n\n    code()\n\n        more()", [("prose", "words"), ("code", "code()\n\n    more()")]),
    ],
)  # fmt: skip
def test_markdown_lists_tables_and_listings(tmp_path, settings, text, found):
    assert blocks(tmp_path, settings, text) == found


# --- folders --------------------------------------------------------------------------------


def tree(root: Path) -> Path:
    write(root / "index.md", "# The Book\n\nWelcome to it.\n")
    write(root / "chapter_2_lists" / "index.md", "# Lists\n\nAbout lists.\n")
    write(root / "chapter_2_lists" / "summary.md", "# Summary\n\nAll about lists.\n")
    write(root / "chapter_2_lists" / "array.md", "# Array\n\nText.\n\n## Access\n\nFast.\n")
    write(root / "chapter_10_trees" / "heap.md", "## Build\n\nBottom up.\n")
    write(root / "chapter_10_trees" / "heap.assets" / "x.png", b"\x89PNG")
    write(root / ".git" / "notes.md", "# Secret\n\nno\n")
    return root


def test_folder_is_one_book(tmp_path, settings):
    document = read_document(tree(tmp_path / "docs"), settings)
    assert document.title == "The Book"
    assert titles(document) == [
        (1, "The Book"),
        (1, "Lists"),
        (2, "Array"),
        (3, "Access"),
        (2, "Summary"),
        (1, "Trees"),
        (2, "Build"),
    ]
    assert document.sections[1].text == "About lists."


def test_folder_hash_sees_names_and_bytes(tmp_path, settings):
    first = read_document(tree(tmp_path / "a"), settings)
    assert read_document(tree(tmp_path / "b"), settings).id == first.id
    write(tmp_path / "b" / "index.md", "# The Book\n\nChanged.\n")
    assert read_document(tmp_path / "b", settings).id != first.id


def test_mkdocs_navigation_orders_and_names(tmp_path, settings):
    tree(tmp_path / "docs")
    nav = (
        "site_name: Named\nextra: !ENV [A, b]\nnav:\n  - Trees first:\n"
        "      - chapter_10_trees/heap.md\n  - chapter_2_lists/array.md\n  - out: ../../x.md\n"
    )
    write(tmp_path / "mkdocs.yml", nav)
    document = read_document(tmp_path, settings)
    assert document.title == "Named"
    assert titles(document)[:2] == [(1, "Trees first"), (2, "Build")]
    assert (1, "Array") in titles(document) and "Summary" not in str(titles(document))


def test_summary_orders(tmp_path, settings):
    write(tmp_path / "b.md", "# B\n\nSecond text.\n")
    write(tmp_path / "a.md", "# A\n\nFirst text.\n")
    write(tmp_path / "SUMMARY.md", "# Summary\n\n- [B](b.md)\n  - [A](a.md)\n")
    assert titles(read_document(tmp_path, settings)) == [(1, "B"), (2, "A")]


def test_folder_with_a_broken_page_warns(tmp_path, settings):
    tree(tmp_path)
    write(tmp_path / "chapter_2_lists" / "zz.md", b"\x00\x01\x02\x03" * 200)
    document = read_document(tmp_path, settings)
    assert codes(document) == ["file.skipped"]


def test_links_out_of_a_folder_are_not_followed(tmp_path, settings):
    write(tmp_path / "secret.md", "# Secret\n\nno\n")
    tree(tmp_path / "docs")
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "secret.md")
    assert "Secret" not in str(titles(read_document(tmp_path / "docs", settings)))


# --- text and encodings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5"]
)
def test_chinese_encodings(tmp_path, settings, encoding):
    text = PROSE_ZH
    if encoding == "big5":
        text = "堆疊是一種線性資料結構。我們把它的頂部稱為堆疊頂，這是我們在本書中學習的內容，可以用來解決問題。"
    data = (
        f"第一章 开始\n\n{text}\n".encode(encoding) if encoding != "big5" else text.encode("big5")
    )
    document = read_document(write(tmp_path / "a.txt", data), settings)
    assert text in document.sections[-1].text
    assert document.language == "zh"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be"])
def test_western_encodings(tmp_path, settings, encoding):
    text = "Der Stapel wächst über die Brücke, und die Größe ändert sich früh. " * 3
    document = read_document(write(tmp_path / "a.txt", text.encode(encoding)), settings)
    assert document.sections[0].text == text.strip()


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_one_damaged_spot_does_not_cost_the_book(tmp_path, settings, encoding):
    data = bytearray(((PROSE_ZH + "\n") * 20).encode(encoding))
    data[len(data) // 2] = 0xFF
    document = read_document(write(tmp_path / "a.txt", bytes(data)), settings)
    assert document.sections[0].text.count(PROSE_ZH) == 19


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["*a ", "**a ", "`", "`a ", "$a ", "[", "[a](", "![a", "<a ", "<!-- a\n", "_a "]
)
def test_hostile_markdown_is_read_in_linear_time(tmp_path, settings, piece):
    document = read_document(write(tmp_path / "a.md", "# T\n\nwords\n\n" + piece * 8000), settings)
    assert document.sections[0].blocks[0].text == "words"


def test_text_headings_and_paragraphs(tmp_path, settings):
    text = (
        "CHAPTER 1. Stacks\n\nA stack is a linear\ndata structure.\n\n1.1 Push and pop\n\n"
        "Push adds an ele-\nment.\n\n- one\n- two\n\n    code here\n\nChapter 2\n\nEnd of it.\n"
    )
    document = read_document(write(tmp_path / "a.txt", text), settings)
    assert titles(document) == [(1, "CHAPTER 1. Stacks"), (2, "1.1 Push and pop"), (1, "Chapter 2")]
    assert document.sections[0].text == "A stack is a linear data structure."
    assert [(b.kind, b.text) for b in document.sections[1].blocks] == [
        ("prose", "Push adds an element."),
        ("list", "- one\n- two"),
        ("code", "code here"),
    ]


def test_garbled_text_warns(tmp_path, settings):
    document = read_document(write(tmp_path / "a.txt", PROSE + "\ufffd\ue001" * 20), settings)
    assert codes(document) == ["garbled"]
    assert "40" in document.warnings[0].message


# --- HTML, EPUB, CNXML ----------------------------------------------------------------------

HTML = """<!doctype html><html><head><title>Web book</title><style>x{}</style></head><body>
<nav><a href="x">Menu</a></nav><header>Site</header>
<main><h1>Stacks</h1><p>A <b>stack</b> is&nbsp;linear.<br>Two lines, n<sup>2</sup>.</p>
<script>alert(1)</script><h2>Use</h2><ul><li>one<li>two <em>words</em></ul>
<ol><li>first</ol><pre>def f():
    return 1</pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<figure><img src="x.png" alt="x"><figcaption>Figure 1</figcaption></figure>
<math alttext="x^2"><mi>x</mi></math> is a formula <math></math></main>
<footer>Imprint</footer></body></html>"""


def test_html(tmp_path, settings):
    document = read_document(write(tmp_path / "a.html", HTML), settings)
    assert document.title == "Web book"
    assert titles(document) == [(1, "Stacks"), (2, "Use")]
    assert document.sections[0].text == "A stack is linear. Two lines, n^2."
    assert [(b.kind, b.text) for b in document.sections[1].blocks] == [
        ("list", "- one\n- two words"),
        ("list", "1. first"),
        ("code", "def f():\n    return 1"),
        ("table", "a | b\n1 | 2"),
        ("prose", "Figure 1"),
        ("prose", "$x^2$ is a formula"),
    ]
    assert codes(document) == ["formulas.lost"]


def test_html_in_a_declared_encoding(tmp_path, settings):
    page = f'<html><head><meta charset="gb2312"></head><body><p>{PROSE_ZH}</p></body></html>'
    document = read_document(write(tmp_path / "a.htm", page.encode("gb18030")), settings)
    assert document.sections[0].text == PROSE_ZH


def epub(path: Path, chapters: dict[str, str], **extra: str) -> Path:
    items = "".join(f'<item id="{n}" href="{n}.xhtml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{n}"/>' for n in chapters)
    links = "".join(f'<li><a href="{n}.xhtml">Chapter {n}</a></li>' for n in chapters)
    opf = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The EPUB'
        f'</dc:title></metadata><manifest>{items}<item id="nav" href="nav.xhtml" properties="nav"/>'
        f"</manifest><spine>{spine}</spine></package>"
    )
    members: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O/b.opf"/></rootfiles></container>',
        "O/b.opf": opf,
        "O/nav.xhtml": f'<html><body><nav epub:type="toc"><ol>{links}</ol></nav></body></html>',
    }
    members |= {f"O/{n}.xhtml": f"<html><body>{t}</body></html>" for n, t in chapters.items()}
    return make_zip(path, members | extra)


def test_epub_follows_the_spine(tmp_path, settings):
    path = epub(
        tmp_path / "a.epub",
        {
            "b": "<h2>Chapter b</h2><p>Text of b.</p><h3>Inside</h3><p>More.</p>",
            "a": "<p>Text of a.</p>",
        },
    )
    document = read_document(path, settings)
    assert document.title == "The EPUB"
    assert titles(document) == [(1, "Chapter b"), (2, "Inside"), (1, "Chapter a")]
    assert [s.text for s in document.sections] == ["Text of b.", "More.", "Text of a."]


def test_epub_without_its_package(tmp_path, settings):
    path = make_zip(
        tmp_path / "a.epub", {"META-INF/container.xml": '<rootfile full-path="no.opf"/>'}
    )
    fails(path, settings, "epub.corrupt")


def test_epub_with_protection(tmp_path, settings):
    drm = {"META-INF/encryption.xml": "<encryption><EncryptedData/></encryption>"}
    fails(epub(tmp_path / "a.epub", {"a": "<p>x</p>"}, **drm), settings, "epub.encrypted")


CNXML = """<?xml version="1.0"?>
<document xmlns="http://cnx.rice.edu/cnxml" xmlns:m="http://www.w3.org/1998/Math/MathML">
<title>Motion</title><metadata><x>no</x></metadata><content>
<para id="p">Motion is a <term>change</term> of place.</para>
<section id="s"><title>Speed</title><para>It is <m:math><m:mi>v</m:mi></m:math>.</para>
<section id="t"><title>Average</title><list list-type="enumerated"><item>one</item></list>
<code display="block">v = s / t</code></section></section></content>
<glossary><definition><term>speed</term><meaning>how fast</meaning></definition></glossary></document>"""


def test_cnxml(tmp_path, settings):
    document = read_document(write(tmp_path / "index.cnxml", CNXML), settings)
    assert titles(document) == [(1, "Motion"), (2, "Speed"), (3, "Average"), (2, "Glossary")]
    assert document.sections[0].text == "Motion is a change of place."
    assert document.sections[1].text == "It is $v$."
    assert [b.kind for b in document.sections[2].blocks] == ["list", "code"]
    assert "how fast" in document.sections[3].text


def test_cnxml_with_entities_is_refused(tmp_path, settings):
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaa">]>' + CNXML.split("?>")[1]
    fails(write(tmp_path / "a.cnxml", bomb), settings, "cnxml.corrupt")


def test_openstax_collection_is_one_book(tmp_path, settings):
    write(tmp_path / "modules" / "m2" / "index.cnxml", CNXML)
    write(tmp_path / "modules" / "m1" / "index.cnxml", CNXML.replace("Motion", "Rest"))
    write(
        tmp_path / "physics.collection.xml",
        '<col:collection xmlns:col="c" xmlns:md="m"><md:title>Physics</md:title><col:content>'
        '<col:subcollection><md:title>Mechanics</md:title><col:content><col:module document="m2"/>'
        '<col:module document="m1"/></col:content></col:subcollection></col:content></col:collection>',
    )
    document = read_document(tmp_path, settings)
    assert document.title == "Physics"
    assert titles(document)[:3] == [(1, "Mechanics"), (2, "Motion"), (3, "Speed")]
    assert (2, "Rest") in titles(document)


# --- Office ---------------------------------------------------------------------------------


def make_docx(path: Path) -> Path:
    docx = pytest.importorskip("docx")
    file = docx.Document()
    file.core_properties.title = "Word book"
    file.add_heading("Stacks", 1)
    file.add_paragraph(PROSE)
    file.add_heading("Use", 2)
    file.add_paragraph("first", style="List Bullet")
    table = file.add_table(2, 2)
    for i, cell in enumerate(c for row in table.rows for c in row.cells):
        cell.text = f"cell {i}"
    file.save(path)
    return path


def test_docx(tmp_path, settings):
    document = read_document(make_docx(tmp_path / "a.docx"), settings)
    assert document.title == "Word book"
    assert titles(document) == [(1, "Stacks"), (2, "Use")]
    assert document.sections[0].text == PROSE.strip()
    assert [b.kind for b in document.sections[1].blocks] == ["list", "table"]
    assert document.sections[1].blocks[1].text == "cell 0 | cell 1\ncell 2 | cell 3"


def make_pptx(path: Path) -> Path:
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    for number in (1, 2):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide about {number}"
        slide.placeholders[1].text = f"Body of {number}"
    deck.save(path)
    return path


def test_pptx_slides_are_pages(tmp_path, settings):
    document = read_document(make_pptx(tmp_path / "a.pptx"), settings)
    assert document.pages == 2
    assert [(s.title, s.page_start, s.page_end) for s in document.sections] == [
        ("Slide about 1", 1, 1),
        ("Slide about 2", 2, 2),
    ]
    assert document.sections[1].blocks[0].text == "Body of 2"
    assert document.sections[1].blocks[0].page == 2


def test_damaged_office_files(tmp_path, settings):
    path = make_docx(tmp_path / "a.docx")
    with zipfile.ZipFile(path) as old:
        members = {n: old.read(n) for n in old.namelist()}
    members["word/document.xml"] = b"<w:document><broken"
    fails(make_zip(tmp_path / "b.docx", members), settings, "docx.corrupt")
    fails(write(tmp_path / "c.docx", path.read_bytes()[:3000]), settings, "zip.corrupt")


# --- formats and limits ---------------------------------------------------------------------


def test_detects_by_content(tmp_path):
    assert detect_format(make_docx(tmp_path / "a.bin")) == "docx"
    assert detect_format(make_pptx(tmp_path / "b.zip")) == "pptx"
    assert detect_format(epub(tmp_path / "c", {"a": ""})) == "epub"
    assert detect_format(write(tmp_path / "d.txt", "%PDF-1.4\n")) == "pdf"
    assert detect_format(write(tmp_path / "e.txt", HTML)) == "html"
    assert detect_format(write(tmp_path / "f", CNXML)) == "cnxml"
    assert detect_format(write(tmp_path / "g", MARKDOWN)) == "markdown"
    assert detect_format(write(tmp_path / "h", PROSE)) == "text"
    assert detect_format(make_zip(tmp_path / "i", {"a.md": "x"})) == "zip"
    assert detect_format(tmp_path) == "folder"
    assert ".pdf" in SUFFIXES


def test_wrong_extension_warns(tmp_path, settings):
    document = read_document(make_docx(tmp_path / "a.pdf"), settings)
    assert codes(document) == ["format.extension"]
    assert document.sections[0].title == "Stacks"


def test_missing_file(tmp_path, settings):
    with pytest.raises(Missing):
        read_document(tmp_path / "no.pdf", settings)


@pytest.mark.parametrize("data", [b"", b"  \n\n ", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.pdf", "a.docx"])
def test_empty_files(tmp_path, settings, name, data):
    fails(write(tmp_path / name, data), settings, "empty")


def test_headings_without_text_are_empty(tmp_path, settings):
    fails(write(tmp_path / "a.md", "# One\n\n## Two\n"), settings, "empty")


def test_empty_folder_and_zip(tmp_path, settings):
    (tmp_path / "f").mkdir()
    fails(tmp_path / "f", settings, "empty")
    fails(make_zip(tmp_path / "a.zip", {"x.png": b"1"}), settings, "empty")


def test_too_large(tmp_path, settings):
    error = fails(write(tmp_path / "a.txt", PROSE), replace(settings, max_upload=50), "too_large")
    assert error.values["limit"] == 50


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.pdf", "a", "a.epub"])
def test_binary_junk(tmp_path, settings, name):
    fails(write(tmp_path / name, bytes(range(256)) * 40), settings, "binary")


def test_control_characters_are_not_text(tmp_path, settings):
    fails(write(tmp_path / "a.txt", b"ab\x01\x02\x03 " * 200), settings, "binary")


@pytest.mark.parametrize(
    "head", [b"{\\rtf1 x", b"\x89PNG\r\n", b"Rar!\x1a", b"\xd0\xcf\x11\xe0" + b"\0" * 600]
)
def test_known_formats_that_are_not_read(tmp_path, settings, head):
    fails(write(tmp_path / "a.doc", head), settings, "unsupported")


def test_encrypted_office_file(tmp_path, settings):
    data = b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    fails(write(tmp_path / "a.docx", data), settings, "office.encrypted")


# --- archives -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil.md", "/etc/evil.md", "a/../../evil.md", "..\\evil.md", "C:\\evil.md"]
)
def test_zip_traversal(tmp_path, settings, name):
    path = make_zip(tmp_path / "a.zip", {"ok.md": "# Fine\n\ntext", name: "# Evil\n\ntext"})
    fails(path, settings, "zip.traversal")
    assert not list(tmp_path.rglob("evil*"))


def test_zip_with_a_link(tmp_path, settings):
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    fails(tmp_path / "a.zip", settings, "zip.traversal")


@pytest.mark.parametrize("suffix", ["zip", "docx", "epub"])
def test_bomb_by_declared_size(tmp_path, settings, suffix):
    names = {"zip": "a.txt", "docx": "word/document.xml", "epub": "META-INF/container.xml"}
    path = make_zip(tmp_path / f"a.{suffix}", {names[suffix]: b"0" * 2_000_000})
    fails(path, replace(settings, max_unpacked=1_000_000), "zip.bomb")


def test_declared_sizes_are_refused_before_unpacking(tmp_path, settings):
    path = make_zip(tmp_path / "a.zip", {f"{n}.txt": os.urandom(4000) for n in range(10)})
    with (
        pytest.raises(BadDocument, match="unpack"),
        open_zip(path, replace(settings, max_unpacked=9000)),
    ):
        pytest.fail("it was opened")


def test_bomb_by_ratio(tmp_path, settings):
    fails(make_zip(tmp_path / "a.zip", {"a.txt": b"0" * 12 * 2**20}), settings, "zip.bomb")


def lying_zip(path: Path, name: str, size: int) -> Path:
    """A zip whose directory declares 100 bytes where ``size`` bytes come out."""
    make_zip(path, {name: os.urandom(1000) * (size // 1000)})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", 100)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.txt", "word/document.xml"])
def test_bomb_that_lies_about_its_size(tmp_path, settings, name):
    path = lying_zip(tmp_path / "a.docx", name, 3_000_000)
    with pytest.raises(BadDocument) as caught:
        read_document(path, replace(settings, max_unpacked=1_000_000))
    assert caught.value.code in ("zip.bomb", "zip.corrupt")


def test_nested_zips_share_one_budget(tmp_path, settings):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", os.urandom(600_000).hex())
    path = make_zip(tmp_path / "a.zip", {f"{n}.zip": inner.getvalue() for n in range(3)})
    results = [r for _, r in read_all([path], replace(settings, max_unpacked=3_200_000))]
    assert [getattr(r, "code", "") for r in results] == ["zip.bomb"]


def test_zips_too_deep(tmp_path, settings):
    data = b"x"
    name = "a.txt"
    for _ in range(6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, data)
        data, name = buffer.getvalue(), "a.zip"
    fails(write(tmp_path / "a.zip", data), settings, "zip.bomb")


def test_zip_with_a_password(tmp_path, settings):
    path = make_zip(tmp_path / "a.zip", {"a.md": "# A\n\ntext"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    fails(path, settings, "zip.encrypted")


def test_damaged_zip(tmp_path, settings):
    path = make_zip(tmp_path / "a.zip", {"a.md": MARKDOWN * 20})
    data = bytearray(path.read_bytes())
    data[60:90] = b"\xff" * 30
    fails(write(tmp_path / "b.zip", bytes(data)), settings, "zip.corrupt")
    fails(write(tmp_path / "c.zip", path.read_bytes()[:200]), settings, "zip.corrupt")


def test_zip_of_a_markdown_folder_is_one_book(tmp_path, settings):
    root = tree(tmp_path / "docs")
    members = {
        f"docs/{p.relative_to(root)}": p.read_bytes() for p in root.rglob("*") if p.is_file()
    }
    path = make_zip(tmp_path / "book.zip", members)
    document = read_document(path, settings)
    assert (document.title, document.filename) == ("The Book", "book.zip")
    assert document.id == read_document(root, settings).id


def test_zip_of_many_books(tmp_path, settings):
    members: dict[str, str | bytes] = {
        "10.html": HTML,
        "2.txt": PROSE,
        "sub/a.docx": make_docx(tmp_path / "a.docx").read_bytes(),
        "__MACOSX/._2.txt": b"junk",
        "photo.jpg": b"\xff\xd8\xff",
        "old.doc": b"x",
    }
    path = make_zip(tmp_path / "books.zip", members)
    fails(path, settings, "zip.many")
    found = dict(read_all([path], settings))
    assert [str(p.relative_to(path)) for p in found] == [
        "2.txt",
        "10.html",
        "old.doc",
        "sub/a.docx",
    ]
    assert found[path / "2.txt"].sections[0].text == PROSE.strip()
    assert found[path / "old.doc"].code == "unsupported"


def test_gbk_names_in_zips(tmp_path, settings):
    gbk = "第一章.txt".encode("gb18030")
    stand_in = "x" * (len(gbk) - 4) + ".txt"
    path = make_zip(tmp_path / "a.zip", {stand_in: PROSE_ZH, "b.html": HTML})
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), gbk))
    assert {p.name for p, _ in read_all([path], settings)} == {"第一章.txt", "b.html"}


def test_read_all_goes_on_after_errors_and_sees_duplicates(tmp_path, settings):
    write(tmp_path / "in" / "a.txt", PROSE)
    write(tmp_path / "in" / "b.txt", b"")
    write(tmp_path / "in" / "c.txt", PROSE)
    results = list(read_all([tmp_path / "in", tmp_path / "no.pdf"], settings))
    assert [p.name for p, _ in results] == ["a.txt", "b.txt", "c.txt", "no.pdf"]
    assert isinstance(results[0][1], Document)
    assert [getattr(r, "code", "") for _, r in results] == ["", "empty", "duplicate", "file"]


def test_cancel_stops_read_all(tmp_path, settings):
    def stop(progress: Progress) -> None:
        raise Cancelled("stop")

    tree(tmp_path / "docs")
    with pytest.raises(Cancelled):
        list(read_all([tmp_path / "docs"], settings, stop))


def test_page_image_refuses_other_pages(tmp_path, settings):
    fpdf = pytest.importorskip("fpdf")
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.output(str(tmp_path / "a.pdf"))
    assert page_image(tmp_path / "a.pdf", 1).startswith(b"\x89PNG")
    for page in (0, 2):
        with pytest.raises(BadInput):
            page_image(tmp_path / "a.pdf", page)
