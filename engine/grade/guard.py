"""Answers that a person must see, whatever the scorer thinks: rules, each of them tested.

A flag never lowers a grade; it sends the answer to review. The attacks are those that broke every
scorer measured here (bag of the reference's words, negated reference, stuffed keywords, copied
question), and instructions to the grader after LLMarking's jailbreak strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.grade.features import negations
from engine.grade.items import Item, Submission
from engine.language import LanguageRules, any_pattern, rules
from engine.text import language_of, tokens, words

FLAGS = (
    "empty", "huge", "language", "copied_question", "shuffled", "negated", "stuffed",
    "instructions", "hidden", "duplicate",
)  # fmt: skip
_HUGE = 6000
_SAME = 95.0
_OWN_WORDS = 12
_RUN = 4
_LONGEST = 5
"""Characters of a word where words are not spaced, at most."""
_HIDDEN = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f\U000e0000-\U000e007f]"
)
_INSTRUCTIONS = (
    r"{}|[\"'](?:score|verdict|grade|label|points)[\"']\s*:"
    r"|</?(?:answer|system|student|learner)[ >]|\[/?INST\]|<\|\w+\|>"
)
"""What speaks to the grader in any language (``{}``), or has the form of a grade or a prompt."""


def guard(item: Item, answer: str) -> tuple[str, ...]:
    """The flags of one answer, from ``FLAGS`` without ``duplicate``; none for an ordinary one."""
    found = words(answer)
    if not found:
        return ("empty",)
    flags = [
        ("huge", len(answer) > _HUGE),
        ("language", _other_language(item, answer)),
        ("instructions", _instructs(answer)),
        ("hidden", bool(_HIDDEN.search(answer))),
    ]
    if len(answer) <= _HUGE:
        mine, asked = tokens(answer), tokens(item.question)
        theirs = [tokens(reference) for reference in item.references]
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


def _instructs(answer: str) -> bool:
    """Whether the answer gives instructions to its grader."""
    speaking = re.IGNORECASE | re.DOTALL
    pattern = any_pattern("grading", "guard", "instructions", form=_INSTRUCTIONS, flags=speaking)
    return pattern.search(answer) is not None


def _other_language(item: Item, answer: str) -> bool:
    """Whether five words or more (``detect.foreign``) are in another language than asked for."""
    wanted = language_of(item.question + " ".join(item.references))
    given = language_of(answer, wanted)
    if given == wanted:
        return False
    # formulas and program text are no language: only words of three letters count as English
    pattern = rules(given).pattern("language", "detect", "foreign")
    return pattern is not None and len(pattern.findall(answer)) >= 5


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
    common, own = _common(mine, reference), _rules(reference)
    if common < max(own.sizes.shared_words, 0.7 * len(mine)):
        return False
    order, pairs = _in_order(mine, reference) / common, _pairs(mine, reference) / (common - 1)
    return (order < 0.8 and pairs <= 0.34) or (_broken(mine, own) and pairs <= 0.5)


def _broken(mine: list[str], own: LanguageRules) -> bool:
    """Whether the order of small words is none of the language: «of the and», an end on «the»."""
    small = own.table("grading")["guard"]
    linking, articles, after, last = (
        frozenset(small[key].split())
        for key in ("linking", "articles", "after_article", "never_last")
    )
    pairs = zip(mine, mine[1:], strict=False)
    bad = sum(a in articles and b in linking - after for a, b in pairs)
    return bad + (mine[-1] in articles | last) >= 1


def _negated(answer: str, reference: str) -> bool:
    """The reference nearly word for word, but with a negation more or less."""
    mine, theirs = _characters(answer), _characters(reference)
    if len(theirs) < 3 or negations(answer) == negations(reference):
        return False
    common = _in_order(mine, theirs)
    return common >= 0.75 * len(theirs) and common >= 0.6 * len(mine)


def _stuffed(mine: list[str], reference: list[str], asked: list[str]) -> bool:
    """A run of three or more of the reference's content words that are no phrase of it."""
    own = _rules(reference)
    if not own.spaced:
        return False  # Chinese prose sets content words side by side; see ``_listed``
    linking = own.table("grading")["guard"]["linking"].split()
    known, phrases = set(reference), set(_bigrams(reference)) | set(_bigrams(asked))
    run: list[str] = []
    for word in [*mine, ""]:
        if word in known and word not in linking:
            run.append(word)
            continue
        if _list_of_words(run, phrases):
            return True
        run = []
    return False


def _listed(item: Item, answer: str) -> bool:
    """Chinese: four or more of the reference's words in a row, set apart by blanks or commas."""
    unspaced = (r for r in item.references if not rules(language_of(r)).spaced)
    return any(_lists(answer, r) for r in unspaced)


def _lists(answer: str, reference: str) -> bool:
    run: list[int] = []
    for piece in [*re.split(r"[\s、，,；;]+", answer.lower()), ""]:
        place = reference.lower().find(piece) if 0 < len(piece) <= _LONGEST else -1
        if place >= 0:
            run.append(place)
            continue
        if len(run) >= _RUN and run != sorted(run):
            return True
        run = []
    return False


def _rules(words: Sequence[str]) -> LanguageRules:
    """The rules of the language that the words are in."""
    return rules(language_of(" ".join(words)))


def _list_of_words(run: list[str], phrases: set[tuple[str, str]]) -> bool:
    if len(run) < _RUN or len(set(run)) < _RUN:
        return False
    pairs = list(_bigrams(run))
    return sum(pair in phrases for pair in pairs) <= len(pairs) / 3


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
