"""The concept graph of a course: what there is to know, and what has to be known before it.

Concepts are the titles of taught sections and the terms that sections define. An edge A -> B
(B is a prerequisite of A) needs B to be defined before A *and* a sign in the book: A's own section
mentions B, or A's name is built on B's. Since an automatic edge always points back in reading
order, the graph is acyclic by construction. What people change in it is in ``edits``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log1p

from engine.concepts.definitions import definitions_of, is_term
from engine.concepts.prerequisites import (
    ORDER,
    REFERENCES,
    WEIGHTS,
    Mentions,
    name_features,
    terms_of,
)
from engine.course import taught_sections
from engine.language import DEFAULT, any_pattern, rules
from engine.schema import Document, Language, Section, Value
from engine.text import language_of, sentences

MOST = 150
"""Concepts of a course at most: the map must stay readable, and a learner's path finite."""
_EDGES = 3
_THRESHOLD = 0.5
_SECTIONS = 5


class Prerequisite(Value):
    """An edge; ``reason`` is ``mentioned``, ``name`` or ``edited``, ``evidence`` a sentence."""

    concept: str
    score: float
    evidence: str = ""
    reason: str = "mentioned"


class Concept(Value):
    """A concept: ``sections`` are ids, the defining one first; ``quote`` is its definition."""

    name: str
    sections: tuple[str, ...]
    prerequisites: tuple[Prerequisite, ...] = ()
    quote: str = ""


class _Found(Value):
    name: str
    home: int
    quote: str = ""
    weight: float = 0.0


def concepts(documents: Sequence[Document]) -> list[Concept]:
    """The concepts of the books in the order in which they are introduced; the edges acyclic."""
    sections = taught_sections(documents)
    whole = _book(documents, sections)
    found = _candidates(sections, whole.language)
    book = Mentions([whole], [item.name for item in found])
    chosen = _most_used([_at_home(item, book, sections) for item in found], book)
    edges = _edges(chosen, book, sections)
    return [
        Concept(
            name=item.name,
            sections=_places(item, book, sections),
            prerequisites=tuple(edges.get(item.name, ())),
            quote=item.quote,
        )
        for item in chosen
    ]


def _book(documents: Sequence[Document], sections: Sequence[Section]) -> Document:
    """The taught sections as one book, so that a section's number is its place in reading order."""
    first = documents[0] if documents else None
    language = first.language if first else DEFAULT
    return Document(id="", title="", filename="", language=language, sections=tuple(sections))


def _candidates(sections: Sequence[Section], language: Language) -> list[_Found]:
    """Titles and defined terms, each under its first name; a definition beats a mere title."""
    found: dict[tuple[str, ...], _Found] = {}
    for home, section in enumerate(sections):
        title = _without_number(section.title).strip(" .:：")
        if is_term(title, language) and not _is_general(title) and _is_short(title):
            key = tuple(terms_of(title, language))
            found.setdefault(key, _Found(name=title, home=home, weight=2.0))
        for term, quote in definitions_of(section):
            if not _is_short(term):
                continue
            key = tuple(terms_of(term, language))
            known = found.get(key)
            if known is None:
                found[key] = _Found(name=term, home=home, quote=quote)
            elif not known.quote:
                found[key] = known.model_copy(update={"quote": quote})
    return sorted(found.values(), key=lambda item: (item.home, item.name))


def _without_number(title: str) -> str:
    """The title without the number of its chapter or section."""
    numbers = r"^(?:{}|(?:[\dA-Z]+\.)*\d+\.?(?=\s)|\d+(?:\.\d+)+)\s*"
    return any_pattern("language", "titles", "number", form=numbers, flags=0).sub("", title)


def _is_general(title: str) -> bool:
    """Whether a title names no matter of its own: «Introduction», «Exercises»."""
    pattern = any_pattern("language", "titles", "general", form="^(?:{})$")
    return pattern.match(title) is not None


def _is_short(name: str) -> bool:
    longest = rules(language_of(name)).sizes.longest_term
    return len(name) <= longest and len(name.split()) <= 5


def _at_home(item: _Found, book: Mentions, sections: Sequence[Section]) -> _Found:
    """Move a glossary's or summary's term to the section of its chapter that speaks of it most."""
    there = sections[item.home]
    if not _is_general(_without_number(there.title).strip()):
        return item
    counts = book.counts[item.name]
    near = [i for i in counts if i < item.home and sections[i].parent == there.parent]
    home = max(near, key=lambda i: (counts[i], -i), default=item.home)
    return item.model_copy(update={"home": home})


def _most_used(found: Sequence[_Found], book: Mentions) -> list[_Found]:
    """The ``MOST`` concepts that most sections mention (a title counts as two more), in order."""

    def use(item: _Found) -> float:
        return item.weight + len(book.counts[item.name])

    kept = sorted(found, key=lambda item: (-use(item), item.home, item.name))[:MOST]
    return sorted(kept, key=lambda item: (item.home, item.name))


def _places(item: _Found, book: Mentions, sections: Sequence[Section]) -> tuple[str, ...]:
    counts = book.counts[item.name]
    others = sorted((i for i in counts if i != item.home), key=lambda i: (-counts[i], i))
    kept = [i for i in others if counts[i] >= 2][: _SECTIONS - 1]
    return tuple(sections[i].id for i in (item.home, *kept))


def _edges(
    found: Sequence[_Found], book: Mentions, sections: Sequence[Section]
) -> dict[str, list[Prerequisite]]:
    pairs = [
        (a, b)
        for a in found
        for b in found
        if b.home < a.home
        and (book.counts[b.name].get(a.home, 0) or _built_on(a.name, b.name, book.language))
    ]
    names = [(a.name, b.name) for a, b in pairs]
    rows = name_features(names, [item.name for item in found]) if names else []
    edges: dict[str, list[Prerequisite]] = {}
    for (a, b), row in zip(pairs, rows, strict=True):
        edge = _edge(a, b, row, book, sections)
        if edge.score >= _THRESHOLD:
            edges.setdefault(a.name, []).append(edge)
    return {
        name: sorted(found, key=lambda e: (-e.score, e.concept))[:_EDGES]
        for name, found in edges.items()
    }


def _built_on(a: str, b: str, language: Language) -> bool:
    return set(terms_of(b, language)) < set(terms_of(a, language))


def _edge(
    a: _Found,
    b: _Found,
    row: Sequence[float],
    book: Mentions,
    sections: Sequence[Section],
) -> Prerequisite:
    mentions = book.counts[b.name].get(a.home, 0)
    x = WEIGHTS.base + sum(w * value for w, value in zip(WEIGHTS[1:], row, strict=True))
    x += ORDER + log1p(mentions) + REFERENCES * book.refd(a.name, b.name)
    return Prerequisite(
        concept=b.name,
        score=round(1 / (1 + exp(-x)), 4),
        evidence=sentence_with(sections[a.home], b.name) if mentions else "",
        reason="mentioned" if mentions else "name",
    )


def sentence_with(section: Section, name: str) -> str:
    """The first sentence of the section that mentions the concept, or an empty string."""
    language = section.language or language_of(section.text)
    wanted = " ".join(terms_of(name, language))
    for block in section.matter:
        if block.kind in ("prose", "list"):
            for sentence in sentences(block.text, block.language or language):
                stems = f" {' '.join(terms_of(sentence, language))} "
                if f" {wanted} " in stems or name.lower() in sentence.lower():
                    return sentence
    return ""
