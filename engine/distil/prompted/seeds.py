"""The seed pool of CourseGPT-zh: fifty example questions that show a teacher the style wanted."""

from __future__ import annotations

from collections.abc import Sequence

from engine.gates import leans_back
from engine.language import table
from engine.schema import Document, Language

POOL = 50
_FEWEST, _LONGEST = 12, 220
"""Characters of an exercise that serves as an example; Chinese ones may have half as many."""
_ENOUGH = 20
"""Exercises from which on the pool is the book's own."""


def seed_pool(
    documents: Sequence[Document], uploaded: Sequence[str], language: Language
) -> tuple[str, ...]:
    """Fifty questions: the uploaded ones, else the book's exercises, filled up with our own."""
    own = tuple(table(language, "seeds")["questions"])
    if uploaded:
        first = tuple(dict.fromkeys(q.strip() for q in uploaded if q.strip()))
        return first if len(first) >= POOL else (*first, *own)[:POOL]
    found = exercises(documents, language)
    if len(found) < _ENOUGH:
        return own[:POOL]
    step = max(1, len(found) // POOL)
    return (*found[::step][:POOL], *own)[:POOL]


def exercises(documents: Sequence[Document], language: Language) -> list[str]:
    """The books' own questions that can be understood by themselves, in reading order."""
    found = [
        line.strip()
        for document in documents
        for section in document.sections
        for block in section.blocks
        if block.role == "exercise"
        for line in block.text.splitlines()
    ]
    return [line for line in dict.fromkeys(found) if _serves(line, language)]


def _serves(line: str, language: Language) -> bool:
    return (
        line.endswith(("?", "？"))
        and _FEWEST / (2 if "？" in line else 1) <= len(line) <= _LONGEST
        and not leans_back(line, language)
    )
