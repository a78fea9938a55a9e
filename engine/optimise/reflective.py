"""Recipe ``gepa``: reflective evolution on a Pareto pool (arXiv 2507.19457), by the library gepa.

A parent is drawn from the instructions that are best on some question (quality, shortness, or one
question's score), answers three questions, and is rewritten by the teacher from what the judge
found wanting; a child that beats its parent there is scored on all Pareto questions. The library
decides; we answer, judge, and write proposals by our own words, for its template asks to copy
"domain specific factual information" into the prompt, which would leak answers. A proposal that
copies a question or an answer is dropped, as in ``coursegpt``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.llm import Answer, Chat
from engine.optimise import words
from engine.optimise.coursegpt import TOP, better, usable
from engine.optimise.study import Study
from engine.optimise.values import Candidate, Trial
from engine.schema import Pair

if TYPE_CHECKING:
    from gepa import EvaluationBatch

MINIBATCH = 3
_TEXT = "instruction"
_PERFECT = 10.0


def search(study: Study, start: Candidate, answers: int, writer: Chat) -> list[Candidate]:
    """The best instructions found within ``answers`` answers, best first, at most five.

    A third of the questions that the budget reaches make the Pareto pool, the rest are drawn from
    for reflection.
    """
    import gepa

    questions = study.pools.search
    held = max(4, min(answers // 12, len(questions) // 2))
    adapter = _Adapter(study, writer, questions[:held])
    gepa.optimize(
        seed_candidate={_TEXT: start.prompt.style},
        trainset=list(questions[held:]),
        valset=list(questions[:held]),
        adapter=adapter,
        frontier_type="hybrid",
        reflection_minibatch_size=MINIBATCH,
        perfect_score=_PERFECT,
        max_metric_calls=answers,
        logger=_Silent(),
        seed=study.plan.seed,
    )
    ranked = sorted(adapter.pool, key=lambda c: -_mean(study, c, questions[:held]))
    return ranked[:TOP]


def _mean(study: Study, candidate: Candidate, pairs: Sequence[Pair]) -> float:
    trials = study.trials_of(candidate.id, pairs)
    return sum(trial.score for trial in trials) / len(trials) if trials else float("-inf")


class _Silent:
    """Standard output belongs to the command's result."""

    def log(self, message: str) -> None:
        pass


class _Adapter:
    """What the library asks of us (``gepa.GEPAAdapter``): evaluate, and propose."""

    def __init__(self, study: Study, writer: Chat, held: Sequence[Pair]) -> None:
        self.pool: list[Candidate] = []
        self._study, self._writer, self._held = study, writer, held
        self._proposals = 0

    def evaluate(
        self, batch: list[Pair], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Any, Any]:
        """Let an instruction answer; a round of the study where it is the whole Pareto pool."""
        from gepa import EvaluationBatch

        own = self._entered(candidate)
        if len(batch) == len(self._held):
            self.pool += [] if own in self.pool else [own]
            self._study.measure(self.pool, batch, "search")
        else:
            for _ in self._study.answer([own.prompt], batch):
                pass
        rows = [self._study.trials.get((own.id, pair.id)) for pair in batch]
        return EvaluationBatch(
            outputs=[row.answer if row else "" for row in rows],
            scores=[row.score if row else 0.0 for row in rows],
            trajectories=rows if capture_traces else None,
            objective_scores=[_objectives(row) for row in rows],
        )

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],
        eval_batch: EvaluationBatch[Any, Any],
        components_to_update: list[str],
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The trials behind a batch; ``propose_new_texts`` puts them into words."""
        return {_TEXT: [{"trial": row} for row in eval_batch.trajectories or () if row]}

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """One better instruction from the teacher; the parent again where it has none."""
        self._proposals += 1
        trials: list[Trial] = [row["trial"] for row in reflective_dataset[_TEXT]]
        request = better(self._study, candidate[_TEXT], trials, self._proposals)
        for _, outcome in self._writer.ask([request]):
            self._study.count_call(outcome, "proposals")
            if isinstance(outcome, Answer):
                text = outcome.data["prompt"]
                if usable(text, self._study.pools.free):
                    return {_TEXT: text}
        return dict(candidate)

    def _entered(self, candidate: dict[str, str]) -> Candidate:
        prompt = words.role_prompt(candidate[_TEXT], self._study.language)
        return self._study.add(Candidate(prompt=prompt, origin="reflection"))


def _objectives(row: Trial | None) -> dict[str, float]:
    if row is None:
        return {"quality": 0.0, "shortness": 0.0}
    return {"quality": row.quality, "shortness": -row.penalty}
