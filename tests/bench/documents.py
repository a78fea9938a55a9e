"""How well and how fast a real PDF textbook is read, beside pypdfium2 and markitdown.

    python tests/bench/documents.py --data ../shared/data [--tune] [--json OUT]
    python -m tests.bench.documents --data ../shared/data --roles [--sample 50] [--seed 1] [--ocr]

Measured on Think Python (288 pages, 240 outline entries) against its LaTeX source:
outline entries found with the right page; word-level similarity (Indel ratio over word tokens,
code included) of 20 random sections; pages per second. ``--tune`` takes 20 other sections: look
at those while changing the code, never at the measured ones.
The PDF is version 2.2.20 and the source is 2.4.0, so even a perfect reading stays below 1.
``--roles`` counts, per book, the blocks of each role, the share of unreadable text and the book's
own exercises (with an answer); ``--sample N`` prints N blocks of each book with their roles, to be
read by hand. ``--ocr`` reads damaged pages by text recognition first (minutes).
markitdown needs ``pip install 'markitdown[pdf]'``; without it that row is left out.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import statistics
import time
from collections import Counter
from pathlib import Path

import pypdfium2
from rapidfuzz.distance import Indel

from engine.course import exercises
from engine.documents import damage_of, read_document
from engine.schema import Document, Section
from engine.settings import Settings

SEED = 20261121
SECTIONS = 20
MIN_WORDS = 60
WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Word tokens, with quotes and dashes in one spelling; punctuation counts, blanks do not."""
    table = {"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "−": "-", "…": "..."}
    for mark, plain in table.items():
        text = text.replace(mark, plain)
    return [w for w in WORD.findall(text) if w.isalnum() or "_" in w]


def similarity(text: str, truth: str) -> float:
    return Indel.normalized_similarity(words(text), words(truth))


def interval(values: list[float], rounds: int = 10_000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean."""
    rng = random.Random(SEED)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(rounds))
    return means[int(0.025 * rounds)], means[int(0.975 * rounds)]


# --- the truth ------------------------------------------------------------------------------


def latex_sections(tex: str) -> list[tuple[str, str]]:
    """(title, text) of every chapter and section, in order; the text up to the next of them."""
    tex = tex[tex.index("\\chapter{Preface}") : tex.index("\\printindex")]
    parts = re.split(r"^[ \t]*\\(?:chapter|section) *\{((?:[^{}]|\{[^{}]*\})*)\}", tex, flags=re.M)
    return [
        (plain(title), plain(body)) for title, body in zip(parts[1::2], parts[2::2], strict=True)
    ]


def plain(tex: str) -> str:
    """LaTeX without its commands; verbatim text as it is."""
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f" \x00{len(kept) - 1}\x00 "

    tex = re.sub(r"\\begin\{htmlonly\}.*?\\end\{htmlonly\}", "", tex, flags=re.S)
    tex = re.sub(
        r"\\begin\{verbatim\}(.*?)\\end\{verbatim\}", lambda m: keep(m[1]), tex, flags=re.S
    )
    tex = re.sub(r"\\verb\*?([^\w\s])(.*?)\1", lambda m: keep(m[2]).strip(" "), tex)
    tex = re.sub(r"(?<!\\)%.*\n?", "", tex)
    tex = re.sub(r"\\index\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}", "", tex)
    tex = re.sub(
        r"\\(?:label|ref|includegraphics|vspace\*?|setcounter|imgsrc)(?:\[[^\]]*\])?\{[^{}]*\}",
        "",
        tex,
    )
    tex = re.sub(r"\\(?:begin|end)\{\w+\*?\}(?:\[[^\]]*\]|\{[lcr|]+\})?", " ", tex)
    tex = re.sub(r"\\item\[([^\]]*)\]", r"\1", tex)
    tex = tex.replace("\\LaTeX", "LATEX").replace("\\copyright", "©").replace("\\\\", " ")
    tex = re.sub(r"\\([a-zA-Z]+)\*?", lambda m: SYMBOLS.get(m[1], " "), tex)
    tex = re.sub(r"\\([{}%$#&_ ^~])", r"\1", tex)
    tex = re.sub(r"[{}$]", "", tex).replace("~", " ").replace("``", '"').replace("''", '"')
    return re.sub(r"\x00(\d+)\x00", lambda m: kept[int(m[1])], tex)


SYMBOLS = {"pi": "π", "infty": "∞", "log": "log", "n": "n", "sqrt": "", "cdot": "·"}


# --- the readers ----------------------------------------------------------------------------


def raw_text(pdf: pypdfium2.PdfDocument, first: int, last: int) -> str:
    """PDFium's own text of pages ``first`` to ``last`` (from 1)."""
    return "\n".join(pdf[i].get_textpage().get_text_range() for i in range(first - 1, last))


def markitdown_text(pdf: pypdfium2.PdfDocument, first: int, last: int) -> str:
    """markitdown's text of the same pages, cut out as a PDF of their own."""
    from markitdown import StreamInfo
    from markitdown.converters import PdfConverter

    part = pypdfium2.PdfDocument.new()
    part.import_pages(pdf, list(range(first - 1, last)))
    buffer = io.BytesIO()
    part.save(buffer)
    buffer.seek(0)
    text = PdfConverter().convert(buffer, StreamInfo(extension=".pdf")).text_content
    # it takes headings and listings for tables: undo that, so that headings can be cut at
    text = re.sub(r"^\|[ |:-]*-{3}[ |:-]*\|$\n?", "", text, flags=re.M)
    return re.sub(r" *\| *", " ", text)


def cut(text: str, title: str, following: str) -> str:
    """The text between two headings, where they can be found: the others' best case."""

    def line_of(title: str) -> re.Pattern[str]:
        # a heading, not the running head that ends or begins with a page number
        escaped = r"\s+".join(map(re.escape, title.split()))
        return re.compile(rf"^\s*#*\s*(?:[A-Z\d]+\.[\d.]*\s+)?{escaped}\s*$", re.M)

    if start := line_of(title).search(text):
        text = text[start.end() :]
    if following and (end := line_of(following).search(text)):
        text = text[: end.start()]
    return text


def with_markitdown() -> bool:
    try:
        import pdfminer  # noqa: F401
    except ImportError:
        return False
    return True


# --- the measurements -----------------------------------------------------------------------


def outline_found(document: Document, pdf: pypdfium2.PdfDocument) -> dict[str, int]:
    """How many outline entries are sections, in order, with the same title and page."""
    entries = [(b.get_title(), b.get_dest().get_index() + 1) for b in pdf.get_toc()]
    sections = [(s.title, s.page_start) for s in document.sections]
    squeezed = [(re.sub(r"\s+", " ", t).strip(), p) for t, p in entries]
    start = next(i for i, s in enumerate(sections) if s == squeezed[0])
    got = sections[start : start + len(squeezed)]
    right = sum(a == b for a, b in zip(got, squeezed, strict=False))
    return {"entries": len(entries), "found": right, "sections": len(sections)}


def chosen(sections: list[Section], truth: list[tuple[str, str]], tune: bool) -> list[int]:
    able = [i for i, (_, text) in enumerate(truth) if len(words(text)) >= MIN_WORDS]
    random.Random(SEED).shuffle(able)
    return sorted(able[SECTIONS : 2 * SECTIONS] if tune else able[:SECTIONS])


def quality(
    document: Document, pdf: pypdfium2.PdfDocument, tex: str, tune: bool
) -> dict[str, object]:
    truth = latex_sections(tex)
    sections = list(document.sections[-len(truth) :])
    scores: dict[str, list[float]] = {"coursewright": [], "pypdfium2": []}
    if with_markitdown():
        scores["markitdown"] = []
    rows = []
    for i in chosen(sections, truth, tune):
        section, (title, text) = sections[i], truth[i]
        following = sections[i + 1] if i + 1 < len(sections) else None
        last = following.page_start if following else section.page_end
        row = {"coursewright": similarity(section.text, text)}
        for name, reader in (("pypdfium2", raw_text), ("markitdown", markitdown_text)):
            if name in scores:
                span = reader(pdf, section.page_start, last)
                span = cut(span, section.title, following.title if following else "")
                row[name] = similarity(span, text)
        for name, value in row.items():
            scores[name].append(value)
        rows.append((section.page_start, title, {k: round(v, 3) for k, v in row.items()}))
    result: dict[str, object] = {"rows": rows, "n": len(rows)}
    for name, values in scores.items():
        low, high = interval(values)
        result[name] = [round(x, 4) for x in (statistics.fmean(values), low, high)]
    if "markitdown" in scores:
        pairs = zip(scores["coursewright"], scores["markitdown"], strict=True)
        gains = [a - b for a, b in pairs]
        result["gain over markitdown"] = [
            round(x, 4) for x in (statistics.fmean(gains), *interval(gains))
        ]
    return result


def speed(path: Path, settings: Settings, repeats: int, markitdown_pages: int) -> dict[str, object]:
    """Pages per second, the readers in turn so that all meet the same machine."""
    times: dict[str, list[float]] = {"pypdfium2": [], "coursewright": [], "markitdown": []}
    for _ in range(repeats):
        begin = time.perf_counter()
        pdf = pypdfium2.PdfDocument(path)
        for index in range(len(pdf)):
            page = pdf[index]
            textpage = page.get_textpage()
            textpage.get_text_range()
            textpage.close()
            page.close()
        times["pypdfium2"].append((time.perf_counter() - begin) / len(pdf))
        begin = time.perf_counter()
        read_document(path, settings)
        times["coursewright"].append((time.perf_counter() - begin) / len(pdf))
    if with_markitdown():
        for _ in range(2):
            begin = time.perf_counter()
            markitdown_text(pdf, 21, 20 + markitdown_pages)
            times["markitdown"].append((time.perf_counter() - begin) / markitdown_pages)
    result: dict[str, object] = {
        name: {"pages/s": round(1 / statistics.median(v)), "runs": [round(1 / x) for x in v]}
        for name, v in times.items()
        if v
    }
    ratio = statistics.median(times["coursewright"]) / statistics.median(times["pypdfium2"])
    result["times raw extraction"] = round(ratio, 2)
    return result


# --- roles ----------------------------------------------------------------------------------

BOOKS = {
    "Think Python": "think_python_en/thinkpython2.pdf",
    "Hello Algo zh": "hello_algo_zh_en/docs",
    "Hello Algo en": "hello_algo_zh_en/en/docs",
    "Recursion": "algorithms_en_pdf/01-recursion.pdf",
    "Dynamic programming": "algorithms_en_pdf/03-dynprog.pdf",
}
SAMPLE_COURSE = Path(__file__).parents[2] / "data" / "sample_course"


def roles(data: Path, settings: Settings, sample: int, seed: int) -> dict[str, object]:
    """Blocks by role in each book, what is unreadable, and the exercises found."""
    paths = {name: data / "books" / path for name, path in BOOKS.items()}
    paths |= {f"Sample {c}": SAMPLE_COURSE / f"textbook_{c}.md" for c in ("en", "zh")}
    table: dict[str, object] = {}
    for name, path in paths.items():
        document = read_document(path, settings)
        blocks = [(s.title, b) for s in document.sections for b in s.blocks]
        own = exercises([document])
        table[name] = {
            "blocks": len(blocks),
            **dict(Counter(b.role for _, b in blocks).most_common()),
            "unreadable": damage_of(document).share,
            "exercises": len(own),
            "with answer": sum(bool(e.answer) for e in own),
        }
        chosen = random.Random(seed).sample(blocks, min(sample, len(blocks)))
        for title, block in chosen:
            mark = "!" if block.unread else ""
            shown = block.text[:160].replace("\n", " / ")
            print(f"{name} | {title[:30]} | {block.role}{mark} | {shown}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--tune", action="store_true", help="20 other sections, to look at")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--markitdown-pages", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--roles", action="store_true", help="what blocks are for, in every book")
    parser.add_argument("--sample", type=int, default=0, help="blocks of each book to print")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ocr", action="store_true")
    given = parser.parse_args()
    if given.roles:
        settings = Settings(home=Path("."), ocr=given.ocr)
        print(json.dumps(roles(given.data, settings, given.sample, given.seed), indent=1))
        return
    book = given.data / "books" / "think_python_en"
    path, settings = book / "thinkpython2.pdf", Settings(home=Path("."))
    pdf = pypdfium2.PdfDocument(path)
    document = read_document(path, settings)
    figures = {
        "outline": outline_found(document, pdf),
        "quality": quality(document, pdf, (book / "book.tex").read_text(), given.tune),
        "speed": speed(path, settings, given.repeats, given.markitdown_pages),
    }
    for row in figures["quality"].pop("rows"):
        print(*row)
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
