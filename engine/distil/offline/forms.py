"""The sentence forms that the extractive teacher knows; ``forms.toml`` of each language lists them.

A form names the kind of pair, the wording by which its subject is asked for (``wordings.toml``) and
a pattern whose groups are put into that wording: ``x`` is the subject, ``y`` what it is compared
with or the other half of the statement. Forms are tried in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from engine.language import rules
from engine.schema import Language, PairKind

ITEM = re.compile(r"^\s*(?:[-*•–]|\d+[.)]|[（(]?\d+[）)])\s*")


@dataclass(frozen=True)
class Form:
    """A sentence form: what ``x`` (and ``y``) of the match is asked with which wording.

    ``after``: it only names what its sentence, or the one before, describes. ``names``: it brings
    its subject up as something that has a name, which so needs to be no term already.
    """

    kind: PairKind
    wording: str
    pattern: re.Pattern[str]
    after: bool = False
    names: bool = False


@cache
def forms(language: Language) -> tuple[Form, ...]:
    """The forms of a language, in the order in which they are tried."""
    table = rules(language).table("forms")
    return tuple(
        Form(
            row["kind"],
            row["wording"],
            re.compile(expanded(row["pattern"], table["parts"])),
            row.get("after", False),
            row.get("names", False),
        )
        for row in table["forms"]
    )


def expanded(pattern: str, parts: Mapping[str, str]) -> str:
    """A pattern with ``<NAME>`` replaced by the part of that name."""
    for name, part in parts.items():
        pattern = pattern.replace(f"<{name}>", part)
    return pattern


def entry_of(text: str, language: Language) -> re.Match[str] | None:
    """The match of a glossary's entry or bold lead-in, ``x: y``, or None."""
    pattern = rules(language).pattern("forms", "patterns", "entry")
    return pattern.match(text) if pattern else None


def is_pronoun(text: str, language: Language) -> bool:
    """Whether the words are no subject by themselves: a pronoun, «the first», «when …»."""
    pattern = rules(language).mixed("forms", "patterns", "pronoun", flags=re.IGNORECASE)
    return pattern.match(text) is not None


def announces_steps(text: str, language: Language) -> bool:
    """Whether an introduction announces steps: its numbered list is a procedure."""
    pattern = rules(language).mixed("forms", "patterns", "steps", flags=re.IGNORECASE)
    return pattern.search(text) is not None


def announced(text: str, language: Language) -> tuple[str, dict[str, str]] | None:
    """The wording by which an announced list is asked for, and its parts; None if it is none."""
    for row in rules(language).table("forms")["lists"]["announced"]:
        match = re.search(row["pattern"], text.strip())
        if match:
            parts = {key: value or "" for key, value in match.groupdict().items()}
            parts["s"] = parts.get("s", "")[:1].lower() + parts.get("s", "")[1:]
            subject = " ".join(row["subject"].format_map(parts).split())
            return row["wording"], {"x": subject, "y": parts.get("y", "")}
    return None
