"""What a prompt search is told and what it finds, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from engine.errors import Missing
from engine.judge import interval
from engine.prompts import AnswerPrompt
from engine.schema import Figure, PartName, Value

Method = Literal["recombine", "coursegpt", "gepa"]
Origin = Literal["start", "role", "fragments", "composed", "reflection", "resample"]
Pool = Literal["search", "validation"]


class OptimisePlan(Value):
    """The designer's choices for a prompt search.

    ``budget`` counts the answers of search and validation together; the final report on the exam
    comes on top, with at most ``exam`` questions a part. ``model`` is who answers; ``alpha`` the
    weight of the length penalty (CourseGPT-zh, Eq. 1: 0.5).
    """

    method: Method = "recombine"
    budget: int = Field(default=600, ge=40, le=50_000)
    model: Literal["embedded", "endpoint"] = "embedded"
    alpha: float = Field(default=0.5, ge=0, le=5)
    exam: int = Field(default=100, ge=10, le=1000)
    seed: int = 0


class Candidate(Value):
    """A prompt of the search, how it came about, and from which others."""

    prompt: AnswerPrompt
    origin: Origin
    parents: tuple[str, ...] = ()
    parts: dict[str, str] = {}

    @property
    def id(self) -> str:
        """The prompt's id."""
        return self.prompt.id


class Trial(Value):
    """One answer by one prompt: quality in [0, 10], length over the reference's, Eq. 1's score."""

    pair: str
    answer: str
    quality: float
    length: float
    score: float
    note: str = ""

    @property
    def penalty(self) -> float:
        """Points lost to length."""
        return self.quality - self.score


class Standing(Value):
    """A prompt's figures over the questions it has answered so far."""

    prompt: str
    n: int
    score: Figure
    quality: Figure
    length: Figure
    penalty: Figure


class Round(Value):
    """One comparison: which prompts stood how, after how many questions of which pool."""

    number: int
    pool: Pool
    questions: int
    standings: tuple[Standing, ...]


class Sample(Value):
    """A question with the book's answer and a prompt's answer, for people to read."""

    question: str
    reference: str
    answer: str
    score: float


class Examined(Value):
    """Start against chosen prompt on one part of the exam, on the same questions."""

    part: PartName
    before: Standing
    after: Standing
    gains: dict[str, Figure]


class Calls(Value):
    """What the search asked for: distinct calls, of which ``saved`` came from the cache this time.

    ``failed`` calls brought no usable answer.
    """

    answers: int = 0
    judgings: int = 0
    proposals: int = 0
    saved: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Optimised(Value):
    """A prompt search as it stands; ``done`` once the report on the exam is made.

    ``frontier`` names the prompts that no other beats in both quality and length (on validation
    questions once there are any); ``best`` has the highest validation score.
    """

    plan: OptimisePlan
    model: str
    judge: str
    candidates: tuple[Candidate, ...] = ()
    rounds: tuple[Round, ...] = ()
    start: str
    best: str = ""
    frontier: tuple[str, ...] = ()
    samples: dict[str, tuple[Sample, ...]] = {}
    exam: tuple[Examined, ...] = ()
    pools: dict[PartName, int] = {}
    calls: Calls = Calls()
    seconds: float = 0.0
    done: bool = False

    @property
    def compared(self) -> tuple[Standing, ...]:
        """The newest comparison that has figures (a round has none until its first answers)."""
        return next((own.standings for own in reversed(self.rounds) if own.standings), ())

    def candidate(self, prompt: str) -> Candidate:
        """The candidate with this id.

        Raises:
            Missing: there is none.
        """
        for candidate in self.candidates:
            if candidate.id == prompt:
                return candidate
        raise Missing(
            f"This search has no prompt “{prompt}”.",
            code="optimise.no_prompt",
            next="Choose one of those that it tried.",
            prompt=prompt,
        )


class SearchSummary(Value):
    """What a search found, in short: figures by part of the exam, the prompt, calls, minutes."""

    method: Method
    model: str
    judge: str
    prompts: int
    start: str
    best: str
    prompt: AnswerPrompt
    frontier: tuple[str, ...]
    exam: tuple[Examined, ...]
    questions: dict[PartName, int]
    calls: Calls
    minutes: float


def summary(found: Optimised) -> SearchSummary:
    """A finished search in short."""
    return SearchSummary(
        method=found.plan.method,
        model=found.model,
        judge=found.judge,
        prompts=len(found.candidates),
        start=found.start,
        best=found.best,
        prompt=found.candidate(found.best).prompt,
        frontier=found.frontier,
        exam=found.exam,
        questions=found.pools,
        calls=found.calls,
        minutes=found.seconds / 60,
    )


def standing(prompt: str, trials: Sequence[Trial]) -> Standing:
    """The figures of a prompt's trials, with intervals."""
    columns = {
        name: interval([getattr(trial, name) for trial in trials])
        for name in ("score", "quality", "length", "penalty")
    }
    return Standing(prompt=prompt, n=len(trials), **columns)
