"""What a learner is told: what is missing, what kind of mistake it is, and one next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from engine.grade.features import Features, negations
from engine.grade.items import Item, Judged
from engine.levels import RIGHT
from engine.schema import Language, Value
from engine.text import sentences, words

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
_LONG: dict[Language, int] = {"en": 12, "zh": 20}
_SHORT: dict[Language, int] = {"en": 4, "zh": 6}
_CLAUSE_ZH = re.compile(r"[，；,;](?!\d)")
_CLAUSE_EN = re.compile(r"[;:]\s+|,\s+(?:(?:and|but|so)\s+)?|\s+(?=because\b)")
_LINKED = re.compile(r"^(?:并且|而且|而|并|则|即|所以|这样|因此|从而|但是|但)(?=.{4})")
_NUMBERED = re.compile(r"^\s*(?:[（(]\d+[)）]|\d+[.、)）](?!\d))\s*")
_VERDICTS = tuple(
    re.compile(rf"\s*(?:{words})(?=[\s，。,.：:；;！!]|$)", re.IGNORECASE)
    for words in (
        "错误的?|错的?|不正确|不对|不能|不可以|否|不是|false|wrong|incorrect|no",
        "正确的?|对的?|能|可以|是的?|true|right|correct|yes",
    )
)
"""How an answer to «is this true?» opens when it denies, and when it agrees."""
_TOUCHED = 0.2
_RIGHT = frozenset(
    (
        "correct",
        "right",
        "true",
        "full",
        "complete",
        "pass",
        "good",
        "yes",
        "met",
        "正确",
        "对",
        "满分",
        "合格",
        "通过",
        "完整",
        "优",
    )
)
_AGAINST = ("contradict", "矛盾", "相反")

_NEXT: dict[Language, dict[str, str]] = {
    "en": {
        "right": "",
        "missing": "Next step: add this in one sentence of your own words.",
        "incomplete": "Next step: add the missing part in one sentence.",
        "contradiction": "Next step: compare your sentence with this one and correct it.",
        "off_topic": "Next step: read the question again and open with its main idea.",
        "unit": "Next step: write the unit beside the number and check it against the question.",
        "magnitude": "Next step: go through your unit conversions and powers of ten once more.",
        "wrong": "Next step: work it out once more and check each step.",
        "unreadable": "Next step: give one number with its unit, or one of the options.",
    },
    "zh": {
        "right": "",
        "missing": "下一步：用自己的话补上一句。",
        "incomplete": "下一步：用一句话补上缺少的部分。",
        "contradiction": "下一步：对照这句话，改正你的说法。",
        "off_topic": "下一步：重读题目，第一句就点明它的核心概念。",
        "unit": "下一步：在数值旁写上单位，并与题目核对。",
        "magnitude": "下一步：再检查一遍单位换算与十的幂次。",
        "wrong": "下一步：重新推算一遍，逐步检查。",
        "unreadable": "下一步：只写一个带单位的数值，或一个选项。",
    },
}
TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "right": "Right.",
        "nearly": "Mostly right. You could add: {points}",
        "missing": "Your answer does not yet say: {points}",
        "incomplete": "You have part of it; still missing: {points}",
        "contradiction": "Your answer says the opposite of what the course says. Compare: {points}",
        "off_topic": "Your answer does not speak about what was asked. Expected: {points}",
        "unit": "The number is right, but its unit is missing or wrong.",
        "magnitude": "The digits are right, but the answer is off by a power of ten.",
        "wrong": "That is not the right answer.",
        "unreadable": "No single answer could be read from this.",
        "criterion": "Not yet met: {points}",
        "person": "A person will look at this answer before it is graded.",
        "read": "Read: {title}{page}.",
        "page": ", page {page}",
    },
    "zh": {
        "right": "正确。",
        "nearly": "基本正确，还可以补充：{points}",
        "missing": "答案中还没有说到：{points}",
        "incomplete": "答对了一部分，还缺少：{points}",
        "contradiction": "你的说法与课程内容相反，请对照：{points}",
        "off_topic": "答案没有回应题目所问。应当谈到：{points}",
        "unit": "数值正确，但单位缺失或有误。",
        "magnitude": "有效数字正确，但数量级有误。",
        "wrong": "答案不正确。",
        "unreadable": "无法从答案中读出唯一的结果。",
        "criterion": "尚未达到：{points}",
        "person": "这份答案将由老师查看后再评分。",
        "read": "请阅读：{title}{page}。",
        "page": "，第 {page} 页",
    },
}


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
    plain = label.strip().lower()
    if plain in _RIGHT or any(known.strip().lower() in _RIGHT for known in labels):
        return plain in _RIGHT
    return bool(labels) and label == labels[0]


def uncovered(answer: str, item: Item, features: Features) -> list[str]:
    """The points of the closest reference that the answer says least of, at most two, in order."""
    best = max(item.references, key=lambda r: _covered(answer, r, features), default="")
    points = [p for line in best.split("\n") for p in _points(line, _language(best))]
    lacking = [p for p in points if _covered(answer, p, features) < _COVERED]
    most = sorted(lacking, key=lambda p: _weight(p, features), reverse=True)[:_NAMED]
    return [p for p in lacking if p in most]


def _points(text: str, language: Language) -> list[str]:
    """Sentences, long ones cut into clauses, so that a learner is told what is missing, not all."""
    found: list[str] = []
    for sentence in sentences(text, language):
        cut = _CLAUSE_ZH if language == "zh" else _CLAUSE_EN
        clauses = cut.split(sentence) if len(words(sentence)) > _LONG[language] else [sentence]
        pieces: list[str] = []
        for clause in clauses:
            plain = _NUMBERED.sub("", clause).strip(" ,，;；")
            if pieces and plain and len(words(plain)) < _SHORT[language]:
                pieces[-1] += (", " if language == "en" else "，") + plain
            elif plain:
                pieces.append(_LINKED.sub("", plain))
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
    texts = TEXTS[language]
    unmet = [c.criterion for c in criteria if c.verdict != "met"]
    missing = unmet or uncovered(answer, item, features)
    if share >= 0.95 or (share >= 0.8 and not missing):
        return Advice(errors=(), text=texts["right"])
    kind = _kind(item, answer, features, share, label)
    points = _listed(missing or list(item.references[:1]), language)
    nearly = share >= 0.8 and kind != "contradiction"
    head = texts["nearly"] if nearly else texts["criterion"] if unmet else texts[kind]
    return Advice(errors=(kind,), text=head.format(points=points), step=_NEXT[language][kind])


def advise_closed(outcome: str, language: Language) -> Advice:
    """Feedback on a choice or numeric answer, from the outcome of ``closed``."""
    texts = TEXTS[language]
    if outcome == "correct":
        return Advice(errors=(), text=texts["right"])
    kind: ErrorKind = "unreadable" if outcome == "unparsed" else outcome  # type: ignore[assignment]
    return Advice(errors=(kind,), text=texts[kind], step=_NEXT[language][kind])


def advise_flagged(flags: Sequence[str], advice: Advice, language: Language) -> Advice:
    """What a learner is told whose answer a person must see first: no verdict that may be wrong."""
    errors: tuple[ErrorKind, ...] = ("contradiction",) if "negated" in flags else advice.errors
    return Advice(errors=errors, text=TEXTS[language]["person"])


def where_to_read(title: str, page: int, language: Language) -> str:
    """One sentence that names the section (and page, if it has one) to read."""
    texts = TEXTS[language]
    return texts["read"].format(title=title, page=texts["page"].format(page=page) if page else "")


def _kind(
    item: Item, answer: str, features: Features, share: float, label: str | None
) -> ErrorKind:
    if label and any(mark in label.lower() for mark in _AGAINST):
        return "contradiction"
    covered = max((_covered(answer, r, features) for r in item.references), default=0.0)
    if share < RIGHT and (_turned(item, answer, covered) or _other_verdict(item, answer)):
        return "contradiction"
    asked = set(features.terms(item.question)) & set(features.terms(answer))
    if covered < 0.05 and not asked:
        return "off_topic"
    return "incomplete" if covered >= _TOUCHED or share >= 0.4 else "missing"


def _turned(item: Item, answer: str, covered: float) -> bool:
    """Whether the answer has the reference's words, but a negation more or less."""
    odd = [r for r in item.references if (negations(answer) - negations(r)) % 2]
    return covered >= 0.6 and len(odd) == len(item.references)


def _other_verdict(item: Item, answer: str) -> bool:
    """Whether the answer opens with «true» where every reference opens with «false», or so."""
    mine = _verdict(answer)
    return mine is not None and all(_verdict(r) == (not mine) for r in item.references)


def _verdict(text: str) -> bool | None:
    against, in_favour = (pattern.match(text) is not None for pattern in _VERDICTS)
    return None if against == in_favour else in_favour


def _covered(answer: str, text: str, features: Features) -> float:
    mine, theirs = set(features.terms(answer)), set(features.terms(text))
    total = sum(features.rarity(term) for term in theirs)
    return sum(features.rarity(term) for term in theirs & mine) / total if total else 0.0


def _weight(text: str, features: Features) -> float:
    return sum(features.rarity(term) for term in set(features.terms(text)))


def _language(text: str) -> Language:
    from engine.text import language_of

    return language_of(text)


def _listed(points: Sequence[str], language: Language) -> str:
    plain = [point.strip().rstrip(".。;；") for point in points[:_NAMED]] or [""]
    if language == "zh":
        return "；".join(plain) + "。"
    told = plain[0]
    for point in plain[1:]:
        told += (". " if point[:1].isupper() else "; ") + point
    return told + "."


def _join(parts: Sequence[str], language: Language) -> str:
    return ("" if language == "zh" else " ").join(part for part in parts if part)
