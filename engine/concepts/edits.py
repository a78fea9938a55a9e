"""What people change in the concept graph: names, joined and hidden concepts, new ones, edges.

Edits are kept apart from what the book says and laid over it, so they outlive a new reading of the
book; those whose concepts are gone wait until they come back. A person's edges come first: an
automatic edge that would close a cycle with them gives way, and a person's own cycle is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.concepts.extract import Concept, Prerequisite, sentence_with
from engine.errors import BadInput
from engine.schema import Document, Value

Edge = tuple[str, str]


class AddedConcept(Value):
    """A concept that a person added; its section is found again by its title in a new reading."""

    name: str
    section: str = ""
    title: str = ""
    quote: str = ""


class Edits(Value):
    """What a person changed.

    ``add`` and ``remove`` are edges (concept, its prerequisite) under present names; ``rename``
    leads from the book's name, and from every earlier one, to the present name; ``merge`` from a
    present name to the concept that it joined; ``hide`` holds present names.
    """

    add: tuple[Edge, ...] = ()
    remove: tuple[Edge, ...] = ()
    rename: dict[str, str] = {}
    merge: dict[str, str] = {}
    hide: tuple[str, ...] = ()
    new: tuple[AddedConcept, ...] = ()

    def now(self, name: str) -> str:
        """The name under which a concept is shown that was known by this one."""
        present = self.rename.get(name, name)
        return self.merge.get(present, present)


# ------------------------------------------------------------------ single changes


def renamed(edits: Edits, old: str, new: str) -> Edits:
    """The edits with another name for a concept; the old one stays known."""
    old, new = old.strip(), new.strip()

    def name(given: str) -> str:
        return new if given == old else given

    known = {k: name(v) for k, v in edits.rename.items()} | {old: new}
    return Edits(
        add=_edges(edits.add, name),
        remove=_edges(edits.remove, name),
        rename={k: v for k, v in known.items() if k != v},
        merge={name(k): name(v) for k, v in edits.merge.items()},
        hide=tuple(name(n) for n in edits.hide),
        new=tuple(n.model_copy(update={"name": name(n.name)}) for n in edits.new),
    )


def merged(edits: Edits, name: str, into: str) -> Edits:
    """The edits with one concept joined to another: sections, edges and answers come along."""
    if name == into:
        return edits

    def place(given: str) -> str:
        return into if given == name else given

    joined = {k: place(v) for k, v in edits.merge.items()} | {name: into}
    changes = {"add": _edges(edits.add, place), "remove": _edges(edits.remove, place)}
    return edits.model_copy(update={**changes, "merge": joined})


def separated(edits: Edits, name: str) -> Edits:
    """The edits with a joined concept on its own again."""
    return edits.model_copy(update={"merge": {k: v for k, v in edits.merge.items() if k != name}})


def hidden(edits: Edits, name: str) -> Edits:
    """The edits with a concept that is not shown, taught or traced any more."""
    return edits.model_copy(update={"hide": tuple(dict.fromkeys((*edits.hide, name)))})


def shown(edits: Edits, name: str) -> Edits:
    """The edits with a hidden concept shown again."""
    return edits.model_copy(update={"hide": tuple(n for n in edits.hide if n != name)})


def with_concept(edits: Edits, documents: Sequence[Document], name: str, section: str) -> Edits:
    """The edits with a new concept at home in a section, which gives the quote.

    Raises:
        BadInput: ``concepts.section``; no book of the course has the section.
    """
    found = next((s for d in documents for s in d.sections if section in (s.id, s.title)), None)
    if found is None:
        raise BadInput(
            f"There is no section “{section}”.",
            code="concepts.section",
            next="Use a heading that `coursewright outline` shows.",
            section=section,
        )
    quote = sentence_with(found, name.strip())
    own = AddedConcept(name=name.strip(), section=found.id, title=found.title, quote=quote)
    return edits.model_copy(update={"new": (*edits.new, own)})


def connected(edits: Edits, concept: str, prerequisite: str) -> Edits:
    """The edits with a prerequisite added."""
    edge = (concept, prerequisite)
    rest = tuple(e for e in edits.remove if e != edge)
    return edits.model_copy(
        update={"add": tuple(dict.fromkeys((*edits.add, edge))), "remove": rest}
    )


def disconnected(edits: Edits, concept: str, prerequisite: str) -> Edits:
    """The edits with a prerequisite taken away."""
    edge = (concept, prerequisite)
    rest = tuple(e for e in edits.add if e != edge)
    return edits.model_copy(
        update={"add": rest, "remove": tuple(dict.fromkeys((*edits.remove, edge)))}
    )


def _edges(edges: Iterable[Edge], name: Any) -> tuple[Edge, ...]:
    """The edges under other names, each once; an edge from a concept to itself falls away."""
    moved = ((name(a), name(b)) for a, b in edges)
    return tuple(dict.fromkeys(edge for edge in moved if edge[0] != edge[1]))


# ------------------------------------------------------------------ laid over the book's graph


def apply_edits(
    graph: Sequence[Concept], edits: Edits, sections: Mapping[str, str] | None = None
) -> list[Concept]:
    """The graph with a person's edits; what the book does not have (any more) is left out.

    Args:
        graph: What the book says.
        edits: What a person changed; its own edges form no cycle (``check_edits`` sees to that).
        sections: Ids and titles of the book's sections in reading order: new concepts find their
            place by them.
    """
    every = _in_order([*graph, *_added(edits, sections or {})], sections or {})
    shown = [c for c in _joined(every, edits) if c.name not in edits.hide]
    kept = _kept_edges(shown, edits)
    return [c.model_copy(update={"prerequisites": tuple(kept[c.name].values())}) for c in shown]


def _added(edits: Edits, sections: Mapping[str, str]) -> list[Concept]:
    ids = {title: key for key, title in reversed(list(sections.items()))}
    found = []
    for new in edits.new:
        home = new.section if new.section in sections else ids.get(new.title)
        found.append(Concept(name=new.name, sections=(home,) if home else (), quote=new.quote))
    return found


def _in_order(concepts: list[Concept], sections: Mapping[str, str]) -> list[Concept]:
    order = {key: place for place, key in enumerate(sections)}
    if not order:
        return concepts
    return sorted(
        concepts, key=lambda c: order.get(c.sections[0] if c.sections else "", len(order))
    )


def _joined(concepts: Sequence[Concept], edits: Edits) -> list[Concept]:
    """Concepts under their present names; those under one name are one, where that name stood."""
    groups: dict[str, list[Concept]] = {}
    order = []
    for concept in concepts:
        present = edits.rename.get(concept.name, concept.name)
        name = edits.now(concept.name)
        own = present == name
        groups.setdefault(name, []).insert(0 if own else len(groups[name]), concept)
        if own and name not in order:
            order.append(name)
    lost = [name for name in groups if name not in order]  # joined to what the book lost
    return [_one(name, groups[name], edits) for name in (*order, *lost)]


def _one(name: str, parts: Sequence[Concept], edits: Edits) -> Concept:
    edges: dict[str, Prerequisite] = {}
    for edge in (edge for part in parts for edge in part.prerequisites):
        target = edits.now(edge.concept)
        known = edges.get(target)
        if target != name and (known is None or known.score < edge.score):
            edges[target] = edge.model_copy(update={"concept": target})
    return Concept(
        name=name,
        sections=tuple(dict.fromkeys(s for part in parts for s in part.sections)),
        prerequisites=tuple(edges.values()),
        quote=next((part.quote for part in parts if part.quote), ""),
    )


def _kept_edges(graph: Sequence[Concept], edits: Edits) -> dict[str, dict[str, Prerequisite]]:
    """By concept its edges: the person's, then the automatic ones that close no cycle."""
    automatic = {(c.name, e.concept): e for c in graph for e in c.prerequisites}
    kept: dict[str, dict[str, Prerequisite]] = {concept.name: {} for concept in graph}
    for a, b in edits.add:
        if a in kept and b in kept and not path_between(kept, b, a):
            known = automatic.get((a, b))
            evidence = known.evidence if known else ""
            edge = Prerequisite(concept=b, score=1.0, reason="edited", evidence=evidence)
            kept[a][b] = edge
    for (a, b), edge in automatic.items():
        if b not in kept or (a, b) in edits.remove or b in kept[a]:
            continue
        if not path_between(kept, b, a):
            kept[a][b] = edge
    return kept


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


# ------------------------------------------------------------------ what is refused


def check_edits(graph: Sequence[Concept], edits: Edits, before: Edits | None = None) -> None:
    """Whether a person's edits can be kept for the graph *without* edits.

    Args:
        graph: What the book says.
        edits: All edits, the new ones among them.
        before: The edits kept so far: what was fine once is not refused because the book changed.

    Raises:
        BadInput: ``concepts.unknown``, ``concepts.name_taken`` or ``concepts.cycle``.
    """
    old = before or Edits()
    _refuse_taken(_clashes(graph, edits) - _clashes(graph, old))
    names = {edits.rename.get(c.name, c.name) for c in graph} | {n.name for n in edits.new}
    known = _unknown(names, old)
    strange = next((name for name in _unknown(names, edits) if name not in known), None)
    if strange is not None:
        raise BadInput(
            f"There is no concept “{strange}”.",
            code="concepts.unknown",
            next="Use the names that `coursewright concepts` shows.",
            name=strange,
        )
    _refuse_cycle(graph, edits)


def _clashes(graph: Sequence[Concept], edits: Edits) -> set[str]:
    """Names that two concepts bear, or one bears and another bore; and the empty name."""
    names = [edits.rename.get(c.name, c.name) for c in graph] + [n.name for n in edits.new]
    twice = {name for name in names if names.count(name) > 1 or not name.strip()}
    return twice | {name for name in names if edits.rename.get(name, name) != name}


def _refuse_taken(names: set[str]) -> None:
    for name in sorted(names):
        raise BadInput(
            f"Another concept is or was already named “{name}”."
            if name.strip()
            else "A concept needs a name.",
            code="concepts.name_taken",
            next="Choose a name that no other concept has.",
            name=name,
        )


def _unknown(names: set[str], edits: Edits) -> list[str]:
    edges = [name for edge in (*edits.add, *edits.remove) for name in edge]
    mentioned = [*edges, *edits.merge, *edits.merge.values(), *edits.hide]
    lost = [old for old, new in edits.rename.items() if new not in names]
    return [*(name for name in mentioned if name not in names), *lost]


def _refuse_cycle(graph: Sequence[Concept], edits: Edits) -> None:
    """Add the person's edges one by one to what stands without them; a cycle is refused."""
    base = apply_edits(graph, edits.model_copy(update={"add": ()}))
    edges: dict[str, dict[str, Any]] = {
        c.name: {e.concept: e for e in c.prerequisites} for c in base
    }
    for a, b in edits.add:
        if a not in edges or b not in edges:
            continue
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
