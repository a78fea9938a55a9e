"""Putting a run together: the books' view, the plan's recipe, and who plays which part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from engine.distil.plan import DistilPlan, chosen_passages, points_a_call
from engine.distil.prompted.coursegpt import CourseGPT
from engine.distil.prompted.grid import Grid
from engine.distil.prompted.points import as_proposals, taught_pairs
from engine.distil.prompted.seeds import seed_pool
from engine.distil.prompted.teach import Asking, Lessons, Models
from engine.distil.prompted.values import Account
from engine.distil.prompted.view import BookView
from engine.llm import Chat
from engine.prompts import AnswerPrompt
from engine.schema import Course, Document, Level, Pair, Passage
from engine.search import Index


class Cast(NamedTuple):
    """Who writes a corpus.

    One or two ``teachers`` ask, the first answers by the course's chosen ``prompt`` (None: by
    ours); ``judge`` checks and scores. ``trusted``: people's ratings agree with the judge's, so
    that its floor may take pairs out.
    """

    teachers: tuple[Chat, ...]
    judge: Chat
    prompt: AnswerPrompt | None = None
    trusted: bool = False


def view_of(
    course: Course,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    index: Callable[[], Index] | None = None,
) -> BookView:
    """The books as the plan's recipe sees them."""
    return BookView(course, documents, passages, chosen_passages(documents, passages, plan), index)


def lessons_of(
    view: BookView,
    documents: Sequence[Document],
    plan: DistilPlan,
    cast: Cast,
    account: Account,
    *,
    wanted: Callable[[], int],
    told: Callable[[str, str], None] = lambda *_: None,
    level: Level | Literal[""] = "",
    known: Sequence[Pair] = (),
) -> Lessons:
    """A run of the plan; see ``teach.Lessons``.

    ``level`` asks for that level alone, and nothing of ``known`` is made again; both are for
    filling a gap of a corpus.
    """
    models = Models(
        teachers=cast.teachers,
        checker=cast.judge,
        judge=cast.judge if plan.judge else None,
        prompt=cast.prompt,
        floor=plan.judge_floor if cast.trusted else 0.0,
    )
    recipe = _recipe(view, documents, plan, len(cast.teachers), level, known)
    return Lessons(view, recipe, models, account, wanted, told, as_proposals(known))


def previewed(
    view: BookView, documents: Sequence[Document], plan: DistilPlan, cast: Cast, sections: int
) -> list[Pair]:
    """One pair a section, by the first calls that a run of the plan makes.

    Raises:
        TeacherError: nothing came, and a call failed; the last failure.
    """
    lessons = lessons_of(view, documents, plan, cast, Account(), wanted=lambda: 0)
    points = {point.section: point for point in reversed(lessons.first(sections))}
    if lessons.failure and not points:
        raise lessons.failure
    made = [taught_pairs(point, view.course.language, plan.split) for point in points.values()]
    return [pairs[0] for pairs in reversed(made) if pairs]


def _recipe(
    view: BookView,
    documents: Sequence[Document],
    plan: DistilPlan,
    teachers: int,
    level: Level | Literal[""],
    known: Sequence[Pair],
) -> Asking:
    if plan.recipe == "coursegpt":
        seeds = seed_pool(documents, plan.seeds, view.course.language)
        return CourseGPT(view, plan, seeds, teachers)
    asked: dict[str, list[str]] = {}
    for proposal in as_proposals(known):
        asked.setdefault(proposal.section, []).append(proposal.questions[0])
    each = points_a_call(len(view.chosen), plan)
    return Grid(view, plan, each, teachers, level=level, asked=asked)
