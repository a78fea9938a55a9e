"""What a learner is told: what is missing, what kind of mistake it is, and one next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import fsum
from typing import Literal

from engine.grade.features import Features, negations
from engine.grade.items import Item, Judged
from engine.language import any_pattern, any_words, rules
from engine.levels import RIGHT
from engine.schema import Language, Value
from engine.text import language_of, sentences, words

ErrorKind = Literal[
    "missing",
    "contradiction",
    "off_topic",
    "incomplete",
    "unit",
    "magnitude",
    "wrong",
    "unreadable",
]
_COVERED = 0.5
_NAMED = 2
_NUMBERED = re.compile(r"^\s*(?:[（(]\d+[)）]|\d+[.、)）](?!\d))\s*")
_TOUCHED = 0.2
_VERDICT = r"\s*(?:{})(?=[\s，。,.：:；;！!]|$)"
"""How an answer to «is this true?» opens, of all languages' ``verdicts``."""


class Advice(Value):
    """Feedback with the kinds of mistakes it rests on; ``step``: the one thing to do next."""

    errors: tuple[ErrorKind, ...]
    text: str
    step: str = ""

    def told(self, where: str, language: Language) -> str:
        """What the learner reads: what is missing, where to read (may be empty), the next step."""
        return _join([self.text, where, self.step], language)


def is_right(label: str, labels: Sequence[str] = ()) -> bool:
    """Whether a label means a right answer: by its word, else the first of the item's labels."""
    plain, right = label.strip().lower(), any_words("grading", "labels", "right")
    if plain in right or any(known.strip().lower() in right for known in labels):
        return plain in right
    return bool(labels) and label == labels[0]


def says_wrong(label: str) -> bool:
    """Whether a label is the plain word for a wrong answer."""
    return label.lower() in any_words("grading", "labels", "wrong")


def uncovered(answer: str, item: Item, features: Features) -> list[str]:
    """The points of the closest reference that the answer says least of, at most two, in order."""
    best = max(item.references, key=lambda r: _covered(answer, r, features), default="")
    points = [p for line in best.split("\n") for p in _points(line, language_of(best))]
    lacking = [p for p in points if _covered(answer, p, features) < _COVERED]
    most = sorted(lacking, key=lambda p: _weight(p, features), reverse=True)[:_NAMED]
    return [p for p in lacking if p in most]


def _points(text: str, language: Language) -> list[str]:
    """Sentences, long ones cut into clauses, so that a learner is told what is missing, not all."""
    own = rules(language)
    cut = own.pattern("grading", "clauses", "cut")
    linked = any_pattern("grading", "clauses", "linked", flags=0)
    found: list[str] = []
    for sentence in sentences(text, language):
        long = cut is not None and len(words(sentence)) > own.sizes.long_sentence
        pieces: list[str] = []
        for clause in cut.split(sentence) if cut and long else [sentence]:
            plain = _NUMBERED.sub("", clause).strip(" ,，;；")
            if pieces and plain and len(words(plain)) < own.sizes.short_clause:
                pieces[-1] += own.clause_mark + plain
            elif plain:
                pieces.append(linked.sub("", plain))
        found += pieces
    return found


def advise(
    item: Item,
    answer: str,
    features: Features,
    *,
    share: float,
    label: str | None = None,
    criteria: Sequence[Judged] = (),
    language: Language,
) -> Advice:
    """Feedback on an open answer.

    Args:
        item: The task.
        answer: What the learner wrote.
        features: Knows how rare each term is.
        share: Score over maximum, in [0, 1]; for labels 1 where right, else 0.
        label: The label, if the item has labels.
        criteria: Verdicts, if a rubric was used; they are then what is named as missing.
        language: The learner's language.
    """
    texts = rules(language).says("feedback")
    unmet = [c.criterion for c in criteria if c.verdict != "met"]
    missing = unmet or uncovered(answer, item, features)
    if share >= 0.95 or (share >= 0.8 and not missing):
        return Advice(errors=(), text=texts["right"])
    kind = _kind(item, answer, features, share, label)
    points = _listed(missing or list(item.references[:1]), language)
    nearly = share >= 0.8 and kind != "contradiction"
    head = texts["nearly"] if nearly else texts["criterion"] if unmet else texts[kind]
    step = rules(language).says("feedback", "next")[kind]
    return Advice(errors=(kind,), text=head.format(points=points), step=step)


def advise_closed(outcome: str, language: Language) -> Advice:
    """Feedback on a choice or numeric answer, from the outcome of ``closed``."""
    texts = rules(language).says("feedback")
    if outcome == "correct":
        return Advice(errors=(), text=texts["right"])
    kind: ErrorKind = "unreadable" if outcome == "unparsed" else outcome  # type: ignore[assignment]
    step = rules(language).says("feedback", "next")[kind]
    return Advice(errors=(kind,), text=texts[kind], step=step)


def advise_flagged(flags: Sequence[str], advice: Advice, language: Language) -> Advice:
    """What a learner is told whose answer a person must see first: no verdict that may be wrong."""
    errors: tuple[ErrorKind, ...] = ("contradiction",) if "negated" in flags else advice.errors
    return Advice(errors=errors, text=rules(language).says("feedback")["person"])


def where_to_read(title: str, page: int, language: Language) -> str:
    """One sentence that names the section (and page, if it has one) to read."""
    texts = rules(language).says("feedback")
    return texts["read"].format(title=title, page=texts["page"].format(page=page) if page else "")


def _kind(
    item: Item, answer: str, features: Features, share: float, label: str | None
) -> ErrorKind:
    if label and _is_against(label):
        return "contradiction"
    covered = max((_covered(answer, r, features) for r in item.references), default=0.0)
    if share < RIGHT and (_turned(item, answer, covered) or _other_verdict(item, answer)):
        return "contradiction"
    asked = set(features.terms(item.question)) & set(features.terms(answer))
    if covered < 0.05 and not asked:
        return "off_topic"
    return "incomplete" if covered >= _TOUCHED or share >= 0.4 else "missing"


def _is_against(label: str) -> bool:
    """Whether a label says that the answer contradicts the course."""
    return any(word in label.lower() for word in any_words("grading", "labels", "against"))


def _turned(item: Item, answer: str, covered: float) -> bool:
    """Whether the answer has the reference's words, but a negation more or less."""
    odd = [r for r in item.references if (negations(answer) - negations(r)) % 2]
    return covered >= 0.6 and len(odd) == len(item.references)


def _other_verdict(item: Item, answer: str) -> bool:
    """Whether the answer opens with «true» where every reference opens with «false», or so."""
    mine = _verdict(answer)
    return mine is not None and all(_verdict(r) == (not mine) for r in item.references)


def _verdict(text: str) -> bool | None:
    against, in_favour = (
        any_pattern("grading", "verdicts", key, form=_VERDICT).match(text) is not None
        for key in ("denies", "agrees")
    )
    return None if against == in_favour else in_favour


def _covered(answer: str, text: str, features: Features) -> float:
    mine, theirs = set(features.terms(answer)), set(features.terms(text))
    total = fsum(features.rarity(term) for term in theirs)  # whatever the order of the set
    return fsum(features.rarity(term) for term in theirs & mine) / total if total else 0.0


def _weight(text: str, features: Features) -> float:
    return fsum(features.rarity(term) for term in set(features.terms(text)))


def _listed(points: Sequence[str], language: Language) -> str:
    own = rules(language)
    plain = [point.strip().rstrip(".。;；") for point in points[:_NAMED]] or [""]
    told = plain[0]
    for point in plain[1:]:
        opens = own.capitals and point[:1].isupper()
        told += (own.stop + own.joiner if opens else own.list_mark) + point
    return told + own.stop


def _join(parts: Sequence[str], language: Language) -> str:
    return rules(language).joiner.join(part for part in parts if part)
