"""The corpus as files for other tools: native, messages, alpaca, sharegpt, csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from engine.schema import Pair


def _native(pair: Pair) -> dict[str, Any]:
    return pair.model_dump(mode="json")


def _messages(pair: Pair) -> dict[str, Any]:
    said = [("user", text) if i % 2 == 0 else ("assistant", text) for i, text in _talk(pair)]
    return {"messages": [{"role": role, "content": text} for role, text in said]}


def _talk(pair: Pair) -> Iterable[tuple[int, str]]:
    """All that is said, the learner's turns at even places; earlier turns first."""
    earlier = [text for turn in pair.turns for text in (turn.question, turn.answer)]
    return enumerate([*earlier, pair.question, pair.answer])


def _alpaca(pair: Pair) -> dict[str, Any]:
    history = [[turn.question, turn.answer] for turn in pair.turns]
    row = {"instruction": pair.question, "input": "", "output": pair.answer}
    return row | ({"history": history} if history else {})


def _sharegpt(pair: Pair) -> dict[str, Any]:
    said = [("human" if i % 2 == 0 else "gpt", text) for i, text in _talk(pair)]
    return {"conversations": [{"from": who, "value": text} for who, text in said]}


_ROWS: dict[str, Callable[[Pair], dict[str, Any]]] = {
    "native": _native,
    "messages": _messages,
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
}
FORMATS = (*_ROWS, "csv")


def render(pairs: Iterable[Pair], form: str) -> str:
    """The pairs as JSON lines of the form, or as CSV (spreadsheet formulas defused).

    Raises:
        KeyError: an unknown form; see ``FORMATS``.
    """
    if form == "csv":
        return _csv(pairs)
    row = _ROWS[form]
    return "".join(json.dumps(row(pair), ensure_ascii=False) + "\n" for pair in pairs)


def _csv(pairs: Iterable[Pair]) -> str:
    out = io.StringIO()
    names = ("question", "answer", "kind", "split", "part", "status", "section", "page", "quote")
    writer = csv.writer(out)
    writer.writerow(names)
    for pair in pairs:
        first = pair.evidence[0] if pair.evidence else None
        row = (pair.question, pair.answer, pair.kind, pair.split, pair.part or "", pair.status)
        place = (first.title, first.page, first.quote) if first else ("", "", "")
        writer.writerow([_defused(str(cell)) for cell in (*row, *place)])
    return out.getvalue()


def _defused(cell: str) -> str:
    """A cell that a spreadsheet will not run as a formula (OWASP, CSV injection)."""
    return "'" + cell if cell[:1] in "=+-@\t\r" else cell
