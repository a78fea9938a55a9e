"""Our recipe: a grid of sections, kinds and Bloom levels, filled where it has gaps.

Each call shows one passage with its outline, and asks for the cells of which the corpus has least.
After EntiGraph (arXiv 2409.07431) some calls show a passage of a related section beside it; after
Active Reading (arXiv 2508.09494) the teacher names ways of studying that suit the passage, and the
next calls of that section apply them (the paper spends a call on naming them; we ask for the names
with the questions). Every section is asked before any is asked twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

from engine.distil.plan import DistilPlan
from engine.distil.prompted.values import Proposal, Slot
from engine.distil.prompted.view import BookView
from engine.language import table
from engine.llm import Answer, Request, user
from engine.schema import Exchange, Level, PairKind, Passage

Cell = tuple[PairKind, Level]
LEVELS: dict[PairKind, tuple[Level, ...]] = {
    "definition": ("remember", "understand"),
    "cause": ("understand", "analyse"),
    "comparison": ("analyse", "evaluate"),
    "procedure": ("understand", "apply"),
    "enumeration": ("remember",),
    "fact": ("remember", "apply"),
    "summary": ("understand",),
    "misconception": ("understand", "evaluate"),
    "numeric": ("apply",),
    "dialogue": ("understand", "apply"),
    "unanswerable": ("understand",),
}
"""The levels at which a kind can be asked."""
_SHARE: dict[PairKind, float] = {
    "unanswerable": 0.6,
    "numeric": 0.6,
    "dialogue": 0.7,
    "summary": 0.5,
}
"""How often a kind is wanted beside the others (1)."""
_PAIRED = 8
"""Every so many calls, one shows a passage of a related section beside its own."""
_DRY = 2
"""Calls without anything new after which a section is taken to be exhausted."""
_STRING = {"type": "string"}
_TURN = {
    "type": "object",
    "properties": {"question": _STRING, "answer": _STRING},
    "required": ["question", "answer"],
    "additionalProperties": False,
}


def ask_schema(kinds: Sequence[str], level: Level | Literal[""] = "") -> dict[str, Any]:
    """The shape of an answer to ``ask``; with a level, for questions of that level alone."""
    properties: dict[str, Any] = {
        "kind": {"type": "string", "enum": list(kinds)},
        "level": {"type": "string", "enum": [level] if level else list(get_args(Level))},
        "quote": _STRING,
        "questions": {"type": "array", "items": _STRING},
        "wrong": _STRING,
        "expression": _STRING,
        "turns": {"type": "array", "items": _TURN},
    }
    item = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "points": {"type": "array", "items": item},
            "strategies": {"type": "array", "items": _STRING},
        },
        "required": ["points", "strategies"],
        "additionalProperties": False,
    }


class Grid:
    """The recipe as a source of calls: ``wave``, ``read`` and ``learn`` (see ``teach.Asking``).

    Args:
        view: The books.
        plan: The designer's choices.
        each: Points that one call asks for.
        teachers: How many models take turns.
        level: The one level to ask for; empty: those that suit each kind.
        asked: Section id to questions that were asked in it before this run.
    """

    def __init__(
        self,
        view: BookView,
        plan: DistilPlan,
        each: int,
        teachers: int = 1,
        *,
        level: Level | Literal[""] = "",
        asked: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.view, self.plan, self.each, self.teachers = view, plan, each, teachers
        self._level, self._asked = level, asked or {}
        self._texts = table(view.course.language, "distil")
        self._calls: Counter[str] = Counter()
        self._dry: Counter[str] = Counter()
        self._planned: Counter[Cell] = Counter()
        self._made: Counter[Cell] = Counter()
        self._own: dict[str, list[Proposal]] = {}
        self._strategies: dict[str, list[str]] = {}
        self._order = {section: i for i, section in enumerate(view.spread)}

    def wave(self, points: int, most: int) -> list[Slot]:
        """The next calls for so many points, at most ``most``; none where all is exhausted."""
        open_sections = [s for s in self.view.spread if self._dry[s] < _DRY and self._next(s)]
        if not open_sections:
            return []
        round_ = min(self._calls[section] for section in open_sections)
        due = [section for section in open_sections if self._calls[section] == round_]
        if round_:  # the first round is planned blindly, so that a retried call finds its own again
            self._planned = self._made.copy()
        return [self._slot(s) for s in due[: min(most, max(1, -(-points // self.each)))]]

    def _slot(self, section: str) -> Slot:
        passage = self._next(section)
        assert passage is not None, "a section without one is not open"
        number = self._order[section] + self._calls[section]
        partner = self._partner(section) if number % _PAIRED == _PAIRED - 1 else None
        cells = self._wanted(section, passage)
        passages = (passage, partner) if partner else (passage,)
        request = self._request(section, passages, cells)
        self._calls[section] += 1
        return Slot(
            section=section,
            request=request,
            passages=passages,
            cells=tuple(cells),
            n=len(cells),
            teacher=number % self.teachers,
        )

    def _next(self, section: str) -> Passage | None:
        """The passage that is due, or the next one of which a kind of the plan can be asked."""
        own, turn = self.view.chosen[section], self._calls[section]
        due = (own[(turn + i) % len(own)] for i in range(len(own)))
        return next((passage for passage in due if self._kinds(section, passage)), None)

    def _kinds(self, section: str, passage: Passage) -> list[PairKind]:
        return [k for k in self.plan.kinds if k in LEVELS and _fits(k, passage, self, section)]

    def _partner(self, section: str) -> Passage | None:
        """A related section's passage; never one of the exam's beside one that is trained on."""
        side = self.plan.split.is_transfer
        among = [s for s in self.view.chosen if side(s) == side(section)]
        return self.view.partner(section, among)

    def _wanted(self, section: str, passage: Passage) -> list[Cell]:
        """The cells with the widest gaps, each kind once, first those the section has not."""
        have = Counter(c.kind for c in self._own.get(section, ()))
        cells = [
            (kind, level)
            for kind in self._kinds(section, passage)
            for level in ([self._level] if self._level else LEVELS[kind])
        ]
        order = {cell: i for i, cell in enumerate(cells)}
        found: list[Cell] = []
        for _ in range(self.each):
            free = [c for c in cells if c[0] not in {kind for kind, _ in found}] or cells
            if not free:
                break
            best = min(free, key=lambda c: (have[c[0]], self._filled(c), order[c]))
            found.append(best)
            self._planned[best] += 1
        return found

    def _filled(self, cell: Cell) -> float:
        """How full a cell is, for its share: kinds first, then levels within a kind."""
        kind = cell[0]
        of_kind = sum(n for (other, _), n in self._planned.items() if other == kind)
        return of_kind / _SHARE.get(kind, 1.0) + 0.01 * self._planned[cell]

    def _request(self, section: str, passages: Sequence[Passage], cells: Sequence[Cell]) -> Request:
        texts = self._texts
        wanted = "\n".join(
            texts["line"].format(
                number=i, kind=kind, level=texts["levels"][level], how=texts["how"][kind]
            )
            for i, (kind, level) in enumerate(cells, 1)
        )
        own = [c.questions[0] for c in self._own.get(section, ())]
        asked = [*self._asked.get(section, ()), *own]
        question = texts["ask"].format(
            outline=self.view.outline(section),
            passage="\n\n".join(p.text for p in passages),
            wanted=wanted,
            kinds=", ".join(self.plan.kinds),
            asked=texts["asked"].format(questions="\n".join(asked)) if asked else "",
            strategy=self._hint(section, passages),
            extra=texts["extra"].format(wish=self.plan.prompt) if self.plan.prompt else "",
        )
        return Request(
            messages=user(question.strip(), texts["system"].strip()),
            answer_schema=ask_schema(self.plan.kinds, self._level),
            max_tokens=500 + 400 * len(cells),
            temperature=0.3,
            seed=self._calls[section],
            purpose="distil",
        )

    def _hint(self, section: str, passages: Sequence[Passage]) -> str:
        """The related section, or the next way of studying; empty in a section's first call."""
        if len(passages) > 1:
            return str(self._texts["pair"].format(title=passages[1].title))
        ways = self._strategies.get(section)
        return str(self._texts["strategy"].format(strategy=ways.pop(0))) if ways else ""

    def read(self, slot: Slot, answer: Answer) -> list[Proposal]:
        """The proposals of an answer, at most as many as were asked for."""
        known = self._strategies.setdefault(slot.section, [])
        known += [way.strip() for way in answer.data["strategies"][:3] if way.strip()]
        return [_candidate(row, slot) for row in answer.data["points"][: slot.n]]

    def learn(self, slot: Slot, made: Sequence[Proposal]) -> None:
        """Note what came of a call: which cells are filled, and whether the section has more."""
        self._made.update((c.kind, c.level) for c in made)
        self._own.setdefault(slot.section, []).extend(made)
        self._dry[slot.section] = 0 if made else self._dry[slot.section] + 1


def _fits(kind: PairKind, passage: Passage, grid: Grid, section: str) -> bool:
    """Whether a kind can be asked of a passage: computing needs numbers, the exam no refusals."""
    if kind == "numeric":
        return sum(character.isdigit() for character in passage.text) >= 2
    in_exam = grid.plan.split.is_transfer(section)
    return not (in_exam and kind in ("unanswerable", "dialogue"))


def _candidate(row: dict[str, Any], slot: Slot) -> Proposal:
    turns = [
        Exchange(question=turn["question"].strip(), answer=turn["answer"].strip())
        for turn in row["turns"]
        if turn["question"].strip() and turn["answer"].strip()
    ]
    kind = cast(PairKind, row["kind"])
    return Proposal(
        kind=kind,
        level=row["level"],
        questions=tuple(dict.fromkeys(q.strip() for q in row["questions"] if q.strip()))[:4],
        source=slot.passages,
        quote=row["quote"].strip(),
        wrong=row["wrong"].strip() if kind == "misconception" else "",
        expression=row["expression"].strip() if kind == "numeric" else "",
        turns=tuple(turns) if kind == "dialogue" else (),
        teacher=slot.teacher,
        section=slot.section,
    )
