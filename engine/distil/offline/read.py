"""A section read by all finders, and what of it is worth a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.distil.offline.asked import in_heading, in_questions
from engine.distil.offline.cautions import in_caution
from engine.distil.offline.entries import entries
from engine.distil.offline.errors import in_errors
from engine.distil.offline.find import Find, point_of
from engine.distil.offline.formulas import in_formula
from engine.distil.offline.lists import in_list
from engine.distil.offline.place import Place, place_of
from engine.distil.offline.programs import in_program
from engine.distil.offline.prose import in_prose
from engine.distil.offline.sessions import in_session
from engine.distil.offline.shown import in_example
from engine.distil.offline.tables import in_table
from engine.distil.offline.terms import Terms, book_terms, is_glossary
from engine.distil.offline.worth import best
from engine.distil.points import Point
from engine.schema import Document, Section


def taught(
    documents: Sequence[Document], sections: Iterable[Section], least: float | None = None
) -> Iterator[tuple[Section, list[Point]]]:
    """Each section with its knowledge points that are worth learning, by the books' own terms.

    All sections are read before the first is given: of what several define the best is kept.
    ``least`` is the least worth (see ``worth``), the judge's own where none is given.
    """
    terms = book_terms(documents)
    chosen = list(sections)
    finds = best([find for section in chosen for find in finds_of(section, terms)], terms, least)
    for section in chosen:
        language = place_of(section, terms).language
        own = [find for find in finds if find.section is section]
        yield section, [point_of(find, language) for find in own]


def finds_of(section: Section, terms: Terms) -> Iterator[Find]:
    """All that the finders find in a section, worth learning or not."""
    place = place_of(section, terms)
    yield from in_heading(place)
    for number in range(len(place.blocks)):
        yield from _in_block(place, number)


def _in_block(place: Place, number: int) -> Iterator[Find]:
    block = place.blocks[number]
    before = place.blocks[number - 1] if number else None
    yield from in_formula(place, place.blocks, number)
    if block.kind == "code":
        yield from in_session(place, place.blocks, number)
        yield from in_example(place, place.blocks, number)
        yield from in_program(place, place.blocks, number)
    elif block.kind == "table":
        yield from in_table(place, block)
    else:
        found = list(entries(place, block))
        yield from found
        yield from in_errors(place, block)
        if is_glossary(place.section):
            return
        yield from in_caution(place, block)
        asked = in_questions(place, place.blocks, number)
        if asked:
            yield asked
        elif block.kind == "list":
            yield from in_list(place, block, before)
        elif not found:
            after = place.blocks[number + 1 : number + 2]
            code = after[0].text if after and after[0].kind == "code" else ""
            yield from in_prose(place, block, code)
