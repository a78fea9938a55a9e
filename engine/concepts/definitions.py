"""Which terms a section defines: glossary entries, «X is a …», «… is called X», underlined terms.

A term is taken only where the sentence's form says so; the sentence itself is kept as evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from engine.schema import Language, Section
from engine.text import language_of, sentences

_TERM = r"(?P<x>[A-Za-z][\w\-]*(?: [\w\-]+){0,3}?)"
_FORMS: dict[Language, tuple[re.Pattern[str], ...]] = {
    "en": (
        re.compile(rf"^(?:An?|The) \**{_TERM}\** (?:is|are) (?:an? |one of |any )[a-z]"),
        re.compile(rf"^\**(?!An? |The |In |If ){_TERM}\** (?:is|are) (?:an? |one of |the )[a-z]"),
        re.compile(
            rf"\b(?:is|are) (?:called|known as|termed) (?:an? |the )?[“\"*]*{_TERM}[”\"*]*[.,;]"
        ),
    ),
    "zh": (
        re.compile(
            r"^(?:所谓)?[「“]?"
            r"(?P<x>[^，。：；、「」“”（）的这那它其此该我你每所]{1,12})"
            r"[」”]?(?:（[^）]{2,40}）)?[」”]?"
            r"(?:是指|指的是|是一种|是一个|是一类|是一组|又称|也称|定义为)"
        ),
        re.compile(r"(?:被称为|称为|称作|称之为|叫作)[「“](?P<x>[^，。：；、「」“”（）]{2,12})[」”]"),
    ),
}  # fmt: skip
_ENTRY: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"^(?:[-*•] )?\**(?P<x>[a-z][a-z \-]{2,30}?)\**:\**\s+[A-Z].{15,}$", re.S),
    "zh": re.compile(
        r"^(?:[-*•] )?\**(?P<x>[^：。，？！、\s的了是在我]{2,8})"
        r"(?:（[^）]{2,40}）)?\**：[^：]{10,}$",
        re.S,
    ),
}
_VAGUE = re.compile(
    r"^(?:it|this|that|these|those|there|they|he|she|we|you|i|what|which|here|one|two|another|"
    r"each|all|both|some|many|most|first|second|third|last|next|following|result|example|note|"
    r"below|above|answer|problem|question|reason|idea|goal|point|way|thing|solution|rest|other|same|value|"
    r"input|output|exercise|figure|table|chapter|section|book|line|advantages?|disadvantages?|"
    r"nothing|everything|something|let|not|no|so|and|but|or|for|when|if|as)\b"
    r"|^(?:方法|问题|例如|优点|缺点|输入|输出|结果|注意|提示|示例|步骤|如下|因此|但|而|以下|上述|本|同理)",
    re.IGNORECASE,
)

_OPEN_ENDED = re.compile(r"\b(?:that|which|who|and|or|of|to|is|are|an?|the|in|for|by|with)$", re.I)


class Definition(NamedTuple):
    """A defined term with the sentence that defines it."""

    term: str
    quote: str


def definitions_of(section: Section) -> Iterator[Definition]:
    """The terms that the section defines, in reading order, each once."""
    language = language_of(section.text or section.title)
    seen: set[str] = set()
    for block in section.blocks:
        if block.kind not in ("prose", "list"):
            continue
        units = block.text.split("\n") if block.kind == "list" else [block.text]
        for unit in units:
            for found in _in_unit(unit.strip(), language):
                if found.term.lower() not in seen:
                    seen.add(found.term.lower())
                    yield found


def _in_unit(text: str, language: Language) -> Iterator[Definition]:
    entry = _ENTRY[language].match(text)
    if entry and is_term(entry.group("x")):
        yield Definition(entry.group("x").strip(), text)
        return
    for sentence in sentences(text, language):
        for form in _FORMS[language]:
            match = form.search(sentence)
            if match and is_term(match.group("x")):
                yield Definition(match.group("x").strip(" *"), sentence)
                break


def is_term(text: str) -> bool:
    """Whether the words can name a concept: not a pronoun, number, or word of the book's own."""
    if _OPEN_ENDED.search(text.strip(" *")):
        return False
    long_enough = len(text) > 1 or language_of(text) == "zh"
    return long_enough and not _VAGUE.match(text.strip(" *"))
