"""The exam's guard: which pairs have to leave training or the exam so that the exam stays honest.

It looks at all pairs of a course at once, whichever plan, seed or person made them, and is called
wherever pairs change or are used: after a person's edit (``review``), when a run's draft becomes
the corpus (``distil``), and before training, prompt search and alignment. Where training and exam
are at odds, training loses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from engine.duplicates import near_duplicates
from engine.schema import Pair
from engine.text import words

Gate = Literal[
    "held_out_section", "exam_question", "exam_answer", "trained_question", "untaught_section"
]
"""Why a pair is held back.

``held_out_section``: it would be trained on, but its section is kept out whole for the exam.
``exam_question``: it would be trained on, but its question nearly repeats one of the exam.
``exam_answer``: it would be trained on, but its answer is the answer to a transfer question.
``trained_question``: a validation question that nearly repeats one of training.
``untaught_section``: a question on taught matter whose section is not taught any more.
"""


def held_back(pairs: Sequence[Pair], changed: Collection[str] | None = None) -> dict[str, Gate]:
    """Ids of the pairs that have to leave, each with the gate that says why.

    Args:
        pairs: All pairs of a course; rejected ones take no part.
        changed: Ids of pairs whose text or use changed since all was last looked at; None looks at
            all. Questions are then compared only where one of the two changed, which is what makes
            an edit in a corpus of 20,000 pairs quick.
    """
    live = [pair for pair in pairs if pair.status != "rejected"]
    exam = [pair for pair in live if pair.split == "exam"]
    closed = {pair.section for pair in exam if pair.part == "transfer" and pair.section}
    found: dict[str, Gate] = {}
    for pair in live:
        if pair.section in closed and pair.split != "exam":
            found[pair.id] = "held_out_section"
        elif pair.section in closed and pair.part == "reworded":
            found[pair.id] = "untaught_section"
    exam = _left(exam, found)
    learned = _left([pair for pair in live if pair.split != "exam"], found)
    found |= dict.fromkeys(_repeats(learned, exam, changed), "exam_question")
    found |= dict.fromkeys(_answered(_left(learned, found), exam), "exam_answer")
    learned = _left(learned, found)
    trained = [pair for pair in learned if pair.split == "train"]
    validation = [pair for pair in learned if pair.split == "validation"]
    return found | dict.fromkeys(_repeats(validation, trained, changed), "trained_question")


def let_through(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that may be used: neither rejected nor held back."""
    found = held_back(pairs)
    return [pair for pair in pairs if pair.status != "rejected" and pair.id not in found]


def marked(pairs: Sequence[Pair], found: Mapping[str, str]) -> list[Pair]:
    """The pairs, those in ``found`` (id to gate) rejected by their gate."""
    return [
        pair.model_copy(update={"status": "rejected", "rejected_by": found[pair.id]})
        if pair.id in found
        else pair
        for pair in pairs
    ]


def _left(pairs: Sequence[Pair], found: Collection[str]) -> list[Pair]:
    return [pair for pair in pairs if pair.id not in found]


def _repeats(
    pairs: Sequence[Pair], others: Sequence[Pair], changed: Collection[str] | None
) -> set[str]:
    """Ids of pairs whose question nearly repeats one of the others'."""
    if changed is None:
        return _near(pairs, others)
    touched = [pair for pair in pairs if pair.id in changed]
    rest = [pair for pair in pairs if pair.id not in changed]
    return _near(touched, others) | _near(rest, [pair for pair in others if pair.id in changed])


def _near(pairs: Sequence[Pair], others: Sequence[Pair]) -> set[str]:
    found = near_duplicates([p.question for p in pairs], [p.question for p in others])
    return {pairs[i].id for i in found}


def _answered(pairs: Sequence[Pair], exam: Sequence[Pair]) -> list[str]:
    """Ids of pairs that give away a transfer answer, word for word."""
    answers = {_plain(pair.answer) for pair in exam if pair.part == "transfer"}
    return [pair.id for pair in pairs if _plain(pair.answer) in answers]


def _plain(text: str) -> str:
    return " ".join(words(text))
