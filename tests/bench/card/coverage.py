"""What of a book its pairs are about: its index, its glossary, the terms of its exercises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.course import taught_sections
from engine.distil.offline import Terms, book_terms
from engine.schema import Document, Language, Pair
from engine.text import language_of, search_terms

_INDEX = re.compile(r"\\index\{((?:[^{}]|\{[^{}]*\})*)\}")


_CATEGORY = 5
"""Sub-entries of an index entry from which on it only sorts them (``method!append``)."""


def index_of(path: Path) -> list[str]:
    """The entries of a LaTeX source's index, ``a!b`` as «b a», without the words that only sort.

    What heads five sub-entries or more («method», «exception») says of what sort they are: «append
    method» and «method!append» are one entry, append.
    """
    entries = [
        [_plain(part) for part in entry.split("!")]
        for entry in dict.fromkeys(_INDEX.findall(path.read_text(encoding="utf-8")))
    ]
    below = Counter(entry[0] for entry in entries if len(entry) > 1)
    sorts = {head for head, n in below.items() if n >= _CATEGORY}
    found = []
    for entry in entries:
        words = " ".join(reversed(entry)).split()
        found.append(" ".join(w for w in words if w not in sorts) or " ".join(words))
    return list(dict.fromkeys(found))


def _plain(part: str) -> str:
    shown = part.split("@")[-1]
    return re.sub(r"\\\w+|[{}\\$]", " ", shown).replace(",", " ").strip()


def lists_of(documents: Sequence[Document], index: Path | None) -> dict[str, list[str]]:
    """The book's own lists of what matters, by name."""
    terms = book_terms(documents)
    language = terms.language
    glossary = [
        terms.names[key]
        for key, source in terms.sources.items()
        if source == "glossary" and language_of(terms.names[key], language) == language
    ]
    found = {"glossary": glossary, "exercises": in_exercises(documents, terms)}
    return found | ({"index": index_of(index)} if index else {})


def in_exercises(documents: Sequence[Document], terms: Terms) -> list[str]:
    """Terms of glossary and headings that the exercises name."""
    taught = {section.id for section in taught_sections(documents)}
    text = "\n".join(
        block.text
        for document in documents
        for section in document.sections
        for block in section.blocks
        if block.role in ("exercise", "solution") or _exercises(section.title, section.id, taught)
    )
    named = terms.within(text)
    return [name for name, source in named.items() if source in ("glossary", "heading")]


def _exercises(title: str, section: str, taught: set[str]) -> bool:
    return section not in taught and bool(re.search(r"exercise|练习|习题", title, re.IGNORECASE))


def covered(names: Iterable[str], pairs: Sequence[Pair], language: Language) -> dict[str, float]:
    """Shares of names all whose words stand in a question (``asked``), or in a pair (``said``)."""
    asked = [_words(pair.question, language) for pair in pairs]
    said = [_words(f"{pair.question} {pair.answer}", language) for pair in pairs]
    keys = {words for name in names if (words := frozenset(_words(name, language)))}
    if not keys:
        return {"n": 0.0, "asked": 0.0, "said": 0.0}
    share = [sum(any(key <= words for words in rows) for key in keys) for rows in (asked, said)]
    return {"n": float(len(keys)), "asked": share[0] / len(keys), "said": share[1] / len(keys)}


def _words(text: str, language: Language) -> frozenset[str]:
    return frozenset(search_terms(text, language))
