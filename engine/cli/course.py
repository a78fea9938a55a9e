"""Verbs about a course and its books: new, add, outline, text, search, build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.cli.context import Context, Verbs, table
from engine.cli.report import write_report
from engine.errors import BadInput, Missing
from engine.language import languages
from engine.schema import Course, Document
from engine.steps import BUILD, DISTIL, READ
from engine.steps.books import ReadPlan
from engine.steps.build import BuildPlan
from engine.workspace import open_index

_ACCEPT = "Accept them: coursewright train COURSE --accept-terms; then build again."


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    new = verbs.add_parser("new", help="create a course")
    new.add_argument("course")
    new.add_argument("--language", choices=languages(), required=True)
    new.add_argument("--title")
    new.set_defaults(run=_new)
    add = verbs.add_parser("add", help="add books to a course")
    add.add_argument("course")
    add.add_argument("files", type=Path, nargs="*", metavar="FILE")
    add.add_argument(
        "--ocr", action="store_true", help="read scanned and damaged pages by text recognition"
    )
    add.add_argument(
        "--again", action="store_true", help="read the course's own books again, as of today"
    )
    add.add_argument("--queue", action="store_true")
    add.set_defaults(run=_add)
    for name, run, words in (
        ("outline", _outline, "a file's sections"),
        ("text", _text, "a file's clean text"),
    ):
        verb = verbs.add_parser(name, help=f"show {words}; changes nothing")
        verb.add_argument("file", type=Path)
        verb.set_defaults(run=run)
    search = verbs.add_parser("search", help="search a course's books")
    search.add_argument("course")
    search.add_argument("query")
    search.add_argument("-k", type=int, default=5)
    search.set_defaults(run=_search)
    build = verbs.add_parser("build", help="all steps in order with defaults")
    build.add_argument("course")
    build.add_argument("--effort", choices=("quick", "normal", "thorough"), default="normal")
    build.add_argument(
        "--prompts",
        type=int,
        default=0,
        help="search for a better prompt first, with so many answers (100: minutes; an experiment)",
    )
    build.add_argument("--queue", action="store_true")
    build.set_defaults(run=_build)


def _new(context: Context) -> None:
    options = context.options
    course = Course(
        id=options.course, title=options.title or options.course, language=options.language
    )
    context.store.add_course(course)
    context.show(course.model_dump(mode="json"), f"Created “{course.title}”.")


def _add(context: Context) -> None:
    options = context.options
    if not options.files and not options.again:
        raise BadInput(
            "No file is named.",
            code="add.nothing",
            next="Name the files to add, or give --again to read the course's own books anew.",
        )
    files = tuple(str(path.resolve()) for path in options.files)
    result = context.step(READ, ReadPlan(files=files, ocr=options.ocr, again=options.again))
    context.status = 1 if result.get("failed") else 0
    context.show(result, lambda: _added(result))


def _added(result: dict[str, Any]) -> str:
    if "job" in result:
        return str(result["job"])
    lines = [f"Added {len(result['added'])} book(s)."]
    lines += [f"“{title}” was in this course already." for title in result["repeated"]]
    lines += [f"{row['file']}: {row['message']} {row['next']}" for row in result["failed"]]
    return "\n".join(lines)


def _read(context: Context) -> Document:
    from engine.documents import read_document

    return read_document(context.options.file, context.settings, context.report)


def _outline(context: Context) -> None:
    document = _read(context)
    sections = [
        {
            "id": s.id,
            "title": s.title,
            "level": s.level,
            "page_start": s.page_start,
            "page_end": s.page_end,
            "characters": len(s.text),
        }
        for s in document.sections
    ]
    data = {
        "title": document.title,
        "language": document.language,
        "pages": document.pages,
        "sections": sections,
        "warnings": [warning.model_dump(mode="json") for warning in document.warnings],
    }
    text = "\n".join(
        f"{'  ' * (s.level - 1)}{s.title}  {s.page_start or ''}" for s in document.sections
    )
    context.show(data, text)


def _text(context: Context) -> None:
    document = _read(context)
    data = [
        {
            "section": s.title,
            "page_start": s.page_start,
            "page_end": s.page_end,
            "text": s.text,
        }
        for s in document.sections
    ]
    context.show(data, "\n\n".join(f"# {s.title}\n\n{s.text}" for s in document.sections))


def _search(context: Context) -> None:
    options = context.options
    hits = open_index(context.workspace, context.report).search(options.query, options.k)
    data = [
        {
            "section": hit.passage.title,
            "page": hit.passage.page_start,
            "text": hit.passage.text,
            "score": round(hit.score, 4),
        }
        for hit in hits
    ]
    rows: list[list[object]] = [["score", "page", "section"]]
    rows += [[row["score"], row["page"], row["section"]] for row in data]
    context.show(data, table(rows))


def _build(context: Context) -> None:
    options = context.options
    corpus = DISTIL.default(context.workspace)
    plan = BuildPlan(corpus=corpus, effort=options.effort, prompts=options.prompts)
    result = context.step(BUILD, plan)
    if "job" not in result:
        workspace = context.workspace
        path = write_report(workspace, workspace.folder / "report.html")
        context.end()
        print(f"The report is in {path}", file=sys.stderr)
        result = {**result, "report": str(path)}
        if result["train"] is None:
            left_out = Missing(result["skipped"]["train"], code="model.terms", next=_ACCEPT)
            result = context.part_failed(result, [left_out])
    context.show(result)
