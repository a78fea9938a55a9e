"""The offline teacher: it finds what a book says outright, and asks for exactly that.

No language model is used. A sentence is taken where its form says what it answers (a definition,
a cause, a procedure, a consequence, a comparison, a list, a section's opening); the answer is that
sentence, or that sentence with the one before it where it leans on it: always spans of the book.
What it cannot do: reason, compare across sections, or word an answer better than the book.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.distil.forms import (
    ITEM,
    Form,
    announces_steps,
    ask_for,
    entry_of,
    forms,
    is_pronoun,
)
from engine.distil.points import Point
from engine.gates import leans_back, readable, tidy
from engine.language import rules
from engine.schema import Block, Evidence, Language, PairKind, Section
from engine.text import language_of, sentences


def points_of(section: Section) -> Iterator[Point]:
    """Knowledge points of one section, best kinds first within each paragraph.

    A sentence serves one point at most; a section's own opening serves its summary.
    """
    language = language_of(section.text or section.title)
    ordinary = _ordinary_words(section) if rules(language).capitals else frozenset()
    for index, block in enumerate(section.blocks):
        before = section.blocks[index - 1] if index else None
        if block.kind == "list":
            yield from _listed(section, block, before, language, ordinary)
        elif block.kind == "prose":
            entry = _entry(section, block.text, block.page, language)
            yield from [entry] if entry else _in_prose(section, block, language, ordinary)
    yield from _summary(section, language)


def _in_prose(
    section: Section, block: Block, language: Language, ordinary: frozenset[str]
) -> Iterator[Point]:
    previous = ""
    for sentence in sentences(block.text, language):
        point = _in_sentence(section, sentence, previous, block.page, language, ordinary)
        if point:
            yield point
        previous = sentence


def _in_sentence(
    section: Section,
    sentence: str,
    previous: str,
    page: int,
    language: Language,
    ordinary: frozenset[str],
) -> Point | None:
    core = tidy(sentence, language)
    if not readable(core, language):
        return None
    for form in forms(language):
        match = form.pattern.search(core)
        if not match:
            continue
        subject = _subject(match, form, language, ordinary)
        if not subject:
            continue
        quotes = [sentence]
        answer = core
        if leans_back(core, language):
            if not previous or not readable(previous, language):
                continue
            quotes, answer = [previous, sentence], _join(previous, sentence, language=language)
        return _point(section, form.kind, form.wording, subject, answer, quotes, page, language)
    return None


def _subject(match: re.Match[str], form: Form, language: Language, ordinary: frozenset[str]) -> str:
    x = match.group("x").strip(" ,，")
    if "y" in match.groupdict():
        y = match.group("y").strip(" ,，")
        bad = is_pronoun(x, language) or is_pronoun(y, language)
        pair = f"{x}{rules(language).conjunction}{_lower(y, language, ordinary)}"
        return "" if bad else pair
    if form.wording in ("term", "terms", "does", "role") and is_pronoun(x, language):
        return ""
    if form.wording in ("why", "if", "when", "how", "reason") and leans_back(x, language):
        return ""
    return _lower(x, language, ordinary)


def _lower(text: str, language: Language, ordinary: frozenset[str]) -> str:
    """Lower-case the first letter of an ordinary word («The list» but not «Python», «URL»)."""
    first = text.split(" ", 1)[0]
    opening = rules(language).pattern("forms", "patterns", "ordinary")
    plain = (opening is not None and opening.match(first)) or first.lower() in ordinary
    return text[:1].lower() + text[1:] if plain else text


def _ordinary_words(section: Section) -> frozenset[str]:
    """Words that the section also writes without a capital."""
    return frozenset(re.findall(r"\b[a-z]+\b", section.text))


def _entry(section: Section, text: str, page: int, language: Language) -> Point | None:
    """A glossary entry or bold lead-in: ``term: what it is``."""
    match = entry_of(" ".join(text.split()), language)
    if not match or len(match.group("x").split()) > 6 or is_pronoun(match.group("x"), language):
        return None
    term, meaning = match.group("x").strip("*“” "), match.group("y").replace("**", "").strip()
    first = sentences(meaning, language)[:2]
    answer = _join(*first, language=language) if len(first) > 1 else meaning
    if not readable(answer, language, shortest=3) or leans_back(answer, language):
        return None
    return _point(section, "definition", "term", term, answer, [answer], page, language)


def _listed(
    section: Section,
    block: Block,
    before: Block | None,
    language: Language,
    ordinary: frozenset[str],
) -> Iterator[Point]:
    items = [ITEM.sub("", line).strip() for line in block.text.split("\n") if line.strip()]
    entries = [_entry(section, item, block.page, language) for item in items]
    yield from (entry for entry in entries if entry)
    whole = rules(language).table("forms")["lists"]["whole_items"]
    for item, entry in zip(items, entries, strict=True):
        if not entry and whole:
            point = _in_sentence(section, item, "", block.page, language, ordinary)
            if point:
                yield point
    intro = _introduction(before, language)
    answer = _join(*(_ended(item, language) for item in items), language=language)
    if intro and 2 <= len(items) <= 6 and readable(answer, language, longest=70):
        numbered = re.match(r"^\s*[（(]?\d", block.text) is not None
        steps = numbered and announces_steps(intro, language)
        kind: PairKind = "procedure" if steps else "enumeration"
        yield _point(section, kind, "list", intro, answer, items, block.page, language)


def _introduction(before: Block | None, language: Language) -> str:
    if before is None or before.kind != "prose" or not before.text.rstrip().endswith((":", "：")):
        return ""
    last = sentences(before.text, language)[-1].rstrip(":： ")
    own = rules(language)
    following = own.mixed("forms", "patterns", "following")
    vague = is_pronoun(last, language) or leans_back(following.sub("", last), language)
    return "" if vague or len(last) < own.sizes.shortest_introduction else last


def _summary(section: Section, language: Language) -> Iterator[Point]:
    opening = next((b for b in section.blocks if b.kind == "prose"), None)
    if opening is None or len(section.title) < 2:
        return
    first = sentences(opening.text, language)[:2]
    answer = _join(*first, language=language) if first else ""
    if readable(answer, language, longest=60) and not leans_back(answer, language):
        title = re.sub(r"^[\dA-Z.]+\s+", "", section.title).strip()
        yield _point(section, "summary", "summary", title, answer, first, opening.page, language)


def _point(
    section: Section,
    kind: PairKind,
    wording: str,
    subject: str,
    answer: str,
    quotes: Iterable[str],
    page: int,
    language: Language,
) -> Point:
    trained, held_out = ask_for(wording, subject, language)
    evidence = tuple(
        Evidence(quote=quote, section=section.id, title=section.title, page=page)
        for quote in quotes
    )
    return Point(kind=kind, answer=answer, evidence=evidence, questions=trained, held_out=held_out)


def _join(*parts: str, language: Language) -> str:
    return rules(language).joiner.join(parts)


def _ended(item: str, language: Language) -> str:
    ended = item.endswith((".", "!", "?", "。", "；", ";", "！", "？"))
    return item if ended else item + rules(language).list_mark.strip()
