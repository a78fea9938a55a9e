"""Glossaries and key-term boxes: an entry is a definition of its term."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.distil.offline.find import Find
from engine.distil.offline.forms import ITEM, entry_of, is_pronoun
from engine.distil.offline.place import Place
from engine.distil.offline.terms import SURE, is_glossary
from engine.gates import readable
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

_RUN_ON = re.compile(r"(?<=[.]) (?=[a-z][\w -]{2,60}: [A-Z])")
"""Where an entry of a glossary runs on into the next."""


def entries(place: Place, block: Block) -> Iterator[Find]:
    """The entries of a block, line by line where it is a list or a box."""
    boxed = block.role == "definition" or is_glossary(place.section)
    whole = block.text if block.kind == "prose" and not boxed else ""
    lines = [whole] if whole else block.text.split("\n")
    for line in (part for text in lines for part in (_RUN_ON.split(text) if boxed else [text])):
        found = _entry(place, ITEM.sub("", line), block.page, boxed)
        if found:
            yield found


def _entry(place: Place, line: str, page: int, boxed: bool) -> Find | None:
    """``term: what it is``; outside boxes the term must be one that the course knows elsewhere."""
    match = entry_of(" ".join(line.split()), place.language)
    if not match or (not boxed and is_pronoun(match.group("x"), place.language)):
        return None
    term, meaning = match.group("x").strip("*“” "), match.group("y").replace("**", "").strip()
    term = re.sub(r"[（(].*", "", term).strip()
    if not term or len(term.split()) > 5 or not (boxed or place.terms.source(term)):
        return None
    answer = _meaning(place, meaning)
    if not readable(answer, place.language, shortest=3) or (not boxed and not place.alone(answer)):
        return None
    translated = re.search(r"[（(][A-Za-z]", match.group(0)[: match.start("y")]) is not None
    repeated = (
        term in answer
        and not is_pronoun(answer, place.language)
        and place.terms.source(term) in SURE
        and place.alone(answer)
    )
    if not (boxed or translated or repeated or _defines(answer, place)):
        return None
    wording, parts = asked_as(term, answer, place)
    source = "glossary" if boxed else "entry"
    return Find(source, "definition", wording, parts, answer, [answer], page, place.section)


def _meaning(place: Place, text: str) -> str:
    """What an entry says: its first sentence, and the next one where it stands alone."""
    first, *rest = sentences(text, place.language)
    lone = [s for s in rest[:1] if place.alone(s) and not entry_of(s, place.language)]
    said = [first, *lone]
    own = rules(place.language)
    last = said[-1].rstrip(";；,，")
    ended = last.endswith((".", "。", "!", "?", "！", "？", ")", "”"))
    return place.joined(*said[:-1], last if ended else last + own.stop)


def _defines(answer: str, place: Place) -> bool:
    """Whether a text says what something is («A name that …»), not something about it."""
    opens = rules(place.language).pattern("forms", "patterns", "defines")
    return opens is not None and opens.match(answer) is not None


def asked_as(term: str, meaning: str, place: Place) -> tuple[str, dict[str, str]]:
    """The wording for a term, and its parts: an action, a thing with its article, or a mere word.

    Where the language has articles the course's own use decides: «a variable», but «debugging».
    """
    own = rules(place.language)
    body = _body(meaning, term, place)
    parts = {"x": term, "bare": term} | ({"body": body} if body else {})
    action = own.pattern("forms", "patterns", "action")
    if action and action.match(meaning):
        return "action", parts
    article = _article(term, meaning, place)
    if article is None:
        return "word", parts
    return "thing", {**parts, "x": f"{article} {term}".strip()}


def _body(meaning: str, term: str, place: Place) -> str:
    """A meaning of one sentence as it stands within another one; else an empty string.

    A meaning that names its term is a sentence by itself already.
    """
    stop = ".。;；"
    text = meaning.rstrip(stop)
    own = rules(place.language)
    opens = own.pattern("forms", "patterns", "within")
    if (
        re.search(r"[.。;；:：]", text)
        or term.lower() in text.lower()
        or (opens and not opens.match(text))
    ):
        return ""
    return text[:1].lower() + text[1:] if own.capitals else text


def _article(term: str, meaning: str, place: Place) -> str | None:
    """«a» or «an», an empty string for what takes none, None where neither is sure.

    Without a meaning the course's use alone decides.
    """
    own = rules(place.language)
    table = own.table("forms")["articles"]
    if not table["before"]:
        return ""
    counted = own.pattern("forms", "patterns", "counted")
    for article in table["before"]:
        used = place.terms.counted(article, term)
        if used and (counted is None or not meaning or counted.match(meaning)):
            return str(article)
    mass = own.pattern("forms", "articles", "mass")
    return "" if mass and mass.search(term) and " " not in term else None
