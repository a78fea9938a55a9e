"""Answers that a person must see, whatever the scorer thinks: rules, each of them tested.

A flag never lowers a grade; it sends the answer to review. The attacks are those that broke every
scorer measured here (bag of the reference's words, negated reference, stuffed keywords, copied
question), and instructions to the grader after LLMarking's jailbreak strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from engine.grade.features import negations
from engine.grade.items import Item, Submission
from engine.text import language_of, words

FLAGS = (
    "empty", "huge", "language", "copied_question", "shuffled", "negated", "stuffed",
    "instructions", "hidden", "duplicate",
)  # fmt: skip
_HUGE = 6000
_SAME = 95.0
_OWN_WORDS = 12
_RUN = 4
_LONGEST_ZH = 5
_FEWEST_ZH = 8
_HIDDEN = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f\U000e0000-\U000e007f]"
)
_INSTRUCTIONS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}"
    r"\b(?:instruction|prompt|rule|rubric|above|previous)"
    r"|\b(?:new|updated|system) (?:instruction|prompt|message)s?\b"
    r"|\b(?:give|award|grant|assign|deserve)s?\b.{0,30}\b(?:full|max\w*|all|perfect|highest|top)\b"
    r".{0,20}\b(?:mark|point|credit|score|grade)"
    r"|\b(?:mark|grade|score|rate|label|treat|consider|count)\b.{0,40}"
    r"\bas (?:true|correct|met|right|fulfil\w*|satisf\w*|passed)\b"
    r"|\byou are (?:now )?(?:an?|the|my) (?:\w+ ){0,3}"
    r"(?:grader|teacher|assistant|examiner|ai|model|professor)"
    r"|\b(?:dear|hey|attention|note to)(?: the)? (?:grader|examiner|marker|ai|model)\b"
    r"|\bas an ai\b|\bpretend\b.{0,40}\b(?:correct|grader|teacher)"
    r"|\b(?:the|my) (?:teacher|professor|instructor|examiner)\b.{0,30}"
    r"\b(?:said|says|approved|confirmed|agreed|told)\b"
    r"|\b(?:this|my) answer (?:is|was) (?:fully |completely |already )?"
    r"(?:correct|approved|verified)\b"
    r"|\b(?:please|i beg|i need)\b.{0,60}\b(?:pass me|full marks|good grade|high score|fail)"
    r"|[\"'](?:score|verdict|grade|label|points)[\"']\s*:|</?(?:answer|system|student|learner)[ >]"
    r"|\[/?INST\]|<\|\w+\|>"
    r"|(?:忽略|无视|忘记|不要管|跳过).{0,20}(?:指令|要求|提示|规则|标准|内容|以上|之前)"
    r"|(?:给|判|打|评|算|得).{0,8}(?:满分|高分|全分|最高分)|判.{0,6}正确"
    r"|(?:标记|标为|视为|认定).{0,6}(?:正确|满足|达成|通过)"
    r"|你(?:现在)?是.{0,8}(?:评分|阅卷|批改|老师|助手|模型|考官)|(?:系统提示|新的?指令)[词：:，]"
    r"|(?:老师|教授|考官)(?:已经?|曾)?.{0,6}(?:说过?|同意|确认|批准)"
    r"|(?:求求?|拜托|恳求).{0,20}(?:分|通过|及格)|(?:评分|阅卷)(?:员|老师|者|系统)[，,：:]",
    re.IGNORECASE | re.DOTALL,
)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LINKING = _set("""
    a an the this that these those my your his her its our their and or but because so if when
    while as than of to in on at by for with from into onto over under up down out off about is are
    was were be been being am do does did has have had can could will would shall should may might
    must i you he she it we they me him them us there here not no yes which who what where how why
    also very more most some any all each both only just too then
""")
_LINKING_ZH = _set("""
    的 了 是 在 和 与 或 把 被 对 有 会 能 可以 而 则
    就 都 也 不 这 那 其 并 从 到 为 以 及 等 时 中
""")
_ARTICLES = _set("a an the my your his her its our their")
_AFTER_NO_ARTICLE = _LINKING - _set("more most very all both only just no not some each")
_LOOSE_END = _ARTICLES | _set("and or but of because if than from into with is are was")


def guard(item: Item, answer: str) -> tuple[str, ...]:
    """The flags of one answer, from ``FLAGS`` without ``duplicate``; none for an ordinary one."""
    found = words(answer)
    if not found:
        return ("empty",)
    flags = [
        ("huge", len(answer) > _HUGE),
        ("language", _other_language(item, answer)),
        ("instructions", bool(_INSTRUCTIONS.search(answer))),
        ("hidden", bool(_HIDDEN.search(answer))),
    ]
    if len(answer) <= _HUGE:
        mine, asked = _tokens(answer), _tokens(item.question)
        theirs = [_tokens(reference) for reference in item.references]
        flags += [
            ("copied_question", _copies(mine, asked, theirs)),
            ("shuffled", any(_shuffled(mine, r) for r in theirs)),
            ("negated", any(_negated(answer, r) for r in item.references)),
            ("stuffed", any(_stuffed(mine, r, asked) for r in theirs) or _listed(item, answer)),
        ]
    return tuple(name for name, raised in flags if raised)


def duplicates(submissions: Sequence[Submission]) -> dict[str, str]:
    """Answers that nearly repeat another learner's to the same item: id to that other's id.

    Answers under twelve words are left alone: short right answers are alike by nature.
    """
    by_item: dict[str, list[tuple[str, str]]] = {}
    for submission in submissions:
        mine = words(submission.answer[:_HUGE])
        if len(mine) >= _OWN_WORDS:
            row = (submission.answer_id, " ".join(mine))
            by_item.setdefault(submission.item_id, []).append(row)
    found: dict[str, str] = {}
    for rows in by_item.values():
        found |= _alike(rows)
    return found


def _alike(rows: Sequence[tuple[str, str]]) -> dict[str, str]:
    import numpy as np
    from rapidfuzz import fuzz, process

    texts = [text for _, text in rows]
    found: dict[str, str] = {}
    for start in range(0, len(texts), 256):
        scores = process.cdist(texts[start : start + 256], texts, scorer=fuzz.ratio, dtype=np.uint8)
        for i in range(len(scores)):
            scores[i, start + i] = 0
            if scores[i].max() >= _SAME:
                found[rows[start + i][0]] = rows[int(scores[i].argmax())][0]
    return found


def _other_language(item: Item, answer: str) -> bool:
    """Chinese where English is asked for, or a whole English sentence where Chinese is."""
    wanted = language_of(item.question + " ".join(item.references))
    if language_of(answer) == wanted:
        return False
    # formulas and program text are no language: only words of three letters count as English
    foreign = re.findall(r"[a-zA-Z]{3,}" if wanted == "zh" else r"[\u4e00-\u9fff]", answer)
    return len(foreign) >= 5


def _copies(mine: list[str], asked: list[str], theirs: Sequence[list[str]]) -> bool:
    """Nothing but the question's words, most of them, in its order; at most a «yes» more."""
    if len(mine) < 5:
        return len(mine) > 1 and mine == asked and mine not in theirs
    common = _in_order(mine, asked)
    fresh = [word for word in mine if word not in set(asked)]
    told = any(_in_order(mine, r) > common for r in theirs)
    return common >= max(4, 0.8 * len(mine)) and len(fresh) <= 2 and not told


def _shuffled(mine: list[str], reference: list[str]) -> bool:
    """The reference's words without the reference's order."""
    if len(mine) < 4 or len(reference) < 4:
        return False
    common = _common(mine, reference)
    if common < max(_FEWEST_ZH if _chinese(reference) else 4, 0.7 * len(mine)):
        return False
    order, pairs = _in_order(mine, reference) / common, _pairs(mine, reference) / (common - 1)
    return (order < 0.8 and pairs <= 0.34) or (_broken(mine) and pairs <= 0.5)


def _broken(mine: list[str]) -> bool:
    """Whether the order of small words is none of English: «of the and», or an end on «the»."""
    bad = sum(
        a in _ARTICLES and b in _AFTER_NO_ARTICLE for a, b in zip(mine, mine[1:], strict=False)
    )
    return bad + (mine[-1] in _LOOSE_END) >= 1


def _negated(answer: str, reference: str) -> bool:
    """The reference nearly word for word, but with a negation more or less."""
    mine, theirs = _characters(answer), _characters(reference)
    if len(theirs) < 3 or negations(answer) == negations(reference):
        return False
    common = _in_order(mine, theirs)
    return common >= 0.75 * len(theirs) and common >= 0.6 * len(mine)


def _stuffed(mine: list[str], reference: list[str], asked: list[str]) -> bool:
    """A run of three or more of the reference's content words that are no phrase of it."""
    if _chinese(reference):
        return False  # Chinese prose sets content words side by side; see ``_listed``
    known, phrases = set(reference), set(_bigrams(reference)) | set(_bigrams(asked))
    run: list[str] = []
    for word in [*mine, ""]:
        if word in known and word not in _LINKING:
            run.append(word)
            continue
        if _list_of_words(run, phrases):
            return True
        run = []
    return False


def _listed(item: Item, answer: str) -> bool:
    """Chinese: four or more of the reference's words in a row, set apart by blanks or commas."""
    return any(_lists(answer, r) for r in item.references if language_of(r) == "zh")


def _lists(answer: str, reference: str) -> bool:
    run: list[int] = []
    for piece in [*re.split(r"[\s、，,；;]+", answer.lower()), ""]:
        place = reference.lower().find(piece) if 0 < len(piece) <= _LONGEST_ZH else -1
        if place >= 0:
            run.append(place)
            continue
        if len(run) >= _RUN and run != sorted(run):
            return True
        run = []
    return False


def _chinese(tokens: Sequence[str]) -> bool:
    return language_of("".join(tokens)) == "zh"


def _list_of_words(run: list[str], phrases: set[tuple[str, str]]) -> bool:
    if len(run) < _RUN or len(set(run)) < _RUN:
        return False
    pairs = list(_bigrams(run))
    return sum(pair in phrases for pair in pairs) <= len(pairs) / 3


@cache
def _segmenter() -> object:
    import logging

    import jieba

    jieba.setLogLevel(logging.ERROR)
    return jieba


def _tokens(text: str) -> list[str]:
    """Words in order; jieba's words for Chinese."""
    if language_of(text) == "en":
        return words(text)
    cut = _segmenter().lcut(text.lower())  # type: ignore[attr-defined]
    return [token for token in cut if any(c.isalnum() for c in token)]


def _characters(text: str) -> list[str]:
    """Words, and single Chinese characters also where they stand beside letters («O1时间»)."""
    return words(re.sub(r"([\u3400-\u9fff])", r" \1 ", text))


def _bigrams(tokens: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(tokens, tokens[1:], strict=False))


def _pairs(mine: Sequence[str], theirs: Sequence[str]) -> int:
    have = set(_bigrams(theirs))
    return sum(pair in have for pair in _bigrams(mine))


def _common(mine: Sequence[str], theirs: Sequence[str]) -> int:
    from collections import Counter

    return sum((Counter(mine) & Counter(theirs)).values())


def _in_order(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence of words."""
    from rapidfuzz.distance import LCSseq

    return int(LCSseq.similarity(mine, theirs))
