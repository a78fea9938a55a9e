"""Verbs about learners: trace, prerequisites, concepts, path, learners."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.context import Context, Verbs, table
from engine.schema import Document

if TYPE_CHECKING:
    from engine.learner import PathStep


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    trace = verbs.add_parser("trace", help="predict answers from a log of answers")
    trace.add_argument("--train", type=Path, required=True, metavar="LOG")
    trace.add_argument("--test", type=Path, required=True, metavar="LOG")
    trace.add_argument("--out", type=Path, required=True)
    trace.add_argument("--model", choices=("lr", "pfa", "bkt"), default="lr")
    trace.set_defaults(run=_trace)
    pairs = verbs.add_parser("prerequisites", help="score pairs: is B a prerequisite of A?")
    pairs.add_argument("--pairs", type=Path, required=True, metavar="PAIRS.tsv")
    pairs.add_argument("--corpus", type=Path, nargs="+", default=[], metavar="FILE")
    pairs.add_argument("--out", type=Path, required=True)
    pairs.set_defaults(run=_prerequisites)
    concepts = verbs.add_parser("concepts", help="a course's concepts and what they build on")
    concepts.add_argument("course")
    _add_changes(concepts)
    concepts.set_defaults(run=_concepts)
    path = verbs.add_parser("path", help="a learner's next three steps")
    path.add_argument("course")
    path.add_argument("learner", help="pseudonym or name")
    path.set_defaults(run=_path)
    _add_learners(verbs)


def _add_changes(verb: argparse.ArgumentParser) -> None:
    """One change of the graph a call; the graph is shown as it then is."""
    change = verb.add_mutually_exclusive_group()
    for name, words, text in (
        ("rename", ("NAME", "NEW"), "give a concept another name"),
        ("merge", ("NAME", "INTO"), "join a concept to another"),
        ("separate", ("NAME",), "undo a join"),
        ("hide", ("NAME",), "leave a concept out"),
        ("show", ("NAME",), "show a hidden concept again"),
        ("new", ("NAME", "SECTION"), "add a concept that a section teaches"),
        ("connect", ("NAME", "PREREQUISITE"), "add a prerequisite"),
        ("disconnect", ("NAME", "PREREQUISITE"), "take a prerequisite away"),
    ):
        change.add_argument(f"--{name}", nargs=len(words), metavar=words, help=text)
    change.add_argument("--undo", action="store_true", help="take the last change back")


def _add_learners(verbs: Verbs) -> None:
    learners = verbs.add_parser("learners", help="import a roster, export or erase one learner")
    parts = learners.add_subparsers(required=True, metavar="VERB")
    bring = parts.add_parser("import", help="add the learners of a CSV file")
    bring.add_argument("course")
    bring.add_argument("roster", type=Path, metavar="ROSTER.csv")
    bring.set_defaults(run=_import)
    for name, run, words in (
        ("export", _export, "all that is kept about one learner, as JSON"),
        ("erase", _erase, "remove every row about one learner; there is no undo"),
    ):
        verb = parts.add_parser(name, help=words)
        verb.add_argument("course")
        verb.add_argument("learner", help="pseudonym or name")
        verb.set_defaults(run=run)


def _trace(context: Context) -> None:
    from engine.learner import trace

    options = context.options
    trace(options.train, options.test, options.out, options.model)
    data = {"model": options.model, "out": str(options.out)}
    context.show(data, f"Wrote the predictions to {options.out}.")


def _prerequisites(context: Context) -> None:
    from engine.concepts import read_pairs, render_scores, score_pairs

    options = context.options
    file = read_pairs(options.pairs)
    corpus = [_read(context, path) for path in options.corpus]
    scores = score_pairs(file.pairs, corpus)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(render_scores(file, scores), encoding="utf-8")
    data = {"pairs": len(scores), "out": str(options.out)}
    context.show(data, f"Wrote {len(scores)} scored pairs to {options.out}.")


def _read(context: Context, path: Path) -> Document:
    from engine.documents import read_document

    return read_document(path, context.settings, context.report)


def _change(context: Context) -> None:
    from engine import concepts

    options, store = context.options, context.store
    if options.undo:
        concepts.undo_edits(store, options.course)
    edits = concepts.course_edits(store, options.course)
    for name, verb in (
        ("rename", concepts.renamed),
        ("merge", concepts.merged),
        ("separate", concepts.separated),
        ("hide", concepts.hidden),
        ("show", concepts.shown),
        ("connect", concepts.connected),
        ("disconnect", concepts.disconnected),
    ):
        if words := getattr(options, name):
            concepts.save_edits(store, options.course, verb(edits, *words))
    if options.new:
        books = store.documents(options.course)
        new = concepts.with_concept(edits, books, *options.new)
        concepts.save_edits(store, options.course, new)


def _concepts(context: Context) -> None:
    from engine.concepts import course_concepts
    from engine.course import titles

    course = context.options.course
    context.store.course(course)
    _change(context)
    found = course_concepts(context.store, course)
    names = titles(context.store.documents(course))
    data = [
        {
            "concept": concept.name,
            "sections": [names.get(section, section) for section in concept.sections],
            "prerequisites": [edge.model_dump(mode="json") for edge in concept.prerequisites],
        }
        for concept in found
    ]
    lines = [
        f"{concept.name}  <-  {', '.join(e.concept for e in concept.prerequisites) or '-'}"
        for concept in found
    ]
    context.show(data, "\n".join(lines) or "No concepts yet: add a book first.")


def _path(context: Context) -> None:
    from engine.learner import find_learner, path

    options = context.options
    person = find_learner(context.store, options.course, options.learner)
    steps = path(context.store, options.course, person.pseudonym, now=time.time())
    data = [_step(step) for step in steps]
    rows: list[list[object]] = [["step", "concept", "section", "minutes", "why"]]
    rows += [[step.step, step.concept, step.title, step.minutes, step.text] for step in steps]
    context.show(data, table(rows))


def _step(step: PathStep) -> dict[str, Any]:
    """``section`` is a heading, as in the other verbs; the id stands beside it."""
    row = step.model_dump(mode="json", exclude={"title"})
    names = {"section": step.title or step.section, "section_id": step.section}
    return {**row, **names, "due": _date(step.due)}


def _date(at: float | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) if at is not None else None


def _import(context: Context) -> None:
    from engine.learner import import_roster

    options = context.options
    people = import_roster(context.settings, context.store, options.course, options.roster)
    data = {"learners": [{"pseudonym": p.pseudonym, "group": p.group} for p in people]}
    context.show(data, f"Imported {len(people)} learners.")


def _export(context: Context) -> None:
    from engine.learner import export_learner

    options = context.options
    data: dict[str, Any] = export_learner(context.store, options.course, options.learner)
    context.show(data, json.dumps(data, ensure_ascii=False, indent=1))


def _erase(context: Context) -> None:
    from engine.learner import erase_learner

    options = context.options
    rows = erase_learner(context.store, options.course, options.learner)
    context.show({"erased": rows}, f"Erased {rows} rows.")
