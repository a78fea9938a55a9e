"""Verbs of a learner's turn: ask, quiz, mark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.context import Context, Verbs, table
from engine.errors import Missing

if TYPE_CHECKING:
    from engine.tutor import Quiz

_HELP = """JSONL (or CSV with a header; lists separated by |).
ITEMS: item_id, question, references. ANSWERS: answer_id, item_id, answer."""


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    ask = verbs.add_parser("ask", help="ask the course's tutor")
    ask.add_argument("course")
    ask.add_argument("question")
    ask.add_argument(
        "--mode", choices=("explain", "hint", "socratic", "viewpoints"), default="explain"
    )
    ask.set_defaults(run=_ask)
    quiz = verbs.add_parser("quiz", help="a question of the course, as an item for «mark»")
    quiz.add_argument("course")
    quiz.add_argument("--learner", help="pseudonym or name: what this learner needs most")
    quiz.set_defaults(run=_quiz)
    mark = verbs.add_parser("mark", help="mark short replies as the quiz does", epilog=_HELP)
    mark.add_argument("--items", type=Path, required=True)
    mark.add_argument("--answers", type=Path, required=True)
    mark.add_argument("--out", type=Path, required=True)
    mark.set_defaults(run=_mark)


def _ask(context: Context) -> None:
    from engine.lesson import ask, open_lesson
    from engine.tutor import Conversation

    options = context.options
    _, said = ask(open_lesson(context.workspace), Conversation(mode=options.mode), options.question)
    data = {
        "answer": said.answer,
        "sources": [{"section": s.title, "page": s.page, "quote": s.quote} for s in said.sources],
        "refused": said.refused,
    }
    quotes = "\n".join(f"  — {s.title}, p. {s.page}: “{s.quote}”" for s in said.sources)
    if said.withheld:
        quotes += "\n(The book answers: what the student model said does not agree with it.)"
    context.show(data, f"{said.answer}\n{quotes}")


def _quiz(context: Context) -> None:
    """One question as JSON.

    Raises:
        Missing: ``learner.missing``; ``quiz.none``: no question is left, or there is no corpus.
    """
    from engine.learner import find_learner
    from engine.lesson import next_question, open_lesson

    course, who = context.workspace.course.id, context.options.learner
    me = find_learner(context.store, course, who).pseudonym if who else ""
    lesson = open_lesson(context.workspace, me)
    found = next_question(lesson)
    if found is None:
        raise Missing(
            "There is no question of this course left to ask.",
            code="quiz.none",
            next="Make a corpus first, or a larger one: coursewright distil COURSE",
        )
    context.show(_item(found, lesson.knowledge.titles()))


def _item(quiz: Quiz, titles: dict[str, str]) -> dict[str, Any]:
    """The question in the shape of an item that ``mark`` and ``grade`` read."""
    pair = quiz.pair
    return {
        "item_id": pair.point,
        "question": pair.question,
        "references": [pair.answer],
        "concept": quiz.concept,
        "section": titles.get(pair.section, ""),
        "page": (pair.evidence[0].page or 0) if pair.evidence else 0,
    }


def _mark(context: Context) -> None:
    from engine.files import write_text
    from engine.grade import read_items, read_submissions
    from engine.tutor import mark_all

    options = context.options
    items = read_items(options.items)
    marks = mark_all(items, read_submissions(options.answers, items))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_text(options.out, "".join(f"{found.model_dump_json()}\n" for found in marks))
    counts: dict[str, int] = {"answers": len(marks)}
    counts |= Counter(found.mark for found in marks)
    context.show(counts | {"out": str(options.out)}, lambda: table(list(counts.items())))
