"""Recipe ``recombine``: fragments put together, searched by successive halving; needs no teacher.

Successive halving (Jamieson & Talwalkar, AISTATS 2016): all prompts answer a few questions, the
better half answers more, and so on, each round at an equal share of the budget. After the first
round two prompts are composed from the options that did best on average over all prompts that
held them (main effects), because the best combination need not have been drawn. The start goes
through every round, so that every figure has its comparison.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import product
from math import ceil, log2
from statistics import fmean

from engine.language import rules
from engine.optimise import words
from engine.optimise.study import Study
from engine.optimise.values import Candidate, Origin, Standing
from engine.prompts import AnswerPrompt
from engine.schema import Language

_MOST = 24
_FINALISTS = 4
_PLACE = "place"


def search(study: Study, start: Candidate, answers: int) -> list[Candidate]:
    """The best prompts after ``answers`` answers, best first; the start is not counted."""
    size = max(_FINALISTS + 2, min(_MOST, answers // 25))
    living = [start, *_draw(study, size - 1)]
    rounds = max(1, ceil(log2(size / _FINALISTS)))
    questions, owed = 0, 0
    for number in range(rounds):
        questions += max(1, int((answers / rounds - owed) / len(living)))
        ranked = study.measure(living, study.pools.search[:questions], "search")
        living = _survivors(study, ranked, start, max(_FINALISTS, len(living) // 2))
        owed = 0
        if number == 0 and rounds > 1:
            composed = _composed(study, ranked, living)
            living += composed
            owed = questions * len(composed)  # they answer the first round's questions, too
    return [c for c in living if c.id != start.id][:_FINALISTS]


def _draw(study: Study, n: int) -> list[Candidate]:
    """``n`` different combinations, drawn so that every option comes about equally often."""
    parts = words.fragments(study.language)
    dice = random.Random(study.plan.seed)  # noqa: S311
    every = list(product(*parts.values()))
    dice.shuffle(every)
    seen: dict[tuple[str, str], int] = {}
    found: list[Candidate] = []
    while every and len(found) < n:
        best = min(every, key=lambda row: sum(seen.get(key, 0) for key in _keys(parts, row)))
        every.remove(best)
        for key in _keys(parts, best):
            seen[key] = seen.get(key, 0) + 1
        candidate = combine(dict(zip(parts, best, strict=True)), study.language)
        if candidate.id not in study.candidates:
            found.append(study.add(candidate))
    return found


def _keys(parts: Mapping[str, object], row: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(parts, row, strict=True))


def combine(parts: dict[str, str], language: Language, origin: Origin = "fragments") -> Candidate:
    """The prompt of these options: part to option's name."""
    texts = words.fragments(language)
    glue = rules(language).joiner
    spoken = [texts[part][name] for part, name in parts.items() if part != _PLACE]
    instruction = glue.join(text for text in spoken if text)
    layout = texts[_PLACE][parts[_PLACE]]
    inside = "{instruction}" in layout
    prompt = AnswerPrompt(
        system="" if inside else instruction,
        layout=layout.replace("{instruction}", instruction),
    )
    return Candidate(prompt=prompt, origin=origin, parts=parts)


def _survivors(
    study: Study, ranked: Sequence[Standing], start: Candidate, keep: int
) -> list[Candidate]:
    """The start and the best ``keep`` of the others."""
    best = [study.candidates[row.prompt] for row in ranked if row.prompt != start.id]
    return [start, *best[:keep]]


def _composed(
    study: Study, ranked: Sequence[Standing], living: Sequence[Candidate]
) -> list[Candidate]:
    """The prompt of the best option of every part, and the same with the closest call reversed."""
    scores = {row.prompt: row.score.value for row in ranked}
    best, second, margins = {}, {}, {}
    for part, options in words.fragments(study.language).items():
        means = {name: _mean(study, scores, part, name) for name in options}
        order = sorted(means, key=lambda name, own=means: -own[name])  # type: ignore[misc]
        best[part], second[part] = order[0], order[1]
        margins[part] = means[order[0]] - means[order[1]]
    closest = min(margins, key=lambda part: margins[part])
    made = [best, best | {closest: second[closest]}]
    found = [combine(parts, study.language, "composed") for parts in made]
    known = {candidate.id for candidate in living}
    return [study.add(candidate) for candidate in found if candidate.id not in known]


def _mean(study: Study, scores: Mapping[str, float], part: str, name: str) -> float:
    own = [s for prompt, s in scores.items() if study.candidates[prompt].parts.get(part) == name]
    return fmean(own) if own else float("-inf")
