"""Whether a model still follows instructions: a hundred requests whose form code can check.

After IFEval (Zhou et al., 2023, arXiv 2311.07911), with formats and topics of our own. Asked before
and after a fine-tuning, it shows what the student forgot of what its base could do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.language import table
from engine.llm import Chat, Request, user
from engine.progress import Report, silent
from engine.schema import Language, Progress
from engine.text import words

TOKENS = 120
_END = " \n.。!！“”\"'"


class Instruction(NamedTuple):
    """A request, and what its answer has to be: a check's name and what it compares with."""

    ask: str
    must: tuple[tuple[str, Any], ...]


def instructions(language: Language) -> list[Instruction]:
    """All requests in a language, every format with every topic."""
    data = table(language, "instructions")
    return [
        Instruction(
            form["ask"].replace("{topic}", topic),
            tuple((name, value) for name, value in form.items() if name != "ask"),
        )
        for form in data["formats"]
        for topic in data["topics"]
    ]


def follows(answer: str, asked: Instruction) -> bool:
    """Whether an answer has the form that was asked for; an empty one never has."""
    text = answer.strip()
    return bool(text) and all(_CHECKS[name](text, value) for name, value in asked.must)


def followed(chat: Chat, language: Language, report: Report = silent) -> list[float]:
    """For each instruction 1 if the model followed it, else 0 (also where it gave no answer)."""
    asked = instructions(language)
    requests = [
        Request(messages=user(one.ask), max_tokens=TOKENS, may_be_cut=True, purpose="instructions")
        for one in asked
    ]
    marks = [0.0] * len(asked)
    for done, (i, outcome) in enumerate(chat.ask(requests), 1):
        marks[i] = float(follows(getattr(outcome, "text", ""), asked[i]))
        report(Progress(stage="instructions", done=done, total=len(asked)))
    return marks


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _said(text: str) -> str:
    return text.casefold()


def _ends(text: str, value: str) -> bool:
    if value in "?？":
        return text.rstrip(' \n"”').endswith(("?", "？"))
    return _said(text).rstrip(_END).endswith(value.rstrip(_END))


def _starts(text: str, value: str) -> bool:
    return _said(text).lstrip(_END).startswith(value)


def _is_json(text: str, key: str) -> bool:
    bare = re.sub(r"^```(?:json)?|```$", "", text.strip()).strip()
    try:
        found = json.loads(bare)
    except ValueError:
        return False
    return isinstance(found, dict) and list(found) == [key]


def _quoted(text: str, _: Any) -> bool:
    return len(text) > 2 and text[0] in '"“' and text[-1] in '"”'


def _numbered(text: str, count: int) -> bool:
    return [line[:2] for line in _lines(text)] == [f"{n}." for n in range(1, count + 1)]


def _bullets(text: str, count: int) -> bool:
    lines = _lines(text)
    return len(lines) == count and all(line.startswith("- ") for line in lines)


def _items(text: str, count: int) -> bool:
    parts = re.split(r"[,，、]", text.rstrip(_END))
    return len(parts) == count and all(0 < len(words(part)) <= 4 for part in parts)


_CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "lines": lambda text, count: len(_lines(text)) == count,
    "upper": lambda text, _: text == text.upper() and text != text.lower(),
    "lower": lambda text, _: text == text.lower() and text != text.upper(),
    "most_words": lambda text, count: len(words(text)) <= count,
    "least_words": lambda text, count: len(words(text)) >= count,
    "ends": _ends,
    "starts": _starts,
    "one_of": lambda text, values: _said(text).strip(_END) in values,
    "bullets": _bullets,
    "numbered": _numbered,
    "json_key": _is_json,
    "lacks": lambda text, parts: not any(part in text for part in parts),
    "quoted": _quoted,
    "has": lambda text, parts: all(part in _said(text) for part in parts),
    "items": _items,
}
