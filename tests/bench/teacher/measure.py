"""One run of a recipe against the scripted teacher, and what became of every planted fault."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from engine.corpus import held_back
from engine.course import taught_sections
from engine.distil.plan import DistilPlan, chosen_passages
from engine.distil.prompted import Cast, lessons_of, view_of
from engine.distil.prompted.points import PromptedPoint, taught_pairs
from engine.distil.prompted.reword import Rewording
from engine.distil.prompted.values import Account, Gate
from engine.gates import grounded, holds_quote, leans_back
from engine.judge import interval
from engine.llm.scripted import Scripted
from engine.schema import Course, Document, Passage
from engine.search import Index
from tests.bench.teacher.scripted import FAULTS, ScriptedTeacher, Written

OLD_GROUNDED = 0.6
"""Share of an answer's words that the gate of old wanted in the passage."""


class End(NamedTuple):
    """A question's end: its gate (empty: made), and what the writer knew of it."""

    gate: str
    note: Written


class Notebook(Account):
    """The account, which also remembers the end of every question."""

    def __init__(self, teachers: Sequence[ScriptedTeacher]) -> None:
        super().__init__()
        self.teachers = teachers
        self.ends: list[End] = []

    def refuse(
        self, gate: Gate, section: str, questions: Sequence[str] = (), reason: str = "", n: int = 1
    ) -> None:
        """Count, and remember."""
        super().refuse(gate, section, questions, reason, n)
        if questions:
            self.ends.append(End(gate, self._note(questions)))

    def _note(self, questions: Sequence[str]) -> Written:
        for teacher in self.teachers:
            try:
                return teacher.note(questions)
            except StopIteration:
                continue
        raise AssertionError(f"nobody asked {questions}")

    def keep(self, points: Sequence[PromptedPoint]) -> None:
        """Remember what was made."""
        self.ends += [End("", self._note((*p.questions, *p.held_out))) for p in points]


class Run(NamedTuple):
    """What a run made and how it ended."""

    notebook: Notebook
    points: list[PromptedPoint]
    ended: str


def run(
    course: Course,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    plan: DistilPlan,
    *,
    share: float,
    teachers: int = 1,
    index: Callable[[], Index] | None = None,
) -> Run:
    """A whole run of the plan; nothing is stored."""
    scripts = [ScriptedTeacher(course.language, share, seed=i) for i in range(teachers)]
    for script in scripts:
        script.peers = tuple(scripts)
    book, points = Notebook(scripts), list[PromptedPoint]()
    chats = tuple(Scripted(script, f"scripted-{i}") for i, script in enumerate(scripts))
    lessons = lessons_of(
        view_of(course, documents, passages, plan, index),
        documents,
        plan,
        Cast(teachers=chats, judge=Scripted(ScriptedTeacher(course.language), "judge")),
        book,
        wanted=lambda: math.ceil(plan.points - len(points)),
    )
    for made in lessons:
        points += made
        book.keep(made)
    return Run(book, points, lessons.ended)


def some_sections(documents: Sequence[Document], n: int) -> tuple[str, ...]:
    """So many taught sections, spread over the books, the longest of their neighbours."""
    own = taught_sections(documents)
    cuts = [round(i * len(own) / n) for i in range(n + 1)]
    groups = [own[low:high] for low, high in pairwise(cuts) if high > low]
    return tuple(max(group, key=lambda s: len(s.text)).id for group in groups)


def figures(found: Run, language: str) -> dict[str, Any]:
    """Recall by kind of fault, false alarms by gate, beside the gate of old, with n and intervals."""
    ends = found.notebook.ends
    both = _asked_by_both(ends)
    clean = [end for i, end in enumerate(ends) if end.note.fault is None and i not in both]
    rows = {
        fault: {
            "ours": _share([bool(e.gate) for e in ends if e.note.fault == fault]),
            "word overlap": _share(
                [_old_refuses(e.note, language) for e in ends if e.note.fault == fault]
            ),
            "gates": dict(Counter(e.gate or "made" for e in ends if e.note.fault == fault)),
        }
        for fault in FAULTS
    }
    rows["both"] = {
        "ours": _share([bool(ends[i].gate) for i in both]),
        "word overlap": _share([_old_refuses(ends[i].note, language) for i in both]),
        "gates": dict(Counter(ends[i].gate or "made" for i in both)),
    }
    book = found.notebook
    return {
        "recall": rows,
        "false alarms": {
            "ours": _share([bool(end.gate) for end in clean]),
            "word overlap": _share([_old_refuses(end.note, language) for end in clean]),
            "gates": dict(Counter(end.gate for end in clean if end.gate)),
        },
        "account": {
            "asked": book.asked,
            "made": book.made,
            "failed": book.failed,
            "refused": dict(book.refused),
            "closes": book.asked == book.made + book.failed + sum(book.refused.values()),
            "calls": book.calls,
        },
        "ended": found.ended,
    }


def reworded(
    found: Run, course: Course, documents: Sequence[Document], passages: Sequence[Passage], n: int
) -> dict[str, Any]:
    """What becomes of ``n`` rewordings of what a run made, faulty ones by fault."""
    plan = DistilPlan(teacher="endpoint")
    pairs = [p for point in found.points for p in taught_pairs(point, course.language, plan.split)]
    script = found.notebook.teachers[0]
    chat = Scripted(script, "scripted")
    own = chosen_passages(documents, passages, plan)
    run = Rewording(pairs, own, course.language, teacher=chat, checker=chat, wanted=n)
    made = {pair.question for pair in run.run()}
    told = run.told()
    rows = {
        fault or "false alarms": _share([(q in made) == (fault is None) for q in questions])
        for fault, questions in _by_fault(script.reworded).items()
    }
    if "false alarms" in rows:
        alarms = [q not in made for q, fault in script.reworded.items() if fault is None]
        rows["false alarms"] = _share(alarms)
    lost = {p.id for p in pairs if p.split != "exam"} & set(held_back([*pairs, *run.made]))
    before = {p.id for p in pairs if p.split != "exam"} & set(held_back(pairs))
    return {
        "faults": rows,
        "account": told.model_dump(exclude={"examples", "lookup"}),
        "closes": told.asked == told.made + told.lost + sum(told.removed.values()),
        "lookup": told.lookup.model_dump() if told.lookup else None,
        "taught pairs lost to it": len(lost - before),
    }


def _by_fault(planted: Mapping[str, str | None]) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for question, fault in planted.items():
        found.setdefault(fault, []).append(question)
    return found


def _asked_by_both(ends: Sequence[End]) -> set[int]:
    """Places of sound questions that another teacher had asked already, and that was made.

    Two teachers who read one paragraph ask the same of it: that is a repeat, though nobody planted
    it, and has to go. One that goes for another reason is a false alarm all the same.
    """
    kept = {end.note.sentence for end in ends if not end.gate}
    found, seen = set(), set()
    for i, end in sorted(enumerate(ends), key=lambda row: bool(row[1].gate)):
        sentence = end.note.sentence
        again = sentence in kept if end.gate == "repeated" else not end.gate and sentence in seen
        if end.note.fault is None and again:
            found.add(i)
        seen.add(sentence)
    return found


def _share(values: Sequence[bool]) -> dict[str, float]:
    return interval([float(value) for value in values]).model_dump()


def _old_refuses(note: Written, language: str) -> bool:
    """The gates before this room was rebuilt: leaning wordings, quote, and share of words."""
    standing = [q for q in note.questions if not leans_back(q, language)]
    if len(standing) < 2 or not holds_quote(note.quote, note.passage):
        return True
    return grounded(note.answer, note.passage) < OLD_GROUNDED
