"""Whether a sentence says what its source says: numbers, negations, quantities and who does what.

Word overlap lets a reversed statement through: "both are substrings" has all the words of a
sentence that says it of one. So a claim counts as borne out only where its content words and
numbers stand in the same order in one sentence of the source (or two that follow each other), each
under the same negations and quantities. What the question already said may stand in between. What
is true but worded freely is withheld too; the book speaks then. ``tests/bench/reversals.py``
measures it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from engine.language import rules
from engine.schema import Language
from engine.text import language_of, question_words, search_terms, sentences, symbols

_HELD = 0.5
"""Share of a claim's content words that the source must hold; the others are the question's."""
_VERBATIM = 0.9
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CLAUSE = re.compile(r"[;:；：，。！？()（）—]|,(?=\s)|[.!?](?=\s|$)")


@dataclass(frozen=True)
class _Word:
    """A content word, the negations and quantities over it, and the number of its clause."""

    term: str
    marks: tuple[str, ...]
    clause: int


def borne_out(claim: str, source: str, question: str = "") -> bool:
    """Whether the source says what the claim says, sentence by sentence of the claim.

    Args:
        claim: What a model wrote.
        source: What it should rest on: a quote, or a reviewed answer.
        question: What was asked; its words need not stand in the source.
    """
    language = language_of(source)
    told = sentences(source, language) or [source]
    spans = [*told, *(" ".join(pair) for pair in zip(told, told[1:], strict=False))]
    given = frozenset(word.term for word in _words(question, language))
    theirs = [_words(span, language) for span in spans]
    said = sentences(claim, language) or [claim]
    return all(any(_agrees(_words(c, language), t, given) for t in theirs) for c in said)


def supported(claim: str, source: str, question: str = "") -> bool:
    """Whether a sentence in a model's own words may rest on the source.

    Milder than ``borne_out``, which paraphrases never pass: at least ``_HELD`` of its content words
    and all its numbers stand in the source or the question; but where nearly all of them stand
    there (``_VERBATIM``), it repeats the source, and then nothing may be turned round.
    """
    language = language_of(source)
    known = {word.term for word in _words(f"{source}\n{question}", language)}
    own = [word.term for word in _words(claim, language)]
    numbers = set(_NUMBER.findall(f"{source}\n{question}"))
    if not own or not set(_NUMBER.findall(claim)) <= numbers:
        return not own
    held = sum(term in known for term in own) / len(own)
    return borne_out(claim, source, question) if held >= _VERBATIM else held >= _HELD


def _agrees(own: Sequence[_Word], theirs: Sequence[_Word], given: frozenset[str]) -> bool:
    """Whether the claim's words stand among these, in order, under the same marks."""
    known = {word.term for word in theirs}
    shared = [word for word in own if word.term in known]
    others = [word for word in own if word.term not in known]
    if any(word.term not in given or word.marks for word in others):
        return False
    return len(shared) >= _HELD * len(own) and _in_order(shared, theirs)


def _in_order(shared: Sequence[_Word], theirs: Sequence[_Word]) -> bool:
    """Whether the words are a subsequence of the source's, with equal marks.

    Marks of a word that the claim leaves out fall on the next word of its clause: "is not fully
    defined" does not bear out "is defined". After the first word only the nearest occurrence will
    do: "lists can be changed, tuples cannot be changed" does not bear out that lists cannot.
    """
    ends = {-1}
    for word in shared:
        ends = {at for end in ends for at in _next(word, theirs, end)}
        if not ends:
            return False
    return True


def _next(word: _Word, theirs: Sequence[_Word], end: int) -> list[int]:
    """Where the word may stand after ``end``: at the nearest place, at the beginning anywhere."""
    places = [at for at in range(end + 1, len(theirs)) if theirs[at].term == word.term]
    near = places if end < 0 else places[:1]
    return [at for at in near if _over(theirs, end, at) == word.marks]


def _over(theirs: Sequence[_Word], end: int, at: int) -> tuple[str, ...]:
    """The marks over a word where the words after ``end`` and before it are left out."""
    clause = theirs[at].clause
    return _sum(w.marks for w in theirs[end + 1 : at + 1] if w.clause == clause)


def _sum(marks: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Marks that come together; two negations cancel each other."""
    found = sorted(mark for own in marks for mark in own)
    negated = found.count(_NOT) % 2
    return (*((_NOT,) * negated), *(m for m in found if m != _NOT))


_NOT = "\0not"


def _words(text: str, language: Language) -> list[_Word]:
    """The content words of a text, each with the marks that stand before it in its clause."""
    found: list[_Word] = []
    for number, clause in enumerate(_CLAUSE.split(text.lower().replace("’", "'"))):
        waiting: list[str] = []
        for piece, mark in _pieces(clause, language):
            for term in _content(piece, language):
                found.append(_Word(term, _sum([waiting]), number))
                waiting = []
            waiting += mark
        if waiting and found:  # "…, tuples not": what comes last is over what stands before it
            last = found.pop()
            found.append(_Word(last.term, _sum([last.marks, waiting]), last.clause))
    return found


def _pieces(clause: str, language: Language) -> list[tuple[str, list[str]]]:
    """The clause cut at its marks: what stands before each, and the mark (none after the last)."""
    table = rules(language).table("faithful")
    negations = _pattern(tuple(table["negations"]))
    either = _pattern((*table["negations"], *table["quantities"]))
    found, at = [], 0
    for match in either.finditer(clause):
        mark = _NOT if negations.fullmatch(match.group()) else match.group()
        found.append((clause[at : match.start()], [mark]))
        at = match.end()
    return [*found, (clause[at:], [])]


def _content(text: str, language: Language) -> list[str]:
    idle = _light(language)
    return [t for t in (*search_terms(text, language), *symbols(text)) if t not in idle]


@cache
def _pattern(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(parts))


@cache
def _light(language: Language) -> frozenset[str]:
    """Words that may come and go: they carry no claim."""
    table = rules(language).table("faithful")

    def terms(name: str) -> set[str]:
        return {term for word in table[name].split() for term in search_terms(word, language)}

    return frozenset((question_words() | terms("light")) - terms("kept"))
