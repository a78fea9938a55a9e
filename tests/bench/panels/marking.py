"""Marking an answer of a panel in code: by key points; and how well hand marks agree with that."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

from engine.language import languages, rules
from engine.text import CJK
from tests.bench.panels.panel import Question

Mark = Literal["right", "partly", "wrong", "refused"]
MARKS: tuple[Mark, ...] = get_args(Mark)
_OPENING = 160
_DECLINES = (
    r"\b(?:course|book|textbook|passages?|text)\b[^.]{0,20}\b(?:does|do) not"
    r" (?:\w+ )?(?:cover|say|mention|contain|answer|discuss|explain)",
    r"\bnot (?:\w+ )?(?:in|covered by|covered in|mentioned in|answered by) (?:this|the|these)"
    r" (?:course|book|textbook|passages?|text)\b",
    r"(?:课程|教材|书中|书里|课本|段落|原文)[^。]{0,8}(?:没有|未|并未|不)(?:\S{0,2})?"
    r"(?:涉及|提到|提及|讲|说明|介绍|回答|包含)",
)


def plain(text: str) -> str:
    """The text as it is compared: one width, lower case, formulas and spacing levelled.

    ``C_6H_{12}O_6``, ``C₆H₁₂O₆`` and ``C6H12O6`` are the same, and so are curly and straight quotes;
    spaces beside Chinese characters do not count.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_QUOTES)
    text = text.replace("`", "").replace("$", "")
    text = re.sub(r"[_^]\{(\w+)\}", r"\1", text)
    text = re.sub(r"(?<=[a-z0-9)])[_^](?=\d)", "", text)
    text = re.sub(r"\s+", " ", text)
    return re.sub(rf" (?=[{CJK}])|(?<=[{CJK}]) ", "", text).strip()


_QUOTES = str.maketrans("‘’“”", "''\"\"")


def says(answer: str, wording: str) -> bool:
    """Whether a plain answer has this wording; it may end in the middle of a word, never begin there.

    "boil" is in "boiled", but "mutable" is not in "immutable", nor "4.8" in "4.85".
    """
    return bool(_pattern(wording).search(answer))


@cache
def _pattern(wording: str) -> re.Pattern[str]:
    if wording.startswith("re:"):
        return re.compile(wording[3:], re.IGNORECASE)
    phrase = plain(wording)
    before = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", phrase) else ""
    after = r"(?!\.?\d)" if re.search(r"\d$", phrase) else ""
    return re.compile(before + re.escape(phrase) + after)


def declines(answer: str) -> bool:
    """Whether the answer's opening says that the book does not answer this."""
    opening = plain(answer)[:_OPENING]
    told = (plain(rules(language).says("tutor")["refusal"]) for language in languages())
    return any(opening.startswith(text[:_OPENING]) for text in told) or any(
        re.search(pattern, opening) for pattern in _DECLINES
    )


def points_met(question: Question, answer: str) -> list[int]:
    """Numbers of the key points that the answer holds."""
    text = plain(answer)
    return [n for n, point in enumerate(question.points) if any(says(text, w) for w in point)]


def mark(question: Question, answer: str, *, refused: bool = False, nearest: bool = False) -> Mark:
    """The mark of one answer.

    Args:
        question: What was asked, with its points.
        answer: What was said; empty is no answer, hence wrong.
        refused: The system itself says that it declined (else its words are looked at).
        nearest: It says that the book may not answer, and shows the nearest: of a question that the
            book does not answer that is partly right; else what it shows is marked like any answer.
    """
    if refused:
        return "refused" if question.answerable else "right"
    if not question.answerable:
        return "right" if declines(answer) else "partly" if nearest else "wrong"
    if any(says(plain(answer), phrase) for phrase in question.wrong):
        return "wrong"
    met = len(points_met(question, answer))
    if met >= question.need:
        return "right"
    if declines(answer):
        return "refused"
    return "partly" if met else "wrong"


def kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """Cohen's kappa (1960): agreement beyond that of two markers who mark by their shares alone."""
    n = len(one)
    if not n:
        return float("nan")
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    chance = sum(one.count(m) * other.count(m) for m in {*one, *other}) / n**2
    return (observed - chance) / (1 - chance) if chance < 1 else 1.0
