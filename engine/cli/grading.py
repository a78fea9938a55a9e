"""The verb about learners' answers: grade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.context import Context, Verbs, table
from engine.language import languages

if TYPE_CHECKING:
    from engine.grade.items import Grade

_HELP = """JSONL (or CSV with a header; lists separated by |, rubric points after =).
ITEMS: item_id, question, type?, references?, rubric?, max_score?, labels?, choices?, tolerance?.
ANSWERS: answer_id, item_id, answer. GRADED: the same and score or label."""


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    verb = verbs.add_parser("grade", help="grade learners' answers", epilog=_HELP)
    verb.add_argument("--items", type=Path, required=True)
    verb.add_argument("--answers", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True, help="grades already there are kept")
    verb.add_argument("--graded", type=Path, help="answers with a person's grades, to learn from")
    verb.add_argument("--language", choices=languages(), help="of the feedback")
    verb.add_argument("--target-agreement", type=float, default=0.9)
    verb.set_defaults(run=_grade)


def _grade(context: Context) -> None:
    from engine.grade.files import read_items, read_submissions
    from engine.grade.run import grade_to_file

    options = context.options
    items = read_items(options.items)
    answers = read_submissions(options.answers, items)
    graded = read_submissions(options.graded, items, graded=True) if options.graded else []
    grades = grade_to_file(
        options.out,
        items,
        answers,
        graded,
        language=options.language,
        target_agreement=options.target_agreement,
        report=context.report,
    )
    counts = _counts(grades)
    context.show(counts | {"out": str(options.out)}, lambda: table(list(counts.items())))


def _counts(grades: list[Grade]) -> dict[str, Any]:
    accepted = sum(grade.status == "accepted" for grade in grades)
    flagged = sum(bool(grade.flags) for grade in grades)
    found = {"answers": len(grades), "accepted": accepted, "review": len(grades) - accepted}
    return found | {"flagged": flagged}
