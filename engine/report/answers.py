"""What graded answers say of a class: common mistakes, and how far the grading can be trusted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from engine.grade import Item
from engine.judge import interval
from engine.levels import RIGHT
from engine.schema import Figure, Value
from engine.steps.gradebook import GradedSubmission, marked, share_of, value_of
from engine.steps.grading import GRADING, GradingRecord
from engine.workspace import Workspace

_ALIKE = 80.0
_NEAR = 0.1
"""Two scores agree within this share of the maximum (as the grader's own confidence means it)."""


class Mistake(Value):
    """A wrong answer that several gave in like words; ``answer`` is the commonest wording.

    ``error`` is a kind of ``grade.feedback`` or ``empty``; ``learners`` counts people where they
    are known, else answers; ``of`` counts the answers to the item. ``section`` is a title.
    """

    item: str
    question: str
    concept: str
    error: str
    answer: str
    learners: int
    of: int
    section: str = ""
    page: int = 0


class ErrorKind(Value):
    """How many learners made which kind of mistake on which concept, and where to read."""

    concept: str
    error: str
    learners: int
    section: str = ""
    page: int = 0


def mistakes(items: Iterable[Item], answers: Iterable[GradedSubmission]) -> list[Mistake]:
    """Groups of like wrong answers, the commonest first.

    Answers count whose grade stands and is under 60 %; two are alike when their normalised texts
    reach 80 in rapidfuzz's token-sort ratio, to the commonest wording of their group.
    """
    known = {item.item_id: item for item in items}
    given = [m for m in answers if m.final and m.submission.item_id in known]
    every = Counter(m.submission.item_id for m in given)
    held: dict[tuple[str, str], list[GradedSubmission]] = {}
    for m in given:
        if share_of(known[m.submission.item_id], m.grade) < RIGHT:
            held.setdefault((m.submission.item_id, _kind(m)), []).append(m)
    found = [
        _mistake(known[item], kind, group, every[item])
        for (item, kind), wrong in held.items()
        for group in _alike(wrong)
    ]
    return sorted(found, key=lambda row: (-row.learners, row.item, row.answer))


def _kind(m: GradedSubmission) -> str:
    if not m.submission.answer.strip():
        return "empty"
    return m.grade.errors[0] if m.grade.errors else "wrong"


def _alike(wrong: Sequence[GradedSubmission]) -> list[list[GradedSubmission]]:
    from rapidfuzz.fuzz import token_sort_ratio

    texts = Counter(_plain(m.submission.answer) for m in wrong)
    heads: dict[str, str] = {}
    for text, _n in texts.most_common():
        near = (head for head in set(heads.values()) if token_sort_ratio(text, head) >= _ALIKE)
        heads[text] = next(near, text)
    groups: dict[str, list[GradedSubmission]] = {}
    for m in sorted(wrong, key=lambda m: -texts[_plain(m.submission.answer)]):
        groups.setdefault(heads[_plain(m.submission.answer)], []).append(m)
    return list(groups.values())


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


def _mistake(item: Item, kind: str, group: Sequence[GradedSubmission], of: int) -> Mistake:
    first = group[0]
    return Mistake(
        item=item.item_id,
        question=item.question,
        concept=item.concept,
        error=kind,
        answer=first.submission.answer,
        learners=_people(group),
        of=of,
        section=first.grade.section or item.section,
        page=first.grade.page or item.page,
    )


def _people(group: Sequence[GradedSubmission]) -> int:
    """Distinct learners; an answer of unknown origin counts for one."""
    return len({m.submission.learner or f"answer {m.submission.answer_id}" for m in group})


def error_kinds(items: Iterable[Item], answers: Iterable[GradedSubmission]) -> list[ErrorKind]:
    """Kinds of mistakes by concept (an item without one stands for itself), commonest first."""
    known = {item.item_id: item for item in items}
    held: dict[tuple[str, str], list[GradedSubmission]] = {}
    for m in answers:
        item = known.get(m.submission.item_id)
        if item is not None and m.final and share_of(item, m.grade) < RIGHT:
            held.setdefault((item.concept or item.question, _kind(m)), []).append(m)
    found = []
    for (concept, kind), group in held.items():
        item = known[group[0].submission.item_id]
        section, page = group[0].grade.section or item.section, group[0].grade.page or item.page
        row = ErrorKind(concept=concept, error=kind, learners=_people(group))
        found.append(row.model_copy(update={"section": section, "page": page}))
    return sorted(found, key=lambda row: (-row.learners, row.concept, row.error))


# ------------------------------------------------------------------ the grading itself


class Quality(Value):
    """How far the grades can be trusted; figures are shares with 95 % intervals, None without data.

    ``machine`` answers were graded by the grader, ``accepted`` of these stand without a person,
    ``waiting`` wait for one; ``review`` is the share that was sent to a person. ``reviewed`` were
    decided by a person, ``changed`` of these against the proposal; ``agreement`` is the share of
    proposals that people confirmed, ``accepted_agreement`` the same among those that would have
    stood. ``held_out`` is what the accepted grades reached on graded answers not learned from.
    """

    by_person: int
    machine: int
    accepted: int
    waiting: int
    review: Figure | None
    reviewed: int
    changed: int
    agreement: Figure | None
    accepted_agreement: Figure | None
    target: float
    held_out: Figure | None


def grading_quality(workspace: Workspace, items: Iterable[Item]) -> Quality | None:
    """The quality of a course's grading; None where nothing was graded."""
    known = {item.item_id: item for item in items}
    every = [m for m in marked(workspace) if m.submission.item_id in known]
    if not every:
        return None
    saved = workspace.store.saved(workspace.course.id, GRADING)
    record = saved.value if saved else GradingRecord()
    target = record.target
    own = [m for m in every if not m.submission.graded]
    doubted = [float(m.grade.promise < target or not m.grade.promise) for m in own]
    first = _first_decisions(workspace)
    agreed = {
        m.grade.answer_id: _agrees(m, known, first) for m in own if m.grade.answer_id in first
    }
    sure = {m.grade.answer_id for m, doubt in zip(own, doubted, strict=True) if not doubt}
    return Quality(
        by_person=len(every) - len(own),
        machine=len(own),
        accepted=sum(not m.decided and m.final for m in own),
        waiting=sum(not m.final for m in own),
        review=_figure(doubted),
        reviewed=len(agreed),
        changed=sum(not same for same in agreed.values()),
        agreement=_figure(list(agreed.values())),
        accepted_agreement=_figure([same for key, same in agreed.items() if key in sure]),
        target=target,
        held_out=_held_out(record, target),
    )


def _first_decisions(workspace: Workspace) -> dict[str, object]:
    """By answer, what the grader had proposed when a person first decided on its present text."""
    found: dict[str, object] = {}
    for line in reversed(workspace.store.grade_log(workspace.course.id)):
        if line["new"] is None:
            found.pop(line["answer"], None)
        else:
            found.setdefault(line["answer"], line["old"])
    return found


def _agrees(
    m: GradedSubmission, items: Mapping[str, Item], proposed: Mapping[str, object]
) -> float:
    old, new = proposed[m.grade.answer_id], value_of(m.grade)
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        return float(abs(old - new) <= _NEAR * items[m.submission.item_id].top + 1e-9)
    return float(old == new)


def _figure(values: Sequence[float]) -> Figure | None:
    return interval(values) if values else None


def _held_out(record: GradingRecord, target: float) -> Figure | None:
    """Agreement at the target on held-out answers: to known questions, where there are any."""
    rows = sorted(record.calibrations, key=lambda own: not own.known)
    step = rows[0].at(target) if rows else None
    return step.agreement if step else None
