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
    return {
        "messages": [
            {"role": "user", "content": pair.question},
            {"role": "assistant", "content": pair.answer},
        ]
    }


def _alpaca(pair: Pair) -> dict[str, Any]:
    return {"instruction": pair.question, "input": "", "output": pair.answer}


def _sharegpt(pair: Pair) -> dict[str, Any]:
    return {
        "conversations": [
            {"from": "human", "value": pair.question},
            {"from": "gpt", "value": pair.answer},
        ]
    }


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
