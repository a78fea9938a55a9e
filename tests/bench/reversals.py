"""How many true statements the tutor lets through, and how many turned round it catches.

    python -m tests.bench.reversals --home HOME --courses python,algo [--show 20]

Real reviewed answers are turned round, one fault each (kinds: number, negation, quantity, swapped,
antonym), and held against the answer itself (*answer*, as the student's words are) and the passage
that it is from (*passage*, as a connected model's sentences are). As many true ones, not turned
round, are held against the same: without a leading connector, their first letter lowered. Half of
the answers (by a hash of their text, ``--half look``) are for looking at, the others only measure.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.judge import interval
from engine.schema import Pair, Passage
from engine.settings import load
from engine.store import Store
from engine.text import sentences
from engine.tutor.faithful import borne_out

KINDS = ("number", "negation", "quantity", "swapped", "antonym")
WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_SHORTEST = 12


@dataclass(frozen=True)
class Planted:
    """A statement: true, or with one fault of a kind; what it is held against."""

    kind: str
    language: str
    claim: str
    answer: str
    passage: str
    question: str


def plain(answer: str, language: str) -> str:
    """A true statement of the same: no leading connector, the first letter lowered."""
    bare = re.sub(WORDS[language]["connectors"], "", answer, flags=re.IGNORECASE)
    return bare[:1].lower() + bare[1:]


def turned(answer: str, kind: str, language: str, dice: random.Random) -> str:
    """The answer with one fault of this kind, or an empty string where none fits."""
    if kind == "swapped":
        return _swapped(answer, language, dice)
    if kind == "number" and (found := _another_number(answer, dice)):
        return found
    for pattern, other in WORDS[language][kind]:
        places = list(re.finditer(pattern, answer, re.IGNORECASE))
        if places:
            place = dice.choice(places)
            return answer[: place.start()] + place.expand(other) + answer[place.end() :]
    return ""


def _another_number(answer: str, dice: random.Random) -> str:
    places = list(re.finditer(r"(?<![\w.])\d+(?![\w.])", answer))
    if not places:
        return ""
    place = dice.choice(places)
    return (
        f"{answer[: place.start()]}{int(place.group()) + dice.randint(1, 4)}{answer[place.end() :]}"
    )


def _swapped(answer: str, language: str, dice: random.Random) -> str:
    """Two content words on either side of a verb change places."""
    verbs = list(re.finditer(WORDS[language]["subject"], answer))
    dice.shuffle(verbs)
    for verb in verbs:
        before = _nouns(re.split(r"[,，;；。:：]", answer[: verb.start()])[-1], language)
        after = _nouns(re.split(r"[,，;；。.:：]", answer[verb.end() :])[0], language)
        if before and after and before[-1].lower() != after[-1].lower():
            one, other = before[-1], after[-1]
            at, to = answer.rindex(one, 0, verb.start()), answer.index(other, verb.end())
            if not answer[to + len(other) : to + len(other) + 3].lower().startswith(" of"):
                kept = answer[at + len(one) : to]
                return answer[:at] + other + kept + one + answer[to + len(other) :]
    return ""


def _nouns(text: str, language: str) -> list[str]:
    if language == "zh":
        import jieba.posseg

        return [w for w, tag in jieba.posseg.cut(text) if tag[0] in "ne" and len(w) > 1]
    return [w for w in re.findall(r"[A-Za-z][\w-]{3,}", text) if w.lower() not in _NO_NOUNS]


_NO_NOUNS = frozenset(
    [
        "that",
        "this",
        "these",
        "those",
        "with",
        "from",
        "into",
        "when",
        "then",
        "than",
        "they",
        "them",
        "your",
        "their",
        "there",
        "which",
        "what",
        "where",
        "will",
        "would",
        "could",
        "should",
        "have",
        "been",
        "being",
        "more",
        "most",
        "some",
        "such",
        "each",
        "both",
        "very",
        "also",
        "just",
        "only",
        "like",
        "same",
        "other",
        "another",
        "because",
        "usually",
        "often",
        "always",
        "never",
        "called",
        "used",
        "using",
        "about",
        "does",
        "make",
        "makes",
        "must",
        "many",
        "much",
        "well",
        "even",
        "however",
        "before",
        "after",
        "between",
    ]
)


def planted(pairs: Sequence[Pair], passages: Sequence[Passage], seed: int) -> Iterator[Planted]:
    """For each answer one reversal of each kind that fits, and the answer itself."""
    dice = random.Random(seed)
    for pair in pairs:
        quote = pair.evidence[0].quote
        home = next((p.text for p in passages if quote in " ".join(p.text.split())), "")
        base = (pair.language, pair.answer, home or pair.answer, pair.question)
        for kind in KINDS:
            if claim := turned(pair.answer, kind, pair.language, dice):
                yield Planted(kind, base[0], claim, *base[1:])
        yield Planted("true", base[0], plain(pair.answer, pair.language), *base[1:])


def answers(store: Store, course: str, half: str) -> list[Pair]:
    """Pairs of this half with answers of one or two sentences that differ."""
    own: dict[str, Pair] = {}
    for pair in store.pairs(course):
        told = sentences(pair.answer, pair.language)
        if pair.evidence and len(pair.answer) > _SHORTEST and len(told) <= 2:
            own.setdefault(pair.answer, pair)
    return [p for p in own.values() if half == "all" or half_of(p.answer) == half]


def half_of(text: str) -> str:
    """Which half an answer is in."""
    return "look" if hashlib.sha256(text.encode()).digest()[0] % 2 else "sealed"


def chosen(found: Sequence[Planted], each: int, seed: int) -> list[Planted]:
    """At most so many a kind and language, and as many true ones as reversals."""
    dice = random.Random(seed)
    kept: list[Planted] = []
    for language in sorted({p.language for p in found}):
        wrong: list[Planted] = []
        for kind in KINDS:
            own = [p for p in found if p.kind == kind and p.language == language]
            wrong += dice.sample(own, min(each, len(own)))
        true = [p for p in found if p.kind == "true" and p.language == language]
        kept += wrong + dice.sample(true, min(len(wrong), len(true)))
    return kept


def rows(kept: Sequence[Planted], against: str) -> Iterator[Mapping[str, Any]]:
    """For each kind and language the share that is withheld, with n."""
    for language in sorted({p.language for p in kept}):
        for kind in (*KINDS, "all wrong", "true"):
            own = [
                p
                for p in kept
                if p.language == language and (p.kind == kind or kind == "all wrong" != p.kind)
            ]
            own = [p for p in own if kind != "all wrong" or p.kind != "true"]
            held = [float(not _passes(p, against)) for p in own]
            if own:
                figure = interval(held)
                yield {"language": language, "kind": kind, "n": len(own), "withheld": figure}


def _passes(row: Planted, against: str) -> bool:
    source = row.answer if against == "answer" else row.passage
    return borne_out(row.claim, source, row.question)


def main() -> None:
    """Print a table a source; ``--show`` prints what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--courses", required=True)
    parser.add_argument("--half", choices=("look", "sealed", "all"), default="look")
    parser.add_argument("--each", type=int, default=20, help="reversals a kind and language")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--show", type=int, default=0)
    given = parser.parse_args()
    store = Store(load(given.home).database)
    found: list[Planted] = []
    for course in given.courses.split(","):
        pairs = answers(store, course, given.half)
        found += planted(pairs, store.passages(course), given.seed)
    kept = chosen(found, given.each, given.seed)
    for against in ("answer", "passage"):
        print(f"held against the {against}: withheld (goal: wrong >= .95, true <= .05)")
        for row in rows(kept, against):
            f = row["withheld"]
            print(
                f"  {row['language']} {row['kind']:10} {f.value:.2f} [{f.low:.2f}, {f.high:.2f}] n = {row['n']}"
            )
        missed = [p for p in kept if _passes(p, against) != (p.kind == "true")]
        for p in missed[: given.show]:
            print(f"  - {p.kind}: {p.claim}\n      source: {p.answer}")


if __name__ == "__main__":
    main()
