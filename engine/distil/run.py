"""The verb: a plan and books in, pairs in the store out; killed at any moment, it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from engine.corpus import natural_pairs
from engine.course import taught_sections, titles
from engine.distil.draft import CORPUS, CorpusDraft, Distilled
from engine.distil.offline import VERSION, taught
from engine.distil.pairs import in_rounds, pairs_of
from engine.distil.plan import DistilPlan, chosen_sections
from engine.distil.points import Point
from engine.distil.prompted import Cast, lessons_of, previewed, view_of
from engine.distil.prompted.judge import audit
from engine.distil.prompted.values import Account
from engine.distil.prompted.view import BookView
from engine.errors import Missing, WorkFailed
from engine.llm import Chat
from engine.progress import Report, silent
from engine.prompts import chosen_prompt, prompt_version
from engine.schema import (
    Course,
    Document,
    Pair,
    PairKind,
    Progress,
    Section,
    Value,
    content_id,
)
from engine.search import Index
from engine.store import Store

T = TypeVar("T")


def fingerprint(store: Store, course: str, plan: DistilPlan) -> str:
    """Names what a corpus is made from: books, plan, prompt or version of the offline teacher.

    The draft lies under this name, and so does the finished corpus's result.
    """
    teacher = _teacher_version(store, course, plan)
    return content_id(store.readings(course), plan.made_from, *teacher)


def _teacher_version(store: Store, course: str, plan: DistilPlan) -> list[str]:
    """The chosen prompt's id where one is followed; the extractive teacher follows none."""
    if plan.teacher == "extractive":
        return [f"offline {VERSION}"]
    version = prompt_version(store, course)
    return [version] if version else []


def distil(
    course: Course,
    plan: DistilPlan,
    *,
    chat: Chat | None,
    store: Store,
    report: Report = silent,
    second: Chat | None = None,
    judge: Chat | None = None,
    index: Callable[[], Index] | None = None,
) -> Distilled:
    """Make the corpus of a course.

    Pairs are stored as they come, in a draft under the plan's name; the corpus in use, with its
    undo, is replaced only when the draft is whole. So a run that fails, is cancelled or killed
    changes nothing, and the next one with the same plan goes on (model answers are cached by
    content). A finished plan run again adds what is missing; another plan's corpus takes the old
    one's place, but keeps the pairs that people accepted, rejected, edited or uploaded.

    Args:
        course: The course; its books and passages must be in the store.
        plan: What to make.
        chat: The teacher, or None for the extractive one.
        store: Where books, passages and pairs lie.
        report: Called after each section or call.
        second: Another teacher whose questions are merged with the first one's.
        judge: A model that checks and scores in the teacher's place.
        index: Opens the course's search, where it has one already.

    Raises:
        Missing: the course has no books with matter to teach.
        WorkFailed: nothing usable came out, or so many calls failed that the corpus in use is
            better kept; says why.
    """
    documents, passages = store.documents(course.id), store.passages(course.id)
    _refuse_nothing(documents, plan)
    started = time.monotonic()
    draft = CorpusDraft(course, plan, fingerprint(store, course.id, plan), store)
    if chat is None:
        _extract(documents, draft, report)
    else:
        cast = _cast(course, store, chat, second, judge)
        view = view_of(course, documents, passages, plan, index)
        _prompt(documents, view, draft, cast, report)
    _refuse_poor(draft)
    teacher = chat.model if chat else "extractive"
    return draft.finish(time.monotonic() - started, teacher, natural_pairs(course, documents))


def _cast(
    course: Course,
    store: Store,
    chat: Chat,
    second: Chat | None = None,
    judge: Chat | None = None,
) -> Cast:
    """Who writes and checks a corpus, by which prompt, and whether the judge may filter."""
    chosen = prompt_version(store, course.id)
    prompt = chosen_prompt(store, course.id, course.language) if chosen else None
    teachers = (chat, second) if second else (chat,)
    trusted = audit(store.pairs(course.id)).may_filter
    return Cast(teachers=teachers, judge=judge or chat, prompt=prompt, trusted=trusted)


def _refuse_nothing(documents: Sequence[Document], plan: DistilPlan) -> None:
    if not chosen_sections(documents, plan):
        raise Missing(
            "There is nothing to distil yet: no book with course matter.",
            code="distil.no_books",
            next="Add a book on the Course screen, or choose other sections.",
        )


def _refuse_poor(draft: CorpusDraft) -> None:
    """Keep the corpus in use where nothing came out, or mostly failures."""
    if not draft.points:
        raise WorkFailed(
            "No usable pair was made from the chosen sections.",
            code="distil.none",
            next="Choose more sections or kinds, or connect another teacher; "
            f"{draft.failed} calls failed.",
            failed=draft.failed,
        )
    used = draft.store.saved(draft.course.id, CORPUS)
    poor = draft.ended == "failing" or 2 * draft.failed > draft.asked
    if used and used.inputs != draft.name and poor:
        raise WorkFailed(
            f"{draft.failed} of {draft.asked} calls failed; the present corpus stays in use.",
            code="distil.unfinished",
            next="Test the teacher, then run this again: what was made is kept and goes on.",
            failed=draft.failed,
            asked=draft.asked,
        )


def preview(
    course: Course, plan: DistilPlan, *, chat: Chat | None, store: Store, sections: int = 5
) -> list[Pair]:
    """One pair each from that many different sections, spread over the books; stores nothing.

    With an LLM teacher the calls are the first ones of a run with this plan, so they are not paid
    twice.

    Raises:
        TeacherError: every call failed; the last failure.
    """
    documents = store.documents(course.id)
    if chat is None:
        ranked = in_rounds(p for _, found in _offline(documents, plan) for p in found)
        points = list({point.section: point for point in reversed(ranked)}.values())
        points.sort(key=lambda point: point.section)
        return [_first_pair(p, course, plan) for p in _spread(points, sections)]
    view = view_of(course, documents, store.passages(course.id), plan)
    return previewed(view, documents, plan, _cast(course, store, chat), sections)


def _first_pair(point: Point, course: Course, plan: DistilPlan) -> Pair:
    return pairs_of(point, course.language, plan.split, "extractive")[0]


def _spread(items: Sequence[T], n: int) -> list[T]:
    step = max(1, len(items) // n)
    return list(items[::step][:n])


def _offline(
    documents: Sequence[Document], plan: DistilPlan
) -> Iterator[tuple[Section, list[Point]]]:
    """What the offline teacher finds in each chosen section, of the kinds that are wanted."""
    for section, found in taught(documents, chosen_sections(documents, plan)):
        yield section, [point for point in found if point.kind in plan.kinds]


def _extract(documents: Sequence[Document], draft: CorpusDraft, report: Report) -> None:
    """Let the offline teacher read all sections, then keep the best points of each in turn."""
    total = len(chosen_sections(documents, draft.plan))
    points: list[Point] = []
    for number, (section, found) in enumerate(_offline(documents, draft.plan), 1):
        points += found
        report(Progress(stage="sections", done=number, total=total, message=section.title))
    draft.asked = total
    draft.add(in_rounds(points), "extractive")
    draft.ended = "planned" if draft.full else "exhausted"


def _prompt(
    documents: Sequence[Document],
    view: BookView,
    draft: CorpusDraft,
    cast: Cast,
    report: Report,
) -> None:
    """Let a model ask and answer, wave by wave, until the draft is full or the book exhausted."""
    account, names = Account(), titles(documents)

    def told(doing: str, section: str) -> None:
        metrics = {"pairs": float(draft.made), "failed": float(account.failed_calls)}
        message = f"{doing}: {names.get(section, '')}"
        done, total = min(draft.made, draft.plan.pairs), draft.plan.pairs
        report(Progress(stage="pairs", done=done, total=total, message=message, metrics=metrics))

    lessons = lessons_of(
        view, documents, draft.plan, cast, account, wanted=lambda: draft.wanted, told=told
    )
    for points in lessons:
        surplus = draft.keep(points)
        account.made -= surplus
        account.refuse("surplus", "", n=surplus)
    draft.take(account)
    draft.ended = lessons.ended


class Coverage(Value):
    """What a corpus asks of one section (its id): how many pairs, of which kinds."""

    section: str
    title: str
    pairs: int
    kinds: tuple[PairKind, ...]


def coverage(documents: Sequence[Document], pairs: Sequence[Pair]) -> list[Coverage]:
    """The coverage of each taught section, in reading order."""
    counts: dict[str, list[Pair]] = {}
    for pair in pairs:
        counts.setdefault(pair.section, []).append(pair)
    names = titles(documents)
    return [
        Coverage(
            section=section.id,
            title=names[section.id],
            pairs=len(counts.get(section.id, [])),
            kinds=tuple(sorted({pair.kind for pair in counts.get(section.id, [])})),
        )
        for section in taught_sections(documents)
    ]
