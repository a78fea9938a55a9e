"""The rows of a training, out of the corpus, the book and the base model's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.align import lessons
from engine.corpus import Gate, held_back, let_through
from engine.errors import Missing
from engine.language import table
from engine.llm import Request, user
from engine.progress import Report, silent
from engine.prompts import chosen_prompt
from engine.schema import Pair, Progress
from engine.train import (
    BookReader,
    Mixture,
    Recipe,
    TrainingRow,
    mixed,
    sentence_pairs,
    sketch,
)
from engine.workspace import Workspace, base_chat, open_index

FEWEST = 8
REPLAY_TOKENS = 120


class TrainingRows(NamedTuple):
    """What a student is trained and validated on, and what the exam's guard held back, by pair."""

    train: list[TrainingRow]
    validation: list[TrainingRow]
    held: Mapping[str, Gate]


def rows_to_train(
    workspace: Workspace,
    recipe: Recipe,
    mixture: Mixture,
    report: Report = silent,
    *,
    replay: bool = True,
) -> TrainingRows:
    """The rows of a training; of a book that it has to search, a minute or two.

    Args:
        workspace: The course.
        recipe: Its base speaks the replay, its seed draws.
        mixture: The shares.
        report: Called while the book is searched and the base speaks.
        replay: Whether the base's own words are worth rehearsing.

    Raises:
        Missing: there are too few pairs.
    """
    store, course, seed = workspace.store, workspace.course, recipe.seed
    pairs = store.pairs(course.id)
    held = held_back(pairs)
    used = [pair for pair in pairs if pair.status != "rejected" and pair.id not in held]
    taught = enough(used)
    hidden = unseen(pairs)
    index = open_index(workspace, report)
    prompt = chosen_prompt(store, course.id, course.language)
    reads = BookReader(index, prompt, quotes=mixture.quotes, hidden=hidden, report=report)
    points = len({pair.point for pair in taught})
    wanted = round(mixture.sought * mixture.reading * points)
    sought = sentence_pairs(index, hidden, wanted, seed)
    talk = _replayed(workspace, recipe, report) if replay and mixture.replay else []
    checked = [pair for pair in used if pair.split == "validation"]
    alone = mixture.model_copy(update={"replay": 0.0, "statements": 0})
    return TrainingRows(
        [*mixed(taught, mixture, reads, sought, talk, seed=seed), *lessons(store, course.id)],
        mixed(checked, alone, reads, seed=seed),
        held,
    )


def enough(pairs: Sequence[Pair]) -> list[Pair]:
    """Those of the pairs that are trained.

    Raises:
        Missing: there are too few.
    """
    taught = [pair for pair in pairs if pair.split == "train"]
    if len(taught) < FEWEST:
        raise Missing(
            "There are not enough pairs to train on.",
            code="train.no_pairs",
            next="Make a corpus first: at least a few dozen pairs.",
        )
    return taught


def sketched_rows(workspace: Workspace, mixture: Mixture) -> list[TrainingRow]:
    """Rows about as many and as long as those of a training, for its estimate, without a search."""
    store, course = workspace.store, workspace.course.id
    pairs = [pair for pair in let_through(store.pairs(course)) if pair.split == "train"]
    reader = sketch(store.passages(course), mixture.quotes)
    return mixed(pairs, mixture, reader, pairs * 8)


def unseen(pairs: list[Pair]) -> set[str]:
    """Sections that no row may show: those that the exam asks of a student that never saw them."""
    return {pair.section for pair in pairs if pair.part == "transfer"}


def _replayed(workspace: Workspace, recipe: Recipe, report: Report) -> list[TrainingRow]:
    """General questions of ours with the base's own answers, to be rehearsed.

    Self-synthesised rehearsal (Huang et al., ACL 2024): no old training data is needed.
    """
    asked = table(workspace.course.language, "replay")["questions"]
    requests = [
        Request(messages=user(text), max_tokens=REPLAY_TOKENS, may_be_cut=True, purpose="replay")
        for text in asked
    ]
    answers = [""] * len(asked)
    for done, (i, outcome) in enumerate(base_chat(workspace, recipe.base).ask(requests), 1):
        answers[i] = getattr(outcome, "text", "").strip()
        report(Progress(stage="train.replay", done=done, total=len(asked)))
    return [
        TrainingRow(question=question, answer=answer)
        for question, answer in zip(asked, answers, strict=True)
        if answer
    ]
