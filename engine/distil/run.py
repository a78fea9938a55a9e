"""The verb: a plan and books in, pairs in the store out; killed at any moment, it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from engine.course import taught_sections, titles
from engine.distil.corpus import (
    Distinct,
    contaminated,
    in_rounds,
    leaked_answers,
    pairs_of,
)
from engine.distil.extractive import points_of
from engine.distil.plan import DistilPlan, chosen_passages, chosen_sections, points_a_passage
from engine.distil.points import Point
from engine.distil.prompted import ask_points, prompts
from engine.errors import Missing, TeacherError, WorkFailed
from engine.llm import Chat
from engine.progress import Report, silent
from engine.prompts import chosen_prompt, prompt_version
from engine.schema import Course, Document, Pair, Passage, Progress, Value, content_id
from engine.store import ResultKind, Store

T = TypeVar("T")


class Distilled(Value):
    """What a run made: pairs by split, calls that failed, and what the gates took out."""

    pairs: int
    train: int
    validation: int
    recall: int
    transfer: int
    points: int
    failed_calls: int
    removed: int
    seconds: float
    teacher: str


class CorpusRecord(Value):
    """The plan of the corpus that a course uses, and what came of it."""

    plan: DistilPlan
    result: Distilled


CORPUS = ResultKind("distil", CorpusRecord)


def fingerprint(store: Store, course: str, plan: DistilPlan) -> str:
    """Names what a corpus is made from: the books, the plan and, if one is prompted, the prompt."""
    prompt = _prompt_version(store, course, plan)
    return content_id(store.document_ids(course), plan.model_dump(mode="json"), *prompt)


def _prompt_version(store: Store, course: str, plan: DistilPlan) -> list[str]:
    """The chosen prompt's id, where it matters: the extractive teacher follows none."""
    version = "" if plan.teacher == "extractive" else prompt_version(store, course)
    return [version] if version else []


def wishes(store: Store, course: Course, plan: DistilPlan) -> str:
    """What the prompted teacher is told besides its task: the designer's wish, the chosen style."""
    if not prompt_version(store, course.id):
        return plan.prompt
    style = chosen_prompt(store, course.id, course.language).style
    return f"{plan.prompt}\n{prompts()[course.language]['style'].format(style=style)}".strip()


def distil(
    course: Course,
    plan: DistilPlan,
    *,
    chat: Chat | None,
    store: Store,
    report: Report = silent,
) -> Distilled:
    """Make the corpus of a course.

    Pairs are stored as they come; a second run with the same plan makes only what is missing
    (model answers are cached by content), and a run with another plan replaces the corpus but
    keeps the pairs that people accepted, rejected or edited.

    Args:
        course: The course; its books and passages must be in the store.
        plan: What to make.
        chat: The teacher, or None for the extractive one.
        store: Where books, passages and pairs lie.
        report: Called after each section or passage.

    Raises:
        Missing: the course has no books with matter to teach.
        WorkFailed: nothing usable came out; says why.
    """
    documents, passages = store.documents(course.id), store.passages(course.id)
    if not chosen_sections(documents, plan):
        raise Missing(
            "There is nothing to distil yet: no book with course matter.",
            code="distil.no_books",
            next="Add a book on the Course screen, or choose other sections.",
        )
    started = time.monotonic()
    _clear_other_plan(store, course.id, plan)
    run = _Run(course, plan, store)
    source = (
        _extracted(documents, plan, report)
        if chat is None
        else _prompted(course, documents, passages, plan, chat, run, report)
    )
    run.add_all(source)
    if not run.points:
        raise WorkFailed(
            "No usable pair was made from the chosen sections.",
            code="distil.none",
            next="Choose more sections or kinds, or connect another teacher; "
            f"{run.failed} calls failed.",
            failed=run.failed,
        )
    result = run.finish(time.monotonic() - started, chat.model if chat else "extractive")
    made = CorpusRecord(plan=plan, result=result)
    store.save(course.id, CORPUS, made, inputs=fingerprint(store, course.id, plan))
    return result


def preview(
    course: Course, plan: DistilPlan, *, chat: Chat | None, store: Store, sections: int = 5
) -> list[Pair]:
    """One pair each from that many different sections, spread over the books; stores nothing.

    With an LLM teacher the calls are the same that the full run will make, so they are not paid
    twice.

    Raises:
        TeacherError: every call failed; the last failure.
    """
    documents = store.documents(course.id)
    if chat is None:
        ranked = in_rounds(_raw_points(chosen_sections(documents, plan), plan))
        points = list({point.section: point for point in reversed(ranked)}.values())
        points.sort(key=lambda point: point.section)
        return [_first_pair(p, course, plan, "extractive") for p in _spread(points, sections)]
    passages = chosen_passages(documents, store.passages(course.id), plan)
    asked, each = points_a_passage(passages, plan)
    some = _spread(list({p.section: p for p in reversed(passages[:asked])}.values()), sections)
    found: list[Pair] = []
    failure: TeacherError | None = None
    wish = wishes(store, course, plan)
    for _, outcome in ask_points(some, each, plan.kinds, course.language, chat, wish):
        if isinstance(outcome, TeacherError):
            failure = outcome
        elif outcome:
            found.append(_first_pair(outcome[0], course, plan, chat.model))
    if failure and not found:
        raise failure
    return found


def _first_pair(point: Point, course: Course, plan: DistilPlan, teacher: str) -> Pair:
    return pairs_of(point, course.language, plan.split, teacher)[0]


def _spread(items: Sequence[T], n: int) -> list[T]:
    step = max(1, len(items) // n)
    return list(items[::step][:n])


class _Run:
    """The pairs of one run as they grow: distinct, stored in small batches, counted."""

    def __init__(self, course: Course, plan: DistilPlan, store: Store) -> None:
        self.course, self.plan, self.store = course, plan, store
        self.points = 0
        self.failed = 0
        self._distinct = Distinct()
        self._known = store.pair_ids(course.id)
        self._made: list[Pair] = []

    def add_all(self, points: Iterable[tuple[Point, str]]) -> None:
        for point, teacher in points:
            if len(self._made) >= self.plan.pairs:
                break
            if self._distinct.admit(point):
                self.points += 1
                self._keep(pairs_of(point, self.course.language, self.plan.split, teacher))

    def _keep(self, pairs: Sequence[Pair]) -> None:
        if any(pair.id not in self._known for pair in pairs):
            new = [pair for pair in pairs if pair.id not in self._known]
            self.store.put_pairs(self.course.id, new, first=len(self._made))
        self._made += pairs

    def finish(self, seconds: float, teacher: str) -> Distilled:
        bad = contaminated(self._made) | leaked_answers(self._made)
        self._reject(bad)
        kept = [pair for pair in self._made if pair.id not in bad]
        return Distilled(
            pairs=len(kept),
            train=sum(p.split == "train" for p in kept),
            validation=sum(p.split == "validation" for p in kept),
            recall=sum(p.part == "recall" for p in kept),
            transfer=sum(p.part == "transfer" for p in kept),
            points=self.points,
            failed_calls=self.failed,
            removed=len(bad),
            seconds=seconds,
            teacher=teacher,
        )

    def _reject(self, ids: set[str]) -> None:
        """Held-out pairs too near to training leave the exam; they are not lost, but rejected."""
        rows = [
            pair.model_copy(update={"status": "rejected", "scores": {"near_duplicate": 1.0}})
            for pair in self.store.pairs(self.course.id)
            if pair.id in ids and pair.status == "proposed"
        ]
        self.store.revise_pairs(self.course.id, rows)


def _clear_other_plan(store: Store, course: str, plan: DistilPlan) -> None:
    """Drop untouched pairs of another plan; pairs that people judged stay."""
    prompt = _prompt_version(store, course, plan)
    name = content_id(plan.model_dump(mode="json"), store.document_ids(course), *prompt)
    if store.choice(course, "distil_plan") != name:
        judged = [p.id for p in store.pairs(course) if p.status == "accepted" or p.edited]
        store.remove_pairs(course, keep=judged)
        store.choose(course, "distil_plan", name)


def _raw_points(sections: Sequence[object], plan: DistilPlan) -> Iterator[Point]:
    for section in sections:
        for point in points_of(section):  # type: ignore[arg-type]
            if point.kind in plan.kinds:
                yield point


def _extracted(
    documents: Sequence[Document], plan: DistilPlan, report: Report
) -> Iterator[tuple[Point, str]]:
    sections = chosen_sections(documents, plan)
    points: list[Point] = []
    for number, section in enumerate(sections, 1):
        points += _raw_points([section], plan)
        report(Progress(stage="sections", done=number, total=len(sections), message=section.title))
    for point in in_rounds(points):
        yield point, "extractive"


def _prompted(
    course: Course,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    chat: Chat,
    run: _Run,
    report: Report,
) -> Iterator[tuple[Point, str]]:
    chosen = chosen_passages(documents, passages, plan)
    asked, each = points_a_passage(chosen, plan)
    names, wish = titles(documents), wishes(run.store, course, plan)
    outcomes = ask_points(chosen[:asked], each, plan.kinds, course.language, chat, wish)
    for done, (passage, outcome) in enumerate(outcomes, 1):
        if isinstance(outcome, TeacherError):
            run.failed += 1
            message = f"{names[passage.section]}: {outcome.message}"
        else:
            message = names[passage.section]
            for point in outcome:
                yield point, chat.model
        metrics = {"pairs": float(run.points), "failed": float(run.failed)}
        report(Progress(stage="passages", done=done, total=asked, message=message, metrics=metrics))


def coverage(documents: Sequence[Document], pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """Pairs of each taught section: ``{"section", "title", "pairs", "kinds"}`` in reading order."""
    counts: dict[str, list[Pair]] = {}
    for pair in pairs:
        counts.setdefault(pair.section, []).append(pair)
    names = titles(documents)
    return [
        {
            "section": section.id,
            "title": names[section.id],
            "pairs": len(counts.get(section.id, [])),
            "kinds": sorted({pair.kind for pair in counts.get(section.id, [])}),
        }
        for section in taught_sections(documents)
    ]
