"""The terms of a course: of what a question may ask, and where the course says that it is one.

A point's subject has to be one of them. Sources, surest first: a glossary or key-term box, the
book's index, a heading, a name that its code calls and does not make up, a sentence that defines
it, and last what is statistically salient: a word
that is frequent but gathered in few sections (Church and Gale 1995, "Poisson mixtures": the mean
number of times that a word occurs where it occurs at all).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.concepts.definitions import definitions_of, is_term
from engine.course import taught_sections
from engine.distil.offline.forms import entry_of, is_pronoun
from engine.language import any_pattern, rules
from engine.schema import Document, Language, Section
from engine.text import language_of, question_words, search_terms, tokens

SOURCES = ("glossary", "index", "heading", "code", "defined", "salient")
"""Where a term is from, the surest first."""
SURE = SOURCES[:3]
"""Sources that say of a term outright that it is one."""
_LEAST, _GATHERED = 8, 2.0
"""Of a salient word: how often it occurs, and how often where it occurs at all."""
_USED = 3
"""How often a long course must write a term that a sentence defines, or a name of code."""
_REPEATED = 3
"""Sections of one title from which on it says nothing of what they are about."""
_LONG = 100_000
"""Characters of a course from which on it is long."""
_CALLED = re.compile(r"(?:\b|\.)([a-z_]{2,})\(")
_MADE = re.compile(r"\b(?:def|class)\s+(\w+)|\b([A-Za-z_]\w*)\s*=(?!=)|\bfor\s+(\w+)\s+in\b")
_CAPITAL = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b")
_LATIN, _EVERYWHERE = re.compile(r"[a-z_]+$"), 20
_LONGEST = 4
_INDEXED = re.compile(r"^(?P<x>[^\d,]{2,50}),\s*\d+(?:\s*[,–-]\s*\d+)*$", re.MULTILINE)
Key = tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """The terms of a course by their stems.

    ``sources`` holds the surest source of each; ``names`` how it is written; ``text`` is all that
    the course teaches, in lower case, by which articles are chosen. ``made`` are the names that its
    code makes up, ``proper`` the words that it writes with a capital as a rule (in small letters
    here), ``code`` its listings in lower case, ``chapters`` what each section is about: the nearest
    title that the course uses as a word and that is no general one («Summary»).
    """

    language: Language
    sources: dict[Key, str] = field(default_factory=dict)
    names: dict[Key, str] = field(default_factory=dict)
    text: str = ""
    made: frozenset[str] = frozenset()
    proper: frozenset[str] = frozenset()
    code: str = ""
    chapters: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> str:
        """Where this very term is from, or an empty string: it is none."""
        return self.sources.get(key_of(name, self.language), "")

    def is_method(self, name: str) -> bool:
        """Whether the course's code calls the name on an object."""
        return f".{name.lower()}(" in self.code

    def within(self, text: str) -> dict[str, str]:
        """The terms that a text mentions, with their sources; inside a longer one none is named."""
        found = self._spaced(text) if rules(self.language).spaced else self._joined(text)
        longest = sorted(found, key=len, reverse=True)
        kept = [
            key for i, key in enumerate(longest) if not any(_inside(key, k) for k in longest[:i])
        ]
        return {self.names[key]: self.sources[key] for key in kept}

    def _spaced(self, text: str) -> set[Key]:
        stems = search_terms(text, self.language)
        return {
            tuple(stems[i : i + n])
            for n in range(1, _LONGEST + 1)
            for i in range(len(stems) - n + 1)
        } & self.sources.keys()

    def _joined(self, text: str) -> set[Key]:
        lowered = text.lower()
        return {key for name, key in self._written if name in lowered}

    @cached_property
    def _written(self) -> tuple[tuple[str, Key], ...]:
        return tuple((name.lower(), key) for key, name in self.names.items() if len(name) > 1)

    def counted(self, article: str, name: str) -> int:
        """How often the course writes the name after the article (``""``: after none of one)."""
        ends = r"(?=[.,;:)]|\s+(?:is|are|that|which|of|to|in|and|or|with|has|can|for|as|by|on)\b)"
        return len(re.findall(rf"\b{article}\s+{re.escape(name.lower())}{ends}", self.text))


def called(name: str, terms: Terms) -> str:
    """A name of code as it stands in a question: it says of what sort it is."""
    sorts = rules(terms.language).table("forms")["code"]
    if f"{name}(" not in terms.code or not sorts["method"]:
        return name
    return str(sorts["method" if terms.is_method(name) else "function"]).format(x=name)


def _inside(key: Key, other: Key) -> bool:
    n = len(key)
    return any(other[i : i + n] == key for i in range(len(other) - n + 1))


def key_of(name: str, language: Language) -> Key:
    """The stems by which a term is known, without its article."""
    plain = rules(language).pattern("forms", "patterns", "article", flags=re.IGNORECASE)
    bare = plain.sub("", name.strip(" *“”\"'")) if plain else name.strip(" *“”")
    return tuple(search_terms(bare, language))


def book_terms(documents: Sequence[Document]) -> Terms:
    """The terms of a course's books; those of a source less sure never displace a surer one's."""
    taught = taught_sections(documents)
    whole = "\n".join(section.text for section in taught)
    language = documents[0].language if documents else language_of(whole)
    made = _made_up(taught)
    terms = Terms(
        language,
        {},
        {},
        whole.lower(),
        made,
        _proper(taught),
        _code(taught),
        _chapters(documents, whole),
    )
    for source, name in _named(documents, taught, made, language):
        key = key_of(name, language)
        told = source in ("defined", "salient")
        if told and not is_term(name, language):
            continue
        if source != "glossary" and is_pronoun(name, language):
            continue
        if key and key not in terms.sources and _fit(name, language):
            terms.sources[key] = source
            terms.names[key] = name.strip(" *“”")
    return terms


def _fit(name: str, language: Language) -> bool:
    size = rules(language_of(name, language)).sizes
    return len(name) <= size.longest_term and len(name.split()) <= 5


def _made_up(taught: Sequence[Section]) -> frozenset[str]:
    """The names that the code of a course defines or assigns."""
    found = (
        name
        for section in taught
        for block in section.blocks
        if block.kind == "code"
        for names in _MADE.findall(block.text)
        for name in names
    )
    return frozenset(name for name in found if name)


def _chapters(documents: Sequence[Document], text: str) -> dict[str, str]:
    """Section id to the nearest title, its own or one above it, that the course itself speaks of.

    «Merge sort» over «Properties of the algorithm», not «Sorting»; a title that no sentence uses
    («Common operations») is a heading only. Where none is used it is the outermost one.
    """
    nearest: dict[str, str] = {}
    outermost: dict[str, str] = {}
    often = Counter(plain_title(s.title) for document in documents for s in document.sections)
    for document in documents:
        for section in document.sections:
            title, above = plain_title(section.title), section.parent or ""
            own = "" if _general(title) or often[title] >= _REPEATED else title
            outermost[section.id] = outermost.get(above) or own
            used = own and text.count(own) >= _USED
            nearest[section.id] = own if used else nearest.get(above, "")
    return {section: title or outermost[section] for section, title in nearest.items()}


def _code(taught: Sequence[Section]) -> str:
    """All listings of a course, in lower case."""
    return "\n".join(b.text for s in taught for b in s.blocks if b.kind == "code").lower()


def _proper(taught: Sequence[Section]) -> frozenset[str]:
    """Words written with a capital where no sentence begins, more often than without."""
    prose = " ".join(b.text for s in taught for b in s.blocks if b.kind in ("prose", "list"))
    capital = Counter(word.lower() for word in _CAPITAL.findall(prose))
    small = Counter(re.findall(r"\b[a-z]+\b", prose))
    return frozenset(word for word, n in capital.items() if n >= small[word])


def _named(
    documents: Sequence[Document],
    taught: Sequence[Section],
    made: frozenset[str],
    language: Language,
) -> Iterator[tuple[str, str]]:
    sections = [section for document in documents for section in document.sections]
    for section in sections:
        yield from (("glossary", name) for name in _entries(section))
    for section in sections:
        yield from (("index", name) for name in _indexed(section))
    for section in taught:
        title = plain_title(section.title)
        if is_term(title, language_of(title)) and not _general(title):
            yield "heading", title
    text = "\n".join(section.text for section in taught)
    called = Counter(name for name in _CALLED.findall(text) if name not in made)
    written = Counter(tokens(text))
    least = _USED if len(text) >= _LONG else 1
    yield from (("code", name) for name in called if written[name] >= _USED)
    for section in taught:
        for found in definitions_of(section):
            if text.count(found.term.strip(" *")) >= least:
                yield "defined", found.term
    yield from (("salient", word) for word in _salient(taught, language) if word not in made)


def plain_title(title: str) -> str:
    """A title without its number and its marks (``*`` for optional sections)."""
    numbers = r"^(?:{}|(?:[\dA-Z]+\.)+\d*\s+|\d+\s+)\s*"
    pattern = any_pattern("language", "titles", "number", form=numbers, flags=0)
    return pattern.sub("", title).strip(" *.:：")


def _general(title: str) -> bool:
    pattern = any_pattern("language", "titles", "general", form="^(?:{})$")
    return pattern.match(title) is not None


def is_glossary(section: Section) -> bool:
    """Whether the section explains terms, by its title, in any language."""
    pattern = any_pattern("language", "titles", "glossary", form="^(?:{})$")
    return pattern.match(plain_title(section.title)) is not None


def _entries(section: Section) -> Iterator[str]:
    """Names of entries of key-term boxes, and of all that stands in a glossary."""
    listed = is_glossary(section)
    for block in section.blocks:
        if not listed and block.role != "definition":
            continue
        for line in block.text.split("\n"):
            match = entry_of(line, language_of(line))
            if match:
                yield match.group("x")
            elif block.kind == "table":
                yield from (cell for cell in line.split(" | ") if _fit(cell, language_of(cell)))


def _indexed(section: Section) -> Iterator[str]:
    """Names in the book's index: lines that end in page numbers."""
    pattern = any_pattern("language", "titles", "index", form="^(?:{})$")
    if pattern.match(plain_title(section.title)):
        yield from (match.group("x").strip() for match in _INDEXED.finditer(section.text))


def _salient(sections: Iterable[Section], language: Language) -> list[str]:
    """Words that are frequent and gathered in few sections.

    Latin words in another script are names of code, unless they are in very many sections.
    """
    total: Counter[str] = Counter()
    places: Counter[str] = Counter()
    common = question_words()
    spaced = rules(language).spaced
    for section in sections:
        own = Counter(tokens(" ".join(b.text for b in section.blocks if b.kind != "code")))
        total += own
        places.update(own.keys())
    return [
        word
        for word, n in total.items()
        if n >= _LEAST
        and n / places[word] >= _GATHERED
        and len(word) > 1
        and not word.isdecimal()
        and word not in common
        and (not _LATIN.match(word) or spaced or places[word] >= _EVERYWHERE)
    ]
