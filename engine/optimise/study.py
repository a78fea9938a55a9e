"""The state of one search: prompts tried, answers graded, rounds compared; saved as it grows.

Nothing here decides anything. The answers lie in the ledger, so a search that was killed walks the
same way again without paying, and its snapshot overtakes the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from engine.errors import TeacherError
from engine.llm import Answer, Chat, Request
from engine.optimise.frontier import frontier
from engine.optimise.grading import AnsweredPair, Grader, eq1, length_ratio
from engine.optimise.pools import QuestionPools
from engine.optimise.values import (
    Calls,
    Candidate,
    Optimised,
    OptimisePlan,
    Pool,
    Round,
    Standing,
    Trial,
    standing,
)
from engine.progress import Report
from engine.prompts import AnswerPrompt
from engine.schema import Language, Pair, Progress
from engine.tutor import ANSWER_TOKENS

_BATCH = 48
"""Answers graded at a time, and between two snapshots."""

Retrieve = Callable[[str], tuple[str, ...]]
"""The texts of the passages that the tutor would find for a question."""


class Study:
    """What the proposers work with: ``add`` a prompt, ``measure`` prompts on questions."""

    def __init__(
        self,
        plan: OptimisePlan,
        language: Language,
        pools: QuestionPools,
        *,
        chat: Chat,
        grade: Grader,
        judge: str,
        retrieve: Retrieve,
        save: Callable[[Optimised], None],
        report: Report,
    ) -> None:
        self.plan, self.language, self.pools = plan, language, pools
        self.candidates: dict[str, Candidate] = {}
        self.rounds: list[Round] = []
        self.calls = Calls()
        self.trials: dict[tuple[str, str], Trial] = {}
        self._chat, self.grade, self._judge = chat, grade, judge
        self._retrieve, self._save, self._report = retrieve, save, report
        self._passages: dict[str, tuple[str, ...]] = {}
        self._done = 0
        self._total = plan.budget
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the search began in this process."""
        return time.monotonic() - self._started

    def expect(self, more: int) -> None:
        """Announce answers on top of the budget, for the progress bar."""
        self._total += more

    def add(self, candidate: Candidate) -> Candidate:
        """Enter a prompt; one with the same words counts as the one that came first."""
        return self.candidates.setdefault(candidate.id, candidate)

    def count_call(self, outcome: Answer | TeacherError, kind: str = "judgings") -> None:
        """Book one call of a kind: answers, judgings or proposals."""
        changes = {kind: getattr(self.calls, kind) + 1}
        if isinstance(outcome, Answer):
            changes["saved"] = self.calls.saved + outcome.cached
            changes["prompt_tokens"] = self.calls.prompt_tokens + outcome.prompt_tokens
            changes["completion_tokens"] = self.calls.completion_tokens + outcome.completion_tokens
        else:
            changes["failed"] = self.calls.failed + 1
        self.calls = self.calls.model_copy(update=changes)

    def measure(
        self, candidates: Sequence[Candidate], pairs: Sequence[Pair], pool: Pool
    ) -> list[Standing]:
        """Let all candidates answer all the questions; a new round, best score first.

        Answers that were given before count again and are not asked for again.
        """
        number = len(self.rounds) + 1
        self.rounds.append(Round(number=number, pool=pool, questions=len(pairs), standings=()))
        self._save(self.snapshot())
        for _ in self.answer([c.prompt for c in candidates], pairs):
            self.rounds[-1] = self._round(candidates, pairs, pool, number)
            self._save(self.snapshot())
        self.rounds[-1] = self._round(candidates, pairs, pool, number)
        self._save(self.snapshot())
        return list(self.rounds[-1].standings)

    def answer(self, prompts: Sequence[AnswerPrompt], pairs: Sequence[Pair]) -> Iterator[None]:
        """Fill in the missing trials; yields after every batch of graded answers."""
        todo = [
            (prompt, pair)
            for pair in pairs
            for prompt in prompts
            if (prompt.id, pair.id) not in self.trials
        ]
        outcomes = self._chat.ask(self._request(prompt, pair) for prompt, pair in todo)
        while batch := list(islice(outcomes, _BATCH)):
            rows: list[tuple[AnswerPrompt, AnsweredPair]] = []
            for i, outcome in batch:
                self.count_call(outcome, "answers")
                if isinstance(outcome, Answer):
                    prompt, pair = todo[i]
                    text = outcome.text.strip()
                    given = AnsweredPair(pair=pair, answer=text, passages=self._found(pair))
                    rows.append((prompt, given))
            self._enter(rows)
            self._done += len(batch)
            self._tell()
            yield

    def _request(self, prompt: AnswerPrompt, pair: Pair) -> Request:
        return Request(
            messages=prompt.messages(pair.question, self._found(pair)),
            max_tokens=ANSWER_TOKENS,
            may_be_cut=True,
            purpose="optimise",
        )

    def _found(self, pair: Pair) -> tuple[str, ...]:
        if pair.id not in self._passages:
            self._passages[pair.id] = self._retrieve(pair.question)
        return self._passages[pair.id]

    def _enter(self, rows: Sequence[tuple[AnswerPrompt, AnsweredPair]]) -> None:
        grades = self.grade([given for _, given in rows])
        for (prompt, given), grade in zip(rows, grades, strict=True):
            if grade is None:
                continue
            length = length_ratio(given.answer, given.pair.answer)
            self.trials[prompt.id, given.pair.id] = Trial(
                pair=given.pair.id,
                answer=given.answer,
                quality=grade.quality,
                length=length,
                score=eq1(grade.quality, length, self.plan.alpha),
                note=grade.note,
            )

    def _tell(self) -> None:
        number = len(self.rounds)
        message = f"Round {number}, {len(self.candidates)} prompts" if number else ""
        total = max(self._total, self._done)
        self._report(Progress(stage="optimise", done=self._done, total=total, message=message))

    def finish(self) -> None:
        """Fill the progress bar: a search may need fewer answers than its budget."""
        self._total = self._done
        self._tell()

    def trials_of(self, prompt: str, pairs: Iterable[Pair]) -> list[Trial]:
        """A prompt's trials on those of the questions that it has answered."""
        found = (self.trials.get((prompt, pair.id)) for pair in pairs)
        return [trial for trial in found if trial is not None]

    def _round(
        self, candidates: Sequence[Candidate], pairs: Sequence[Pair], pool: Pool, number: int
    ) -> Round:
        tried = [(c.id, self.trials_of(c.id, pairs)) for c in candidates]
        rows = [standing(prompt, trials) for prompt, trials in tried if trials]
        rows.sort(key=lambda row: (-row.score.value, row.prompt))
        return Round(number=number, pool=pool, questions=len(pairs), standings=tuple(rows))

    def snapshot(self) -> Optimised:
        """The search as it stands."""
        found = Optimised(
            plan=self.plan,
            model=self._chat.model,
            judge=self._judge,
            candidates=tuple(self.candidates.values()),
            rounds=tuple(self.rounds),
            start=next(iter(self.candidates)),
            pools=self.pools.sizes,
            calls=self.calls,
            seconds=self.seconds,
        )
        return found.model_copy(update={"frontier": tuple(frontier(found.compared))})
