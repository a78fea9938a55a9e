"""CourseGPT-zh's recipe by name (arXiv 2405.04781, section 3.1).

A: each paragraph is shown with 6 questions of a pool of 50 seeds and 2 questions generated before,
and asked for questions that are interpretive, weigh pros and cons, or compare; more of them than a
short paragraph holds. B: two rounds of sampling without a paragraph, with questions of the round
before as content and 3 seeds as style. Two teachers, if there are two, answer each call; what they
say is merged and deduplicated (by embedding; the paper does not say how).

We depart in what the paper leaves open or what our exam needs: a second wording of each question is
asked for, to be held out; a sampled question is answered from the passages that a search finds for
it, not without any (the checks need a source); and of the questions half come from A, as in the
paper, and more where sampling finds nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.distil.plan import BOOK_KINDS, DistilPlan
from engine.distil.prompted.values import Proposal, Slot
from engine.distil.prompted.view import BookView
from engine.language import table
from engine.llm import Answer, Request, user
from engine.schema import Passage, content_id

SEEDS, GENERATED, STYLE = 6, 2, 3
_CONTENT = 8
"""Questions of the round before that a sampling call shows."""
_EACH, _ROUNDS = 5, 2
"""Questions a call, and rounds of sampling."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": list(BOOK_KINDS)},
                    "question": {"type": "string"},
                    "again": {"type": "string"},
                },
                "required": ["kind", "question", "again"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["questions"],
    "additionalProperties": False,
}


class CourseGPT:
    """The recipe as a source of calls: ``wave``, ``read`` and ``learn`` (see ``teach.Asking``).

    Args:
        view: The books.
        plan: The designer's choices.
        seeds: The pool of example questions.
        teachers: How many models are asked, 1 or 2.
    """

    def __init__(
        self, view: BookView, plan: DistilPlan, seeds: Sequence[str], teachers: int = 1
    ) -> None:
        self.view, self.plan, self.seeds, self.teachers = view, plan, tuple(seeds), teachers
        self.each = _EACH
        self._texts = table(view.course.language, "distil")
        self._queue = self._paragraphs()
        self._made: list[Proposal] = []
        self._content: list[str] = []
        self._round, self._left, self._new = 0, 0, 0

    def _paragraphs(self) -> list[Passage]:
        """All passages, in rounds over the evenly spread sections."""
        longest = max((len(own) for own in self.view.chosen.values()), default=0)
        return [
            self.view.chosen[section][turn]
            for turn in range(longest)
            for section in self.view.spread
            if turn < len(self.view.chosen[section])
        ]

    def wave(self, points: int, most: int) -> list[Slot]:
        """The next calls for so many points, at most ``most``; none where all is exhausted."""
        calls = min(most, max(1, -(-points // (_EACH * self.teachers))))
        if not self._sampling():
            batch, self._queue = self._queue[:calls], self._queue[calls:]
            return [slot for passage in batch for slot in self._asked(self._of(passage), passage)]
        calls = min(calls, self._left)
        self._left -= calls
        return [slot for i in range(calls) for slot in self._asked(self._sample(i))]

    def _sampling(self) -> bool:
        """Whether the next calls sample: half of the plan is made, or the book is read."""
        if self._left:
            return True
        half = len(self._made) >= self.plan.points / 2
        if not self._made or self._round == _ROUNDS or not (half or not self._queue):
            return False
        self._content = [c.questions[0] for c in self._made[-self._new or None :]]
        self._left = max(1, round(self.plan.points / 4 / _EACH / self.teachers))
        self._round, self._new = self._round + 1, 0
        return True

    def _asked(self, request: Request, passage: Passage | None = None) -> list[Slot]:
        """The call, once for each teacher."""
        shown = (passage,) if passage else ()
        section = passage.section if passage else ""
        return [
            Slot(section=section, request=request, passages=shown, n=_EACH, teacher=i)
            for i in range(self.teachers)
        ]

    def _of(self, passage: Passage) -> Request:
        made = [proposal.questions[0] for proposal in self._made]
        shown = self._drawn(self.seeds, SEEDS, passage.id) + self._drawn(
            made, GENERATED, passage.id
        )
        return self._request(
            "seeded",
            outline=self.view.outline(passage.section),
            passage=passage.text,
            examples="\n".join(shown),
        )

    def _sample(self, number: int) -> Request:
        draw = (self._round, self._left, number)
        return self._request(
            "sample",
            course=self.view.course.title,
            content="\n".join(self._drawn(self._content, _CONTENT, *draw)),
            examples="\n".join(self._drawn(self.seeds, STYLE, *draw)),
        )

    def _drawn(self, items: Sequence[str], n: int, *draw: object) -> list[str]:
        """Some of the items, at random, the same for the same draw."""
        seed = self.plan.split.seed
        return sorted(items, key=lambda item: content_id(seed, *draw, item))[:n]

    def _request(self, name: str, **values: str) -> Request:
        texts, wish = self._texts, self.plan.prompt
        extra = texts["extra"].format(wish=wish) if wish else ""
        question = texts[name].format(n=_EACH, extra=extra, **values)
        return Request(
            messages=user(question.strip(), texts["system"].strip()),
            answer_schema=SCHEMA,
            max_tokens=200 + 120 * _EACH,
            temperature=0.7,
            purpose="distil",
        )

    def read(self, slot: Slot, answer: Answer) -> list[Proposal]:
        """The proposals of an answer; a sampled question gets the passages that are nearest."""
        return [self._candidate(row, slot) for row in answer.data["questions"][: slot.n]]

    def _candidate(self, row: dict[str, Any], slot: Slot) -> Proposal:
        asked = (row["question"].strip(), row["again"].strip())
        source = slot.passages or self._found(asked[0])
        return Proposal(
            kind=row["kind"],
            questions=tuple(q for q in dict.fromkeys(asked) if q),
            source=source,
            teacher=slot.teacher,
            section=source[0].section if source else slot.section,
        )

    def _found(self, question: str) -> tuple[Passage, ...]:
        """Passages for a sampled question, all of the exam's sections or none of them."""
        hits = self.view.taught(question)
        side = self.plan.split.is_transfer
        return tuple(p for p in hits if side(p.section) == side(hits[0].section))

    def learn(self, slot: Slot, made: Sequence[Proposal]) -> None:
        """Take over what passed: examples for the calls that come."""
        self._made += made
        self._new += len(made)
