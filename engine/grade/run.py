"""The verb ``grade``: closed items exactly, open ones by rubric or scorer, doubts to a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.files import write_bytes
from engine.grade.batch import CLOSED, BatchGrader, Grader
from engine.grade.features import Features
from engine.grade.files import read_grades
from engine.grade.guard import duplicates
from engine.grade.items import Grade, Item, Submission, check, gradable
from engine.grade.scorer import FEWEST, Scorer
from engine.llm import Chat
from engine.progress import Report, silent
from engine.schema import Language, Progress
from engine.search import Index

BATCH = 64


def prepare(
    items: Iterable[Item],
    graded: Sequence[Submission] = (),
    *,
    target_agreement: float = 0.9,
    report: Report = silent,
) -> Grader:
    """Learn from the graded answers; with none, or too few, the reference judge stands in.

    Args:
        items: Every item that is named.
        graded: Answers with a person's score or label.
        target_agreement: Share of accepted answers on which a person must agree, in (0, 1).
        report: Told of the training; may raise ``Cancelled``.

    Raises:
        BadInput: a graded answer that does not fit its item, or a target outside (0, 1).
    """
    if not 0 < target_agreement < 1:
        raise BadInput(
            f"The target agreement {target_agreement:g} is not between 0 and 1.",
            code="grade.target",
            next="Give a share such as 0.9.",
            target=target_agreement,
        )
    known = {item.item_id: gradable(item) for item in items}
    check(graded, known.values(), graded=True)
    taught = [s for s in graded if known[s.item_id].kind not in CLOSED]
    scorers: dict[str, Scorer] = {}
    vectors: dict[str, Any] = {}
    for outcome in ("label", "score"):
        some = [s for s in taught if (s.label is not None) == (outcome == "label")]
        if len(some) >= FEWEST and len({s.label or s.score for s in some}) > 1:
            scorers[outcome] = Scorer.fit(
                list(known.values()),
                some,
                target_agreement=target_agreement,
                vectors=vectors,
                report=report,
            )
    labelled = _labelled(known.values(), taught)
    features = Features(known.values(), [s.answer for s in taught], vectors)
    return Grader(known, features, scorers, labelled)


def grade(
    items: Iterable[Item],
    submissions: Sequence[Submission],
    graded: Sequence[Submission] = (),
    *,
    chat: Chat | None = None,
    index: Index | None = None,
    language: Language | None = None,
    target_agreement: float = 0.9,
    done: Collection[str] = (),
    report: Report = silent,
    grader: Grader | None = None,
) -> Iterator[Grade]:
    """The grade of each answer, in order, as they come.

    Args:
        items: Every item that is named.
        submissions: What learners answered.
        graded: Answers with a person's grades, on these or other items.
        chat: A language model for items with a rubric; None: the scorer grades these too.
        index: The course, to say where to read.
        language: Of the feedback; None: that of each answer's item.
        target_agreement: Share of accepted answers on which a person must agree.
        done: Ids of answers graded before: skipped, but still compared for near-duplicates.
        report: Told of each stage; may raise ``Cancelled``, which loses nothing yielded before.
        grader: A prepared one, if the caller has it already (its calibration is what screens show).

    Raises:
        BadInput: an answer or a graded answer does not fit its item.
        TeacherRefused: the endpoint refuses altogether.
    """
    items = list(items)
    check(submissions, items)
    todo = [s for s in submissions if s.answer_id not in set(done)]
    if not todo:
        return
    grader = grader or prepare(
        items,
        graded,
        target_agreement=target_agreement,
        report=report,
    )
    grading = BatchGrader(grader, chat, index, language, duplicates(submissions))
    for start in range(0, len(todo), BATCH):
        report(Progress(stage="grade", done=start, total=len(todo)))
        yield from grading.grades(todo[start : start + BATCH])
    report(Progress(stage="grade", done=len(todo), total=len(todo)))


def grade_to_file(
    out: Path,
    items: Iterable[Item],
    submissions: Sequence[Submission],
    graded: Sequence[Submission] = (),
    *,
    chat: Chat | None = None,
    index: Index | None = None,
    language: Language | None = None,
    target_agreement: float = 0.9,
    report: Report = silent,
) -> list[Grade]:
    """Write one grade a line to ``out``; answers that it holds already are not graded again.

    Returns:
        All grades of the file that belong to ``submissions``, old and new.

    Raises:
        BadInput: see ``grade``; or ``out`` holds something other than grades.
    """
    kept = read_grades(out)
    wanted = {s.answer_id for s in submissions}
    _drop_torn_line(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    found = [g for g in kept if g.answer_id in wanted]
    with out.open("a", encoding="utf-8") as file:
        for new in grade(
            items,
            submissions,
            graded,
            chat=chat,
            index=index,
            language=language,
            target_agreement=target_agreement,
            done={g.answer_id for g in kept},
            report=report,
        ):
            file.write(new.model_dump_json(exclude_none=True) + "\n")
            file.flush()
            found.append(new)
    return found


def _labelled(items: Iterable[Item], taught: Sequence[Submission]) -> frozenset[str]:
    """Items whose grade is a label: they list labels, or people gave them labels.

    An item of which nothing is told follows what people gave most.
    """
    by_label = {s.item_id for s in taught if s.label is not None}
    by_score = {s.item_id for s in taught if s.score is not None}
    mostly = 2 * sum(s.label is not None for s in taught) > len(taught)
    return frozenset(
        i.item_id
        for i in items
        if i.labels
        or i.item_id in by_label
        or (mostly and i.item_id not in by_score and i.max_score is None and not i.rubric)
    )


def _drop_torn_line(out: Path) -> None:
    """Cut a last line that a kill left half written."""
    if out.exists():
        data = out.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            write_bytes(out, whole)
