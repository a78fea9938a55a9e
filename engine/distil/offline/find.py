"""What a reader of the book found: a subject, what is asked of it, and the book's own answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.distil.points import Point
from engine.language import rules
from engine.schema import Evidence, Language, PairKind, Section


@dataclass(frozen=True)
class Find:
    """One knowledge point before it is judged.

    ``source`` names the finder (``glossary``, ``prose`` ...), ``wording`` the questions in
    ``wordings.toml``; ``parts`` are put into its questions (``x`` is the subject) and into its
    statements, of which those stay out that lack a part. ``quotes`` are verbatim from the book.
    """

    source: str
    kind: PairKind
    wording: str
    parts: Mapping[str, str]
    answer: str
    quotes: Sequence[str]
    page: int
    section: Section = field(repr=False)

    @property
    def subject(self) -> str:
        """What is asked about."""
        return self.parts["x"]


def point_of(find: Find, language: Language) -> Point:
    """The find as a point, with the questions and true statements of its wording."""
    own = rules(language).table("wordings")[find.wording]
    capitals = rules(language).capitals
    quotes = tuple(
        Evidence(quote=quote, section=find.section.id, title=find.section.title, page=find.page)
        for quote in find.quotes
    )
    return Point(
        kind=find.kind,
        answer=find.answer,
        evidence=quotes,
        questions=tuple(_filled(own["trained"], find.parts, capitals=capitals)),
        held_out=tuple(_filled(own["held_out"], find.parts, capitals=capitals)),
        statements=(*_said(find), *_filled(own["statements"], find.parts, capitals=capitals)),
    )


def _said(find: Find) -> Sequence[str]:
    """The answer itself, where it is the book's own sentence."""
    return [find.answer] if find.source == "prose" and "\n" not in find.answer else []


def _filled(templates: Sequence[str], parts: Mapping[str, str], *, capitals: bool) -> list[str]:
    """The templates whose parts are all known, filled in, with a capital where they begin."""
    found = []
    for template in templates:
        try:
            text = template.format_map(parts)
        except KeyError:
            continue
        found.append(text[:1].upper() + text[1:] if capitals else text)
    return found
