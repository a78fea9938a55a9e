"""Recipe ``coursegpt``: the loop of CourseGPT-zh (arXiv 2405.04781, section 4) as published.

Ten role prompts are scored on one random sample of questions (the paper takes 50). Three times: the
top five stay; *Reflection* shows each of them five judgements of its own answers and asks for a
better one (exploits errors); *Resample* shows all five with their scores, best first, and asks for
as many new ones (finds what scores go with, and brakes the growth that Reflection brings). All
compete again. Where the paper is silent: Reflection gives one child a prompt, and the role prompt
is the system text. We add a gate: a proposal that copies a question or an answer is dropped.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from engine.llm import Answer, Chat, Request, user
from engine.optimise import words
from engine.optimise.study import Study
from engine.optimise.values import Candidate, Origin, Standing, Trial
from engine.schema import Pair
from engine.text import words as words_of

ITERATIONS = 3
TOP = 5
CRITIQUES = 5
SAMPLE = 50
_LONGEST = 200  # words of a proposal
_COPIED, _SHORTEST = 7, 4  # words in a row that give a copy away; shorter texts are no loss


def search(study: Study, start: Candidate, answers: int, writer: Chat) -> list[Candidate]:
    """The top five after three iterations within ``answers`` answers, best first."""
    roles = words.roles(study.language)
    first = [
        study.add(Candidate(prompt=words.role_prompt(role, study.language), origin="role"))
        for role in roles
    ]
    every = len(first) + 1 + 2 * TOP * ITERATIONS
    pairs = study.pools.search[: max(4, min(SAMPLE, answers // every))]
    ranked = study.measure([start, *first], pairs, "search")
    for number in range(ITERATIONS):
        top = [study.candidates[row.prompt] for row in ranked[:TOP]]
        children = [
            *reflect(study, top, pairs, writer, number),
            *resample(study, ranked[:TOP], writer, number),
        ]
        ranked = study.measure([*top, *children], pairs, "search")
    return [study.candidates[row.prompt] for row in ranked[:TOP]]


def reflect(
    study: Study, top: Sequence[Candidate], pairs: Sequence[Pair], writer: Chat, number: int
) -> list[Candidate]:
    """One child of each prompt, from five of its judgements drawn at random."""
    requests = [_reflection(study, parent, pairs, number) for parent in top]
    schema_key = "prompt"
    found: list[Candidate] = []
    for i, outcome in sorted(writer.ask(requests), key=lambda row: row[0]):
        study.count_call(outcome, "proposals")
        if isinstance(outcome, Answer):
            made = [outcome.data[schema_key]]
            found += _admit(study, made, "reflection", (top[i].id,))
    return found


def _reflection(study: Study, parent: Candidate, pairs: Sequence[Pair], number: int) -> Request:
    dice = random.Random(f"{study.plan.seed} {number} {parent.id}")  # noqa: S311
    trials = study.trials_of(parent.id, pairs)
    drawn = dice.sample(trials, min(CRITIQUES, len(trials)))
    return better(study, parent.prompt.style, drawn, number)


def better(study: Study, style: str, trials: Sequence[Trial], number: int) -> Request:
    """Asks for a better instruction, given what judges found wanting in answers by this one."""
    line = words.text(study.language, "critique")
    notes = [line.format(quality=t.quality, length=t.length, note=t.note) for t in trials]
    task = words.text(study.language, "reflect_user").format(
        prompt=style, critiques="\n".join(notes)
    )
    return _request(study, task, {"prompt": {"type": "string"}}, number)


def resample(
    study: Study, ranked: Sequence[Standing], writer: Chat, number: int
) -> list[Candidate]:
    """As many new prompts as are shown, from the ranking (OPRO's step, arXiv 2309.03409)."""
    line = words.text(study.language, "ranked")
    shown = [
        line.format(score=row.score.value, prompt=study.candidates[row.prompt].prompt.style)
        for row in ranked
    ]
    task = words.text(study.language, "resample_user").format(ranked="\n".join(shown), n=len(shown))
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": len(shown)}
    found: list[Candidate] = []
    for _, outcome in writer.ask([_request(study, task, {"prompts": texts}, number)]):
        study.count_call(outcome, "proposals")
        if isinstance(outcome, Answer):
            parents = tuple(row.prompt for row in ranked)
            found += _admit(study, outcome.data["prompts"], "resample", parents)
    return found


def _request(study: Study, task: str, properties: dict[str, Any], number: int) -> Request:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return Request(
        messages=user(task, words.text(study.language, "write_system")),
        answer_schema=schema,
        max_tokens=1500,
        temperature=0.7,
        seed=study.plan.seed + number,
        purpose="optimise",
    )


def _admit(
    study: Study,
    texts: Iterable[str],
    origin: Origin,
    parents: tuple[str, ...],
) -> list[Candidate]:
    """The usable new prompts: not empty, not too long, no copy of a question or an answer."""
    found = []
    for text in texts:
        prompt = words.role_prompt(text, study.language)
        if not usable(text, study.pools.free) or prompt.id in study.candidates:
            continue
        found.append(study.add(Candidate(prompt=prompt, origin=origin, parents=parents)))
    return found


def usable(text: str, pairs: Sequence[Pair]) -> bool:
    """Whether a proposal may be tried.

    Seven words in a row of a question or an answer betray a copy, or all of one of four to six.
    """
    own = words_of(text)
    if not own or len(own) > _LONGEST:
        return False
    seen = {n: set(_runs(own, n)) for n in range(_SHORTEST, _COPIED + 1)}
    taken = (words_of(told) for pair in pairs for told in (pair.question, pair.answer))
    lengths = ((min(_COPIED, len(told)), told) for told in taken if len(told) >= _SHORTEST)
    return not any(seen[n] & set(_runs(told, n)) for n, told in lengths)


def _runs(tokens: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return (tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
