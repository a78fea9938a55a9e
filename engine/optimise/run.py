"""The verb: search for a better answering prompt, confirm it, and report on the untouched exam."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from engine.corpus import let_through
from engine.errors import Missing
from engine.judge import paired
from engine.llm import Chat
from engine.optimise import coursegpt, recombine, reflective, words
from engine.optimise.grading import by_model, by_reference
from engine.optimise.pools import draw_pools
from engine.optimise.study import Study
from engine.optimise.values import (
    Candidate,
    Examined,
    Optimised,
    OptimisePlan,
    Sample,
    Standing,
    standing,
)
from engine.progress import Report, silent
from engine.prompts import choose_prompt, start_prompt
from engine.schema import Course, Pair, content_id
from engine.search import Index
from engine.store import ResultKind, Saved, Store
from engine.tutor import shown_for

FOUND = ResultKind("prompts", Optimised)
"""Finished searches, by name."""
SEARCH = ResultKind("prompts.growing", Optimised)
"""Searches that are not finished; each is kept as it grows."""
METHODS = ("recombine", "coursegpt", "gepa")
_METRICS = ("score", "quality", "length", "penalty")


def optimise(
    course: Course,
    plan: OptimisePlan,
    *,
    chat: Chat,
    store: Store,
    index: Index,
    judge: Chat | None = None,
    report: Report = silent,
) -> Optimised:
    """Search for a better answering prompt for a course.

    Three quarters of the budget go to the search, one to validation, where the search's finalists
    meet the start; the best there is compared with the start on the exam's questions, once, and no
    choice depends on it. Passages are those that the tutor's retrieval finds for each question, so
    what is measured is what learners get. Killed and run again with the same ``chat`` behind a
    ledger, it repeats its way without paying.

    Args:
        course: The course; its pairs must be in the store.
        plan: Method, budget, seed.
        chat: The model that answers (but for ``recombine`` also the one that writes prompts).
        store: Where pairs lie and the search is kept (stage ``prompts``).
        index: The course's passages.
        judge: The LLM judge; None judges by the reference.
        report: Called after each batch of answers.

    Raises:
        Missing: too few pairs, or no judge though the method needs one.
        TeacherRefused: a model refuses altogether.
    """
    _require_judge(plan, judge)
    pools = draw_pools(let_through(store.pairs(course.id)), plan)
    inputs = store.corpus_version(course.id, "train", "validation")
    name = content_id(
        plan.model_dump(mode="json"),
        [pair.id for pair in (*pools.search, *pools.validation)],
        [chat.model, judge.model if judge else "reference", words.version(course.language)],
    )
    before = seconds_so_far(store, course.id, name)

    def save(state: Optimised) -> None:
        state = state.model_copy(update={"seconds": before + state.seconds})
        store.save(course.id, SEARCH, state, inputs=inputs, name=name)

    study = Study(
        plan,
        course.language,
        pools,
        chat=chat,
        grade=by_reference,
        judge=judge.model if judge else "reference",
        retrieve=lambda question: tuple(shown_for(question, index)),
        save=save,
        report=report,
    )
    if judge is not None:
        study.grade = by_model(judge, course.language, study.count_call)
    study.expect(2 * sum(len(pairs) for pairs in pools.exam.values()))
    found = _search(study, chat)
    found = found.model_copy(update={"seconds": before + found.seconds})
    store.save(course.id, FOUND, found, inputs=inputs, name=name)
    store.remove_saved(course.id, SEARCH, name)
    return found


def _require_judge(plan: OptimisePlan, judge: Chat | None) -> None:
    if plan.method != "recombine" and judge is None:
        raise Missing(
            "This method needs a teacher model that writes and judges.",
            code="optimise.no_teacher",
            next="Connect a teacher, or choose the method recombine (building blocks).",
        )


def seconds_so_far(store: Store, course: str, name: str) -> float:
    """Seconds that earlier attempts of this search took."""
    kept = store.saved(course, SEARCH, name) or store.saved(course, FOUND, name)
    return kept.value.seconds if kept else 0.0


def _search(study: Study, chat: Chat) -> Optimised:
    plan = study.plan
    start = study.add(Candidate(prompt=start_prompt(study.language), origin="start"))
    answers = plan.budget * 3 // 4
    if plan.method == "coursegpt":
        finalists = coursegpt.search(study, start, answers, chat)
    elif plan.method == "gepa":
        finalists = reflective.search(study, start, answers, chat)
    else:
        finalists = recombine.search(study, start, answers)
    rows = [start, *(c for c in finalists if c.id != start.id)]
    questions = max(4, (plan.budget - answers) // len(rows))
    pairs = study.pools.validation[:questions]
    ranked = study.measure(rows, pairs, "validation")
    best = _best(ranked, start.id)
    exam = tuple(_examined(study, start.id, best, p, own) for p, own in study.pools.exam.items())
    study.finish()
    samples = {row.id: _samples(study, row.id, pairs) for row in rows}
    return study.snapshot().model_copy(
        update={"best": best, "exam": exam, "samples": samples, "done": True}
    )


def _best(ranked: Sequence[Standing], start: str) -> str:
    """The prompt with the highest validation score; the start where nothing is higher."""
    return max(ranked, key=lambda row: (row.score.value, row.prompt == start)).prompt


def _examined(study: Study, start: str, best: str, part: str, pairs: Sequence[Pair]) -> Examined:
    """Start and best on the same exam questions; those that both answered count."""
    prompts = [study.candidates[name].prompt for name in dict.fromkeys((start, best))]
    for _ in study.answer(prompts, pairs):
        pass
    both = [p for p in pairs if all((name, p.id) in study.trials for name in (start, best))]
    old, new = study.trials_of(start, both), study.trials_of(best, both)
    gains = {
        name: paired([getattr(t, name) for t in new], [getattr(t, name) for t in old])
        for name in _METRICS
    }
    return Examined(part=part, before=standing(start, old), after=standing(best, new), gains=gains)


def _samples(study: Study, prompt: str, pairs: Sequence[Pair]) -> tuple[Sample, ...]:
    rows = {trial.pair: trial for trial in study.trials_of(prompt, pairs)}
    return tuple(
        Sample(
            question=pair.question,
            reference=pair.answer,
            answer=rows[pair.id].answer,
            score=rows[pair.id].score,
        )
        for pair in pairs[:3]
        if pair.id in rows
    )


def current(store: Store, course: str, *, finished: bool = False) -> Saved[Optimised] | None:
    """The newest search of a course; with ``finished`` the newest finished one, if there is one."""
    done = store.all_saved(course, FOUND)
    growing = store.all_saved(course, SEARCH)
    rows = (done or growing) if finished else [*done, *growing]
    return max(rows, key=lambda row: row.at, default=None)


def discard_unfinished(store: Store, course: str) -> None:
    """Throw unfinished searches away; their answers stay cached, for they were paid for."""
    for search in store.all_saved(course, SEARCH):
        store.remove_saved(course, SEARCH, search.name)


def fresh_seed(store: Store, course: str, plan: OptimisePlan, inputs: str) -> int:
    """The first seed with which no finished search of this plan on these inputs was run.

    A finished search run again only repeats itself; an unfinished one keeps its seed and goes on.
    """
    ended = [row.value.plan for row in store.all_saved(course, FOUND) if row.inputs == inputs]
    used = {own.seed for own in ended if own.model_copy(update={"seed": plan.seed}) == plan}
    return next(seed for seed in count() if seed not in used)


def use(store: Store, course: str, search: Optimised, prompt: str) -> None:
    """Make a prompt of a search the course's: tutor and teacher answer by it from now on.

    Raises:
        Missing: the search has no such prompt.
    """
    chosen = search.candidate(prompt)
    figures = next(
        (
            row.model_dump(mode="json")
            for one in reversed(search.rounds)
            for row in one.standings
            if row.prompt == prompt
        ),
        {},
    )
    choose_prompt(
        store,
        course,
        chosen.prompt,
        method=search.plan.method,
        origin=chosen.origin,
        figures=figures,
    )
