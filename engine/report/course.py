"""The report on a course: what went in, what came out, what it knows, how the class stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.classroom import ClassView, class_view
from engine.concepts import course_concepts
from engine.exam import EXAM, ExamRow
from engine.language import rules
from engine.llm.ledger import spend
from engine.llm.teacher import load_choice, prices
from engine.prompts import chosen_prompt
from engine.report.answers import Quality, error_kinds, grading_quality, mistakes
from engine.report.page import Facts, Heading, Interval, Paragraph, Part, Table, figure
from engine.report.words import Words
from engine.schema import EXAM_PARTS, Figure
from engine.steps.books import BOOKS
from engine.steps.gradebook import items_of, marked
from engine.steps.publish import EXPORTS
from engine.workspace import TRAINED, Workspace

_MOST = 20
"""Rows of a table of the class at most: a report is read, not searched."""


def course_parts(workspace: Workspace, say: Words, now: float) -> Iterator[Part]:
    """The sections of the report, in order; what does not exist yet is left out."""
    yield from _books(workspace, say)
    yield from _corpus(workspace, say)
    yield from _model(workspace, say)
    yield from _exam(workspace, say)
    yield from _published(workspace, say)
    yield from _spend(workspace, say)
    view = class_view(workspace.store, workspace.course.id, now)
    if view.tiles.learners:
        texts = {item.item_id: item.question for item in items_of(workspace)}
        yield from _class(view, texts, say)
    yield from _grading(workspace, say)


def _books(workspace: Workspace, say: Words) -> Iterator[Part]:
    documents = workspace.store.documents(workspace.course.id)
    yield Heading(say("books"))
    if not documents:
        yield Paragraph(say("none_yet"))
        return
    head = [say(key) for key in ("book", "language", "pages", "sections")]
    named = rules(workspace.course.language).name_of
    rows = [(d.title, named(d.language), d.pages or "–", len(d.sections)) for d in documents]
    yield Table(head, rows)
    graph = course_concepts(workspace.store, workspace.course.id)
    edges = sum(len(concept.prerequisites) for concept in graph)
    figures = workspace.store.saved(workspace.course.id, BOOKS)
    passages = figures.value.passages if figures else None
    counted = [(say("passages"), passages), (say("concepts"), len(graph))]
    yield Facts([*counted, (say("prerequisites"), edges)])


def _corpus(workspace: Workspace, say: Words) -> Iterator[Part]:
    pairs = workspace.store.pairs(workspace.course.id)
    if not pairs:
        return
    yield Heading(say("corpus"))
    uses: dict[str, list[str]] = {}
    for pair in pairs:
        uses.setdefault(pair.part or pair.split, []).append(pair.status)
    head = [say(key) for key in ("use", "pairs", "accepted", "rejected")]
    order = ("train", "validation", *EXAM_PARTS, "exam")
    rows = [
        (
            say(f"split_{use}"),
            len(uses[use]),
            *(uses[use].count(s) for s in ("accepted", "rejected")),
        )
        for use in order
        if use in uses and use != "exam"
    ]
    yield Table(head, rows)


def _model(workspace: Workspace, say: Words) -> Iterator[Part]:
    saved = workspace.store.saved(workspace.course.id, TRAINED)
    if saved is None:
        return
    student = saved.value
    training, parity = student.training, student.published.parity
    agreeing = say("parity_value", n=parity.agreeing, m=parity.prompts) if parity else None
    prompt = chosen_prompt(workspace.store, workspace.course.id, workspace.course.language)
    yield Heading(say("model"))
    yield Facts(
        [
            (say("base"), student.recipe.base),
            (say("steps"), training.steps),
            (say("minutes"), _rounded(training.seconds, 60)),
            (say("val_loss"), _rounded(training.val_loss)),
            (say("parity"), agreeing),
            (say("prompt"), prompt.system),
        ]
    )


def _rounded(value: float | None, unit: float = 1) -> str | None:
    return None if value is None else f"{value / unit:.2f}"


def _exam(workspace: Workspace, say: Words) -> Iterator[Part]:
    saved = workspace.store.saved(workspace.course.id, EXAM)
    if saved is None:
        return
    exam = saved.value
    yield Heading(say("exam"))
    yield Paragraph(say("exam_what"), note=True)
    for part, baseline in exam.baselines.items():
        words = {
            "part": say(f"part_{part}").capitalize(),
            "baseline": say(f"baseline_{baseline.model}"),
            "figure": figure(baseline.difference, sign=True),
            "n": baseline.difference.n,
        }
        verdict = say(baseline.verdict, **words)
        yield Paragraph(f"{verdict} {say('reads')}" if baseline.reads else verdict)
    head = [say(key) for key in ("part", "model_name", "how")]
    rows = [_exam_row(row, say) for row in exam.rows]
    yield Table([*head, "n", say("key_points"), say("marked_right"), say("f1"), ""], rows)
    if exam.chapters:
        yield Heading(say("chapters"), 3)
        chapters = [
            (title, gain.n, figure(gain, sign=True)) for title, gain in exam.chapters.items()
        ]
        yield Table([say("chapter"), "n", say("gain")], chapters)
    yield Paragraph(say("interval"), note=True)


def _exam_row(row: ExamRow, say: Words) -> tuple[object, ...]:
    found = row.figures["f1"]
    shown = figure(found)
    return (
        say(f"part_{row.part}"),
        say(f"who_{row.model}"),
        say("open" if row.book else "closed"),
        found.n,
        figure(row.figures.get("points")),
        figure(row.figures.get("right")),
        shown,
        Interval(found.value, found.low, found.high, shown) if found.n > 1 else "n = 1",
    )


def _published(workspace: Workspace, say: Words) -> Iterator[Part]:
    rows = [
        (exported.name, Path(file).name, Path(file).stat().st_size / 2**20)
        for exported in workspace.store.all_saved(workspace.course.id, EXPORTS)
        for file in exported.value.files
        if Path(file).exists()
    ]
    if rows:
        yield Heading(say("published"))
        yield Table([say(key) for key in ("format", "file", "megabytes")], rows)


def _spend(workspace: Workspace, say: Words) -> Iterator[Part]:
    rows = spend(workspace.store, prices(load_choice(workspace.store)))
    if not rows:
        return
    yield Heading(say("spend"))
    yield Paragraph(say("spend_what"), note=True)
    keys = ("model_name", "purpose", "calls", "tokens_in", "tokens_out", "cost")
    cells = [
        (
            row.model,
            row.purpose,
            row.calls,
            row.prompt_tokens,
            row.completion_tokens,
            "–" if row.cost is None else f"{row.cost:.2f} {row.currency}",
        )
        for row in rows
    ]
    yield Table([say(key) for key in keys], cells)


# ------------------------------------------------------------------ the class


def _class(view: ClassView, texts: dict[str, str], say: Words) -> Iterator[Part]:
    tiles = view.tiles
    yield Heading(say("class"))
    mean = None if tiles.mean is None else f"{100 * tiles.mean:.0f} %"
    yield Facts(
        [
            (say("learners"), tiles.learners),
            (say("active"), tiles.active),
            (say("answers"), tiles.answers),
            (say("mean"), mean),
            (say("at_risk"), tiles.at_risk),
        ]
    )
    if view.risky:
        shown = view.risky[:_MOST]
        yield Heading(say("risk_head", n=len(shown)), 3)
        head = [say(key) for key in ("learner", "why", "mean", "answers")]
        rows = [
            (
                person.learner,
                ", ".join(say(f"reason_{reason}") for reason in person.reasons),
                "–" if person.mean is None else person.mean,
                person.answers,
            )
            for person in shown
        ]
        yield Table(head, rows)
    if view.concepts:
        yield Heading(say("weakest"), 3)
        head = [say(key) for key in ("concept", "mastery", "learners", "firm", "near", "far")]
        own = [
            (row.concept, row.mastery, row.learners, row.firm, row.near, row.far)
            for row in view.concepts[:_MOST]
        ]
        yield Table(head, own)
    if view.items:
        yield Heading(say("items"), 3)
        hardest = sorted(view.items, key=lambda row: row.difficulty)[:_MOST]
        items = [
            (
                texts.get(r.item, r.item),
                r.answers,
                r.difficulty,
                "–" if r.discrimination is None else r.discrimination,
            )
            for r in hardest
        ]
        head = [say(key) for key in ("item", "answers", "difficulty", "discrimination")]
        yield Table(head, items)


def _grading(workspace: Workspace, say: Words) -> Iterator[Part]:
    items = items_of(workspace)
    quality = grading_quality(workspace, items)
    if quality is None:
        return
    answers = marked(workspace)
    wrong = [row for row in mistakes(items, answers) if row.learners > 1][:_MOST]
    if wrong:
        yield Heading(say("mistakes"))
        keys = ("question", "mistake", "wrong_answer", "learners", "read")
        rows = [
            (
                row.question,
                say(f"error_{row.error}"),
                row.answer[:200],
                say("of", n=row.learners, m=row.of),
                where(row.section, row.page, say),
            )
            for row in wrong
        ]
        yield Table([say(key) for key in keys], rows)
    if kinds := error_kinds(items, answers)[:_MOST]:
        cells = [
            (k.concept, say(f"error_{k.error}"), k.learners, where(k.section, k.page, say))
            for k in kinds
        ]
        yield Table([say(key) for key in ("concept", "mistake", "learners", "read")], cells)
    yield Heading(say("quality"))
    yield Facts(_quality(quality, say))


def _quality(q: Quality, say: Words) -> list[tuple[str, object]]:
    def shown(found: Figure | None) -> str | None:
        return f"{figure(found, percent=True)} (n = {found.n})" if found else None

    return [
        (say("quality_graded"), f"{q.machine} / {q.by_person}"),
        (say("quality_review"), shown(q.review)),
        (say("quality_agreement"), shown(q.agreement)),
        (say("quality_accepted"), shown(q.accepted_agreement)),
        (say("quality_changed"), say("of", n=q.changed, m=q.reviewed) if q.reviewed else None),
        (say("quality_held_out", n=round(100 * q.target)), shown(q.held_out)),
    ]


def where(section: str, page: int, say: Words) -> str:
    """Section and page where something can be read."""
    parts = (section, say("page", n=page) if page else "")
    return " · ".join(part for part in parts if part)
