"""What a corpus covers, cell by cell (chapter x kind x level), and the verb that fills one cell.

Filling adds to the corpus in use: nothing of it is made again, what people judged stays, the exam's
guard looks at the whole, and one ``undo`` takes the new pairs back.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from engine.corpus import held_back, marked
from engine.course import below, chapters, taught_sections
from engine.distil.draft import CORPUS, CorpusRecord
from engine.distil.pairs import same_wording
from engine.distil.plan import DistilPlan, Gap
from engine.distil.prompted import Cast, lessons_of, view_of
from engine.distil.prompted.grid import LEVELS
from engine.distil.prompted.points import PromptedPoint, taught_pairs
from engine.distil.prompted.teach import Ended
from engine.distil.prompted.values import Account, GateExample
from engine.errors import BadInput, Missing, WorkFailed
from engine.progress import Report, silent
from engine.schema import Course, Document, Level, Pair, PairKind, Passage, Progress, Value
from engine.search import Index
from engine.store import ResultKind, Store

_UNEXAMINED = ("unanswerable", "dialogue")
"""Kinds that no exam asks: sections that are kept out for it have none."""


class Cell(Value):
    """How many pairs in use ask for one kind at one level in a chapter (the id of its section).

    ``level`` is empty where no level is known: the offline teacher's pairs, exercises.
    """

    chapter: str
    title: str
    kind: PairKind
    level: Level | Literal[""]
    pairs: int


def cells(
    documents: Sequence[Document], pairs: Sequence[Pair], kinds: Sequence[PairKind]
) -> list[Cell]:
    """Every cell of the taught chapters, in reading order; rejected pairs do not count.

    A cell is one that ``kinds`` can fill, or another that holds pairs.
    """
    of = chapters(documents)
    tops = {of[s.id].id: of[s.id].title for s in taught_sections(documents)}
    live = [pair for pair in pairs if pair.status != "rejected" and pair.section in of]
    count = Counter((of[p.section].id, p.kind, p.level) for p in live)
    wanted = [(top, kind, level) for top in tops for kind in kinds for level in LEVELS[kind]]
    found = dict.fromkeys([*wanted, *(key for key in count if key[0] in tops)])
    place = {top: i for i, top in enumerate(tops)}
    return [
        Cell(chapter=top, title=tops[top], kind=kind, level=level, pairs=count[top, kind, level])
        for top, kind, level in sorted(found, key=lambda key: place[key[0]])
    ]


class Filled(Value):
    """What filling a gap brought, and what became of all that was asked for.

    ``asked`` points are ``points`` that were made, ``lost`` with failed calls and those in
    ``removed`` by their gate, of which ``examples`` are some. ``pairs`` counts what was added;
    ``held_back`` those of it, and of the pairs before, that a gate of pairs keeps out of use.
    """

    gap: Gap
    asked: int
    points: int
    pairs: int
    lost: int = 0
    failed_calls: int = 0
    removed: dict[str, int] = {}
    examples: dict[str, tuple[GateExample, ...]] = {}
    held_back: dict[str, int] = {}
    ended: Ended = "planned"
    seconds: float = 0.0


FILLED = ResultKind("fill", Filled)


def fill(
    course: Course,
    gap: Gap,
    *,
    cast: Callable[[DistilPlan], Cast],
    store: Store,
    report: Report = silent,
    index: Callable[[], Index] | None = None,
) -> Filled:
    """Ask the teacher for one cell, and add what passes the checks to the corpus in use.

    Args:
        course: The course; it has a corpus.
        gap: The cell, and how many points are wanted.
        cast: Who writes and checks, for the plan of the corpus in use.
        store: Where books and pairs lie.
        report: Called after each call.
        index: Opens the course's search, where it has one already.

    Raises:
        Missing: there is no corpus yet, or no taught section where the gap is.
        WorkFailed: every call failed, or the corpus was made anew meanwhile.
    """
    started = time.monotonic()
    used = store.saved(course.id, CORPUS)
    if used is None:
        raise Missing(
            "There is no corpus to add to yet.",
            code="fill.no_corpus",
            next="Make a corpus first: coursewright distil COURSE",
        )
    documents, passages = store.documents(course.id), store.passages(course.id)
    plan = _plan(documents, gap, used.value.plan)
    account, points, ended = _asked(
        course, documents, passages, plan, gap, cast(plan), store.pairs(course.id), report, index
    )
    new = [pair for p in points for pair in taught_pairs(p, course.language, plan.split)]
    found = Filled(
        gap=gap,
        asked=account.asked,
        points=len(points),
        pairs=0,
        lost=account.failed,
        failed_calls=account.failed_calls,
        removed=dict(account.refused),
        examples={gate: tuple(some) for gate, some in account.examples.items()},
        ended=ended,
    )
    found = _put(course, used.value, used.inputs, new, found, store)
    found = found.model_copy(update={"seconds": time.monotonic() - started})
    store.save(course.id, FILLED, found, inputs=used.inputs)
    return found


def _plan(documents: Sequence[Document], gap: Gap, used: DistilPlan) -> DistilPlan:
    """The plan of the corpus in use, for the gap's sections and kind alone."""
    own = below(documents, gap.section)
    taught = [s.id for s in taught_sections(documents) if not gap.section or s.id in own]
    closed = used.split.is_transfer if gap.kind in _UNEXAMINED else lambda _: False
    sections = tuple(section for section in taught if not closed(section))
    if not sections:
        raise Missing(
            "There is no section there of which this can be asked.",
            code="fill.no_section",
            next="Choose another section or kind.",
        )
    changes = {"sections": sections, "kinds": (gap.kind,), "teacher": gap.teacher}
    pairs = max(10, 3 * gap.points)  # of a plan that asks for as many points
    return used.model_copy(update={**changes, "recipe": "grid", "pairs": pairs})


def _asked(
    course: Course,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    gap: Gap,
    cast: Cast,
    known: Sequence[Pair],
    report: Report,
    index: Callable[[], Index] | None,
) -> tuple[Account, list[PromptedPoint], Ended]:
    """The points that came of it, with the account of all that was asked for."""
    account, points = Account(), list[PromptedPoint]()

    def told(doing: str, _section: str) -> None:
        report(Progress(stage="pairs", done=len(points), total=gap.points, message=doing))

    view = view_of(course, documents, passages, plan, index)
    lessons = lessons_of(
        view,
        documents,
        plan,
        cast,
        account,
        wanted=lambda: gap.points - len(points),
        told=told,
        level=gap.level,
        known=known,
    )
    for made in lessons:
        surplus = max(0, len(points) + len(made) - gap.points)
        points += made[: len(made) - surplus]
        account.made -= surplus
        account.refuse("surplus", "", n=surplus)
    if lessons.failure and not points and account.failed_calls == account.calls:
        raise WorkFailed(
            f"No question was made: {account.failed_calls} calls failed.",
            code="fill.failed",
            next="Test the teacher, then try again.",
            failed=account.failed_calls,
        )
    return account, points, lessons.ended


def _put(
    course: Course, used: CorpusRecord, name: str, new: Sequence[Pair], found: Filled, store: Store
) -> Filled:
    """Add the pairs under the exam's guard, with the counts of the corpus as it is then."""
    made = [found]

    def make(old: list[Pair]) -> tuple[list[Pair], CorpusRecord]:
        known = {pair.id: pair for pair in old}
        fresh = [pair for pair in new if pair.id not in known]
        whole = [*old, *fresh]
        gates = same_wording(fresh)
        gates |= held_back(marked(whole, gates), {pair.id for pair in fresh})
        after = marked(whole, gates)
        made[0] = found.model_copy(
            update={"pairs": len(fresh), "held_back": dict(Counter(gates.values()))}
        )
        changed = [pair for pair in after if pair.id not in known or pair.id in gates]
        return changed, used.model_copy(update={"result": used.result.counted(after)})

    if new and not store.extend_corpus(course.id, name, CORPUS, make, batch=f"{time.time():.6f}"):
        raise WorkFailed(
            "The corpus was made anew meanwhile, so nothing was added.",
            code="fill.anew",
            next="Fill the gap again; no call is paid twice.",
        )
    return made[0]


def section_called(documents: Sequence[Document], name: str) -> str:
    """The id of the section with this id or heading; a heading may be cut short.

    Raises:
        BadInput: no section is called so, or several are.
    """
    own = [section for document in documents for section in document.sections]
    exact = [s.id for s in own if name == s.id or name.casefold() == s.title.casefold()]
    found = exact or [s.id for s in own if s.title.casefold().startswith(name.casefold())]
    if len(found) == 1 and name:
        return found[0]
    raise BadInput(
        f"{len(found)} sections are called “{name}”.",
        code="fill.section",
        next="Give the section's heading, or its id, as the corpus file has it.",
        name=name,
        n=len(found),
    )
