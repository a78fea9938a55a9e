"""The concept graph of a course: what there is to know, and what has to be known before it.

Concepts are the titles of taught sections and the terms that sections define. An edge A -> B
(B is a prerequisite of A) needs B to be defined before A *and* a sign in the book: A's own section
mentions B, or A's name is built on B's. Since an automatic edge always points back in reading
order, the graph is acyclic by construction; a person's edges come first, and an automatic edge that
would close a cycle with them gives way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import exp, log1p
from typing import Any

from engine.course import taught_sections
from engine.errors import BadInput
from engine.learner.definitions import definitions_of, is_term
from engine.learner.prerequisites import REFERENCES, WEIGHTS, Mentions, name_features, terms_of
from engine.schema import Document, Section, Value, content_id
from engine.store import Result, Store
from engine.text import language_of, sentences

MOST = 150
"""Concepts of a course at most: the map must stay readable, and a learner's path finite."""
_EDGES = 3
_THRESHOLD = 0.5
_SECTIONS = 5
_VERSION = 1
_NUMBER = re.compile(r"^(?:第[一二三四五六七八九十\d]+[章节]|(?:[\dA-Z]+\.)*\d+\.?)\s*")
_GENERAL = re.compile(
    r"^(?:introduction|summary|conclusion|overview|glossary|debugging|exercises?|key review.*|"
    r"q ?& ?a|further reading|case study.*|more .*|what is .*|how .*|why .*|before .*|chapter.*|"
    r"appendix.*|"
    r"hello.*|小结|总结|概述|引言|本章.*|重点.*|术语.*|附录.*|小节|更多.*)$",
    re.IGNORECASE,
)


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


class Edits(Value):
    """What a person changed: edges (concept, prerequisite) added and removed, names replaced."""

    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[tuple[str, str], ...] = ()
    rename: dict[str, str] = {}


class _Found(Value):
    name: str
    home: int
    quote: str = ""
    weight: float = 0.0


def concepts(documents: Sequence[Document], edits: Edits | None = None) -> list[Concept]:
    """The concepts of the books in the order in which they are introduced; the edges acyclic."""
    sections = taught_sections(documents)
    found = _candidates(sections)
    book = Mentions([_book(documents, sections)], [item.name for item in found])
    chosen = _most_used(found, book)
    edges = _edges(chosen, book, sections)
    graph = [
        Concept(
            name=item.name,
            sections=_places(item, book, sections),
            prerequisites=tuple(edges.get(item.name, ())),
            quote=item.quote,
        )
        for item in chosen
    ]
    return apply_edits(graph, edits or Edits())


def _book(documents: Sequence[Document], sections: Sequence[Section]) -> Document:
    """The taught sections as one book, so that a section's number is its place in reading order."""
    first = documents[0] if documents else None
    language = first.language if first else "en"
    return Document(id="", title="", filename="", language=language, sections=tuple(sections))


def _candidates(sections: Sequence[Section]) -> list[_Found]:
    """Titles and defined terms, each under its first name; a definition beats a mere title."""
    found: dict[tuple[str, ...], _Found] = {}
    for home, section in enumerate(sections):
        title = _NUMBER.sub("", section.title).strip(" .:：")
        if is_term(title) and not _GENERAL.match(title) and _short(title):
            found.setdefault(_key(title), _Found(name=title, home=home, weight=2.0))
        for term, quote in definitions_of(section):
            if not _short(term):
                continue
            known = found.get(_key(term))
            if known is None:
                found[_key(term)] = _Found(name=term, home=home, quote=quote)
            elif not known.quote:
                found[_key(term)] = known.model_copy(update={"quote": quote})
    return sorted(found.values(), key=lambda item: (item.home, item.name))


def _key(name: str) -> tuple[str, ...]:
    return tuple(terms_of(name))


def _short(name: str) -> bool:
    return len(name) <= (14 if language_of(name) == "zh" else 40) and len(name.split()) <= 5


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
        if b.home < a.home and (book.counts[b.name].get(a.home, 0) or _built_on(a.name, b.name))
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


def _built_on(a: str, b: str) -> bool:
    return set(terms_of(b)) < set(terms_of(a))


def _edge(
    a: _Found,
    b: _Found,
    row: Sequence[float],
    book: Mentions,
    sections: Sequence[Section],
) -> Prerequisite:
    mentions = book.counts[b.name].get(a.home, 0)
    x = WEIGHTS.base + sum(w * value for w, value in zip(WEIGHTS[1:], row, strict=True))
    x += log1p(mentions) + REFERENCES * book.refd(a.name, b.name)
    return Prerequisite(
        concept=b.name,
        score=round(1 / (1 + exp(-x)), 4),
        evidence=_sentence(sections[a.home], b.name) if mentions else "",
        reason="mentioned" if mentions else "name",
    )


def _sentence(section: Section, name: str) -> str:
    """The first sentence of the section that mentions the concept."""
    wanted = " ".join(terms_of(name))
    for block in section.blocks:
        if block.kind in ("prose", "list"):
            for sentence in sentences(block.text, language_of(block.text)):
                stems = f" {' '.join(terms_of(sentence))} "
                if f" {wanted} " in stems or name.lower() in sentence.lower():
                    return sentence
    return ""


# ------------------------------------------------------------------ edits by people


def apply_edits(graph: Sequence[Concept], edits: Edits) -> list[Concept]:
    """The graph with a person's edits; edges whose concepts are gone from the book are left out.

    Automatic edges that would close a cycle with the person's are dropped. The person's own edges
    must not form a cycle among themselves (``save_edits`` sees to that).
    """
    named = [_renamed(concept, edits.rename) for concept in graph]
    names = {concept.name for concept in named}
    removed = set(edits.remove)
    kept: dict[str, dict[str, Prerequisite]] = {name: {} for name in names}
    for a, b in edits.add:
        if a in names and b in names:
            kept[a][b] = Prerequisite(concept=b, score=1.0, reason="edited")
    for concept in named:
        for edge in concept.prerequisites:
            if (concept.name, edge.concept) in removed or edge.concept in kept[concept.name]:
                continue
            if not path_between(kept, edge.concept, concept.name):
                kept[concept.name][edge.concept] = edge
    return [c.model_copy(update={"prerequisites": tuple(kept[c.name].values())}) for c in named]


def _renamed(concept: Concept, names: Mapping[str, str]) -> Concept:
    edges = tuple(
        e.model_copy(update={"concept": names.get(e.concept, e.concept)})
        for e in concept.prerequisites
    )
    name = names.get(concept.name, concept.name)
    return concept.model_copy(update={"name": name, "prerequisites": edges})


def path_between(graph: Mapping[str, Mapping[str, Any]], start: str, goal: str) -> list[str]:
    """Concepts from ``start`` to ``goal`` along prerequisites, both included; empty if none."""
    queue, came = [start], {start: ""}
    while queue:
        here = queue.pop(0)
        if here == goal:
            path = [here]
            while came[path[-1]]:
                path.append(came[path[-1]])
            return path[::-1]
        for other in graph.get(here, {}):
            if other not in came:
                came[other] = here
                queue.append(other)
    return []


def check_edits(graph: Sequence[Concept], edits: Edits) -> None:
    """Whether a person's edits can be kept for the graph *without* edits.

    Raises:
        BadInput: ``concepts.unknown``, ``concepts.name_taken`` or ``concepts.cycle``.
    """
    names = [edits.rename.get(concept.name, concept.name) for concept in graph]
    if len(set(names)) < len(names) or any(not name.strip() for name in names):
        taken = next((n for n in names if not n.strip() or names.count(n) > 1), "")
        raise BadInput(
            f"Another concept is already named “{taken}”.",
            code="concepts.name_taken",
            next="Choose a name that no other concept has.",
            name=taken,
        )
    for name in (name for edge in (*edits.add, *edits.remove) for name in edge):
        if name not in names:
            raise BadInput(
                f"There is no concept “{name}”.",
                code="concepts.unknown",
                next="Use the names that `coursewright concepts` shows.",
                name=name,
            )
    _refuse_cycle(graph, edits)


def _refuse_cycle(graph: Sequence[Concept], edits: Edits) -> None:
    """Add the person's edges one by one to what stands without them; a cycle is refused."""
    base = apply_edits(graph, edits.model_copy(update={"add": ()}))
    edges: dict[str, dict[str, Any]] = {
        c.name: {e.concept: e for e in c.prerequisites} for c in base
    }
    for a, b in edits.add:
        loop = path_between(edges, b, a)
        if loop:
            raise BadInput(
                f"“{b}” cannot be a prerequisite of “{a}”: that closes a circle "
                f"({' → '.join([a, *loop])}).",
                code="concepts.cycle",
                next="Remove one of these prerequisites first.",
                path=" → ".join([a, *loop]),
            )
        edges[a][b] = None


# ------------------------------------------------------------------ of a stored course


def course_concepts(store: Store, course: str) -> list[Concept]:
    """The course's graph with its saved edits; computed once for the books that it has.

    Raises:
        Missing: there is no such course.
    """
    edits = Edits.model_validate(store.choice(course, "concept_edits", {}))
    return apply_edits(_unedited(store, course), edits)


def save_edits(store: Store, course: str, edits: Edits) -> list[Concept]:
    """Keep a person's edits (all of them; they replace earlier ones) and return the new graph.

    Raises:
        BadInput: as ``check_edits``; nothing is saved then.
    """
    graph = _unedited(store, course)
    check_edits(graph, edits)
    store.choose(course, "concept_edits", edits.model_dump(mode="json"))
    return apply_edits(graph, edits)


def _unedited(store: Store, course: str) -> list[Concept]:
    inputs = content_id(_VERSION, store.document_ids(store.course(course).id))
    known = store.result(course, "concepts")
    if known and known.inputs == inputs:
        return [Concept.model_validate(row) for row in known.data["concepts"]]
    graph = concepts(store.documents(course))
    data = {"concepts": [concept.model_dump(mode="json") for concept in graph]}
    store.save_result(course, Result(stage="concepts", inputs=inputs, data=data))
    return graph
