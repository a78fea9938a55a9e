"""From books to what can be taught: passages, and the split that keeps the exam honest.

The split is decided *before* any question exists, from the seed and the names of things alone, so
no run can peek: some sections are kept out whole (transfer exam); of the taught sections some
knowledge points keep one wording out of training (reworded exam) or for validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import model_validator

from engine.exercises import exercises as exercises
from engine.language import any_pattern, rules
from engine.schema import Block, Document, Passage, Section, Value, content_id, renamed
from engine.text import count_tokens, language_of, sentences

PASSAGE_TOKENS = 260
"""Target size of a passage: three of them and an answer fit a small student's attention well."""


class SplitPlan(Value):
    """Which section and which knowledge point serves what, from the seed alone.

    ``transfer``, ``reworded`` and ``validation`` are shares: of taught sections, and of points.
    """

    seed: int = 0
    transfer: float = 0.08
    reworded: float = 0.25
    validation: float = 0.08

    _formerly = model_validator(mode="before")(renamed)

    def is_transfer(self, section: str) -> bool:
        """Whether the section is kept out of generation for training altogether."""
        return _draw(self.seed, "section", section) < self.transfer

    def role(self, point: str) -> str:
        """``reworded``, ``validation`` or ``train``: what one wording of this point is kept for."""
        draw = _draw(self.seed, "point", point)
        if draw < self.reworded:
            return "reworded"
        return "validation" if draw < self.reworded + self.validation else "train"


def _draw(*parts: object) -> float:
    """A repeatable uniform number in [0, 1) for the parts."""
    return int(content_id(*parts), 16) / 16**16


def _names_no_matter(title: str) -> bool:
    """Whether a title is that of a preface, an index, exercises and the like, in any language."""
    pattern = any_pattern("language", "titles", "not_taught", form=r"^(?:[\dA-Z.\s]*)({})\s*$")
    return bool(pattern.match(title.strip()))


def is_taught(section: Section) -> bool:
    """Whether the section carries course matter (not a preface, index or list of exercises)."""
    return defines(section) or (not _names_no_matter(section.title) and _matter(section) >= 30)


def defines(section: Section) -> bool:
    """Whether the section is a glossary or a list of key terms, wherever it stands."""
    return sum(block.role == "definition" and not block.unread for block in section.blocks) >= 2


def _matter(section: Section) -> int:
    """Estimated tokens of what may be taught."""
    return count_tokens("\n\n".join(block.text for block in section.matter))


def taught_sections(documents: Iterable[Document]) -> list[Section]:
    """All sections with course matter, in reading order.

    Under an untaught heading nothing is, except glossaries and key terms (``defines``).
    """
    return [
        section
        for document in documents
        for section, closed in _with_closed(document)
        if defines(section) or (not closed and is_taught(section))
    ]


def _with_closed(document: Document) -> Iterator[tuple[Section, bool]]:
    """Each section, and whether it stands under a heading that names no matter."""
    closed: set[str] = set()
    for section in document.sections:
        if _names_no_matter(section.title) or section.parent in closed:
            closed.add(section.id)
        yield section, section.id in closed


def make_passages(
    documents: Iterable[Document], target_tokens: int = PASSAGE_TOKENS
) -> list[Passage]:
    """Cut every section into passages of about ``target_tokens``; none crosses a section.

    Blocks stay whole where they fit; a longer block is cut between sentences (prose) or lines.
    Blocks that stand aside (captions, exercises ..., see ``schema.ASIDE``) are in no passage, nor
    are prefaces, lists of contributors and the like; of all others the passages' text, joined,
    holds every word.
    """
    found: list[Passage] = []
    for document in documents:
        known = {section.id: section for section in document.sections}
        for section, closed in _with_closed(document):
            if closed and not defines(section):
                continue
            path = _path(section, known)
            found += _passages_of(document, section, path, target_tokens)
    return found


def _path(section: Section, known: Mapping[str, Section]) -> str:
    """The titles from the chapter down to the section; the title of the whole book is left out."""
    titles = [section.title]
    above = known.get(section.parent or "")
    while above:
        if above.level > 1 or above.blocks:
            titles.insert(0, above.title)
        above = known.get(above.parent or "")
    return " › ".join(dict.fromkeys(titles))


def _passages_of(document: Document, section: Section, path: str, target: int) -> list[Passage]:
    found: list[Passage] = []
    held: list[tuple[Block, int]] = []  # a piece and its tokens

    def flush() -> None:
        if held:
            found.append(_passage(document, section, path, held, len(found)))
            held.clear()

    for piece in _pieces(section, target):
        tokens = count_tokens(piece.text)
        if held and sum(t for _, t in held) + tokens > target:
            flush()
        held.append((piece, tokens))
    flush()
    return found


def _passage(
    document: Document,
    section: Section,
    path: str,
    held: Sequence[tuple[Block, int]],
    number: int,
) -> Passage:
    text = "\n\n".join(piece.text for piece, _ in held)
    return Passage(
        id=content_id(section.id, number, path, text),
        document=document.id,
        section=section.id,
        title=section.title,
        path=path,
        text=text,
        blocks=tuple(piece for piece, _ in held),
        page_start=held[0][0].page,
        page_end=held[-1][0].page,
        tokens=sum(tokens for _, tokens in held),
        language=section.language,
    )


def _pieces(section: Section, target: int) -> Iterable[Block]:
    """The section's blocks of course matter; long ones cut where it hurts least."""
    for block in section.matter:
        if count_tokens(block.text) <= 2 * target:
            yield block
            continue
        for text in _cut(block, target, block.language or section.language):
            yield block.model_copy(update={"text": text})


def _cut(block: Block, target: int, language: str) -> Iterable[str]:
    """A long block's text in pieces of at most ``target`` tokens where its units allow that."""
    language = language or language_of(block.text)
    prose = block.kind == "prose"
    glue = rules(language).joiner if prose else "\n"
    held: list[str] = []
    for unit in sentences(block.text, language) if prose else block.text.split("\n"):
        if held and count_tokens(glue.join([*held, unit])) > target:
            yield glue.join(held)
            held = []
        held.append(unit)
    if held:
        yield glue.join(held)


def titles(documents: Iterable[Document]) -> dict[str, str]:
    """Section id to its title, with the chapter before it: ``3 Functions › 3.2 Math functions``."""
    found: dict[str, str] = {}
    for document in documents:
        own = {section.id: section for section in document.sections}
        for section in document.sections:
            parent = own.get(section.parent or "")
            head = f"{parent.title} › " if parent else ""
            found[section.id] = head + section.title
    return found


def chapters(documents: Iterable[Document]) -> dict[str, Section]:
    """Section id to its chapter: the section of the top level, or of the next where that is one."""
    found: dict[str, Section] = {}
    for document in documents:
        own = {section.id: section for section in document.sections}
        roots = {section.id for section in document.sections if section.parent not in own}
        ends = roots if len(roots) > 1 else set()
        for section in document.sections:
            top = section
            while top.id not in ends and top.parent in own and top.parent not in roots - ends:
                top = own[top.parent]
            found[section.id] = top
    return found


def below(documents: Iterable[Document], top: str) -> set[str]:
    """A section's id with those of all sections under it; empty where there is no such section."""
    found: set[str] = set()
    for document in documents:
        for section in document.sections:  # in reading order, so parents come first
            if section.id == top or section.parent in found:
                found.add(section.id)
    return found
