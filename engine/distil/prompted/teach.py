"""The loop of the LLM teacher: calls for questions in waves, and each question through its passes.

A wave is as large as what is still wanted; its results decide what the next one asks. Outcomes are
taken in the order of the calls, whatever order they came in, so that a resumed run, whose answers
are cached, asks the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from engine.distil.prompted import check
from engine.distil.prompted.check import Verdict
from engine.distil.prompted.judge import judge_request, scores_of
from engine.distil.prompted.points import PromptedPoint
from engine.distil.prompted.repeats import Repeats
from engine.distil.prompted.values import Account, Proposal, Slot
from engine.distil.prompted.view import BookView
from engine.errors import TeacherError
from engine.language import table
from engine.llm import Answer, Chat, Request
from engine.prompts import AnswerPrompt
from engine.text import sentences

_FIRST, _MOST = 8, 64
"""Calls for questions in the first wave, and in any; each is twice the one before, so that pairs
are seen soon. A wave in which so many calls are made and all fail ends the run."""

Ended = Literal["planned", "exhausted", "failing"]
"""``planned``: as many pairs as wished; ``exhausted``: the sections hold no more; ``failing``: the
teacher does not answer."""


class Asking(Protocol):
    """Which calls ask for questions, and what is learned from what came of them."""

    each: int
    """Questions that one call asks for."""

    def wave(self, points: int, most: int) -> list[Slot]:
        """The next calls for so many points; none where all is exhausted."""
        ...

    def read(self, slot: Slot, answer: Answer) -> list[Proposal]:
        """The proposals of an answer, at most ``slot.n``."""
        ...

    def learn(self, slot: Slot, made: Sequence[Proposal]) -> None:
        """Take note of what a call brought, if only nothing."""
        ...


class Models(NamedTuple):
    """Who does what: one or two teachers ask, the first answers; others may check and judge."""

    teachers: tuple[Chat, ...]
    checker: Chat
    judge: Chat | None
    prompt: AnswerPrompt | None
    floor: float = 0.0


class Lessons:
    """One run of a recipe. Iterate over it for the points, wave by wave; then see ``ended``.

    Args:
        view: The books.
        recipe: Which calls to make.
        models: Who makes them.
        account: Is told of every question's end.
        wanted: How many more points are wanted.
        told: Called after each call with what is being done and in which section (its id).
        known: What was asked and answered before, which is not to be made again.
    """

    def __init__(
        self,
        view: BookView,
        recipe: Asking,
        models: Models,
        account: Account,
        wanted: Callable[[], int],
        told: Callable[[str, str], None],
        known: Sequence[Proposal] = (),
    ) -> None:
        self.view, self.recipe, self.models, self.account = view, recipe, models, account
        self.ended: Ended = "planned"
        self.failure: TeacherError | None = None
        self._wanted, self._told = wanted, told
        self._repeats = Repeats()
        self._repeats.know(known)
        self._language = view.course.language

    def __iter__(self) -> Iterator[list[PromptedPoint]]:
        most = _FIRST
        while (points := self._wanted()) > 0:
            slots = self.recipe.wave(self._allowing(points), most)
            most = min(2 * most, _MOST)
            if not slots:
                self.ended = "exhausted"
                return
            calls, failed = self.account.calls, self.account.failed_calls
            yield self._wave(slots)
            if self.account.failed_calls - failed == self.account.calls - calls >= _FIRST:
                self.ended = "failing"
                return

    def first(self, calls: int) -> list[PromptedPoint]:
        """The points of the first few calls that the run makes."""
        return self._wave(self.recipe.wave(calls * self.recipe.each, calls))

    def _allowing(self, points: int) -> int:
        """Points to ask for so that about so many are made, as it went so far."""
        share = (self.account.made + 4) / (self.account.asked + 5)
        return round(points / max(0.2, share)) or 1

    def _wave(self, slots: Sequence[Slot]) -> list[PromptedPoint]:
        asked = self._offered(slots)
        flat = [(i, c) for i, proposals in enumerate(asked) for c in proposals or ()]
        made = self._made([proposal for _, proposal in flat])
        for i, slot in enumerate(slots):
            own = [m for (j, _), m in zip(flat, made, strict=True) if j == i and m is not None]
            self.recipe.learn(slot, own)
        found = [proposal for proposal in made if proposal is not None]
        self.account.made += len(found)
        return [self._point(proposal) for proposal in found]

    # ------------------------------------------------------------------ the passes

    def _offered(self, slots: Sequence[Slot]) -> list[list[Proposal] | None]:
        """What each call offered; None where it failed."""
        found: list[list[Proposal] | None] = [None] * len(slots)
        for number, chat in enumerate(self.models.teachers):
            own = [i for i, slot in enumerate(slots) if slot.teacher == number]
            requests, sections = [slots[i].request for i in own], [slots[i].section for i in own]
            outcomes = self._ask(chat, requests, "questions", sections)
            for i, outcome in zip(own, outcomes, strict=True):
                found[i] = self._read(slots[i], outcome)
        return found

    def _read(self, slot: Slot, outcome: Answer | TeacherError) -> list[Proposal] | None:
        self.account.asked += slot.n
        if isinstance(outcome, TeacherError):
            self.account.failed += slot.n
            return None
        proposals = self.recipe.read(slot, outcome)
        self.account.refuse("not_found", slot.section, n=slot.n - len(proposals))
        return proposals

    def _made(self, proposals: Sequence[Proposal]) -> list[Proposal | None]:
        """Each proposal as it came through all passes; None where it was lost on the way."""
        alive: list[Proposal | None] = list(proposals)
        self._let(alive, self._first_look)
        self._check_questions(alive)
        self._answer(alive)
        self._check_answers(alive)
        self._let_once(alive)
        self._judge(alive)
        return alive

    def _let(self, alive: list[Proposal | None], look: Callable[[Proposal], Verdict]) -> None:
        """Look at each that is left; what a gate takes out is counted and set to None."""
        for i, proposal in enumerate(alive):
            if proposal is not None:
                alive[i] = self._settled(look(proposal))

    def _settled(self, verdict: Verdict) -> Proposal | None:
        proposal = verdict.proposal
        if verdict.gate is None:
            return proposal
        self.account.refuse(verdict.gate, proposal.section, proposal.questions, verdict.reason)
        return None

    def _first_look(self, proposal: Proposal) -> Verdict:
        if first := self._repeats.asked(proposal):
            return Verdict(proposal, "repeated", first)
        return check.offered(proposal)

    def _check_questions(self, alive: list[Proposal | None]) -> None:
        """Wordings by themselves; one that the book must not answer is held against all of it."""
        for i, proposal in enumerate(alive):
            if proposal is not None and proposal.kind == "unanswerable":
                near = self.view.nearest(proposal.questions[0])
                source = tuple({p.id: p for p in (*proposal.source, *near)}.values())
                alive[i] = proposal.model_copy(update={"source": source})
        self._pass(
            alive,
            lambda c: check.questions_request(c, self._language),
            lambda c, answer: check.read_questions(c, answer.data),
            "questions checked",
        )

    def _answer(self, alive: list[Proposal | None]) -> None:
        """The answer by the chosen prompt, and another one that knows nothing of it."""
        prompt, language = self.models.prompt, self._language
        self._pass(
            alive,
            lambda c: check.answer_request(c, language, prompt),
            lambda c, said: Verdict(c.model_copy(update={"answer": said.text.strip()})),
            "answers",
            chat=self.models.teachers[0],
            refusing=False,
        )
        self._pass(
            alive,
            lambda c: check.again_request(c, language),
            lambda c, said: Verdict(c.model_copy(update={"again": said.text.strip()})),
            "answers",
            refusing=False,
        )
        for i, proposal in enumerate(alive):
            if proposal is not None and proposal.kind == "unanswerable":
                alive[i] = self._refusing(proposal)

    def _check_answers(self, alive: list[Proposal | None]) -> None:
        self._pass(
            alive,
            lambda c: check.answer_check_request(c, self._language),
            lambda c, answer: check.read_answer_check(c, answer.data),
            "answers checked",
            refusing=False,
        )

    def _let_once(self, alive: list[Proposal | None]) -> None:
        """Take out what repeats an earlier question or answer."""
        left = [i for i, proposal in enumerate(alive) if proposal is not None]
        repeats = self._repeats.admit([c for c in alive if c is not None])
        for i, first in zip(left, repeats, strict=True):
            if first:
                proposal = alive[i]
                assert proposal is not None
                alive[i] = self._settled(Verdict(proposal, "repeated", first))

    def _judge(self, alive: list[Proposal | None]) -> None:
        """Scores for what is left; a judge that fails loses nothing, and a floor needs an audit."""
        judge, floor = self.models.judge, self.models.floor
        if judge is None:
            return
        left = [(i, c) for i, c in enumerate(alive) if c is not None and c.kind != "unanswerable"]
        requests = [judge_request(c, self._language) for _, c in left]
        outcomes = self._ask(judge, requests, "judged", [c.section for _, c in left])
        for (i, proposal), outcome in zip(left, outcomes, strict=True):
            if isinstance(outcome, Answer):
                scored = proposal.model_copy(update={"scores": scores_of(outcome.data)})
                low = scored.scores["overall"] < floor
                reason = outcome.data["shortcomings"].strip()
                alive[i] = self._settled(Verdict(scored, "judge" if low else None, reason))

    # ------------------------------------------------------------------ calls

    def _pass(
        self,
        alive: list[Proposal | None],
        request: Callable[[Proposal], Request],
        read: Callable[[Proposal, Answer], Verdict],
        doing: str,
        *,
        chat: Chat | None = None,
        refusing: bool = True,
    ) -> None:
        """One call for each proposal that is left; a failed call loses its proposal, counted.

        ``refusing`` says whether questions that the book does not answer take part.
        """
        left = [
            (i, proposal)
            for i, proposal in enumerate(alive)
            if proposal is not None and (refusing or proposal.kind != "unanswerable")
        ]
        requests = [request(proposal) for _, proposal in left]
        sections = [proposal.section for _, proposal in left]
        outcomes = self._ask(chat or self.models.checker, requests, doing, sections)
        for (i, proposal), outcome in zip(left, outcomes, strict=True):
            if isinstance(outcome, TeacherError):
                self.account.failed += 1
                alive[i] = None
            else:
                alive[i] = self._settled(read(proposal, outcome))

    def _ask(
        self, chat: Chat, requests: Sequence[Request], doing: str, sections: Sequence[str]
    ) -> list[Answer | TeacherError]:
        """All outcomes in the order of the requests."""
        found: dict[int, Answer | TeacherError] = {}
        for i, outcome in chat.ask(requests):
            found[i] = outcome
            self.account.calls += 1
            if isinstance(outcome, TeacherError):
                self.account.failed_calls, self.failure = self.account.failed_calls + 1, outcome
            self._told(doing, sections[i])
        return [found[i] for i in range(len(requests))]

    # ------------------------------------------------------------------ what is made

    def _refusing(self, proposal: Proposal) -> Proposal:
        """The answer to what the book does not answer: that, and the nearest that it says."""
        passage = proposal.source[0]
        own = proposal.quote if proposal.quote in passage.text else ""
        quote = own or sentences(passage.text, self._language)[0]
        title = self.view.title(passage.section)
        answer = table(self._language, "distil")["refusal"].format(title=title, quote=quote)
        return proposal.model_copy(update={"answer": answer, "cited": (quote,)})

    def _point(self, proposal: Proposal) -> PromptedPoint:
        return PromptedPoint(
            kind=proposal.kind,
            answer=proposal.answer,
            evidence=tuple(self.view.evidence(q, proposal.source) for q in proposal.cited),
            questions=proposal.questions[:-1],
            held_out=proposal.questions[-1:],
            level=proposal.level,
            turns=proposal.turns,
            scores=proposal.scores,
            teacher=self.models.teachers[proposal.teacher].model,
        )
