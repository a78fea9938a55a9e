"""One page of HTML by itself: no script, no network, all that people wrote escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.schema import Figure

_STYLE = """
body{font:16px/1.5 system-ui,"Noto Sans","Noto Sans CJK SC",sans-serif;color:#1a1a1a;
background:#fff;max-width:58rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;margin-bottom:.2rem}
h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ccc}
.note{color:#555;font-size:.92rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #e2e2e2;
overflow-wrap:anywhere}th{font-weight:600;white-space:nowrap}td.n,th.n{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{color:#555}dd{margin:0}
@media screen and (max-width:40rem){dl{display:block}dd{margin-bottom:.5rem}td{min-width:7rem}
td.n{min-width:0}}
@media print{body{margin:0;max-width:none;font-size:11pt}h2{break-after:avoid}
tr{break-inside:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Safe(str):
    """HTML that was made here, not by people."""

    __slots__ = ()


def text(value: object) -> Safe:
    """A value as HTML: escaped, unless it was made here; nothing for None."""
    if isinstance(value, Safe):
        return value
    return Safe("" if value is None else escape(str(value)))


def page(title: str, language: str, parts: Iterable[Safe]) -> str:
    """The whole document; the browser is told to fetch and run nothing."""
    return (
        f'<!doctype html>\n<html lang="{text(language)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def heading(words: str, level: int = 2) -> Safe:
    """A heading."""
    return Safe(f"<h{level}>{text(words)}</h{level}>")


def para(words: str, *, note: bool = False) -> Safe:
    """A paragraph; a ``note`` is smaller."""
    return Safe(f'<p class="note">{text(words)}</p>' if note else f"<p>{text(words)}</p>")


def facts(rows: Sequence[tuple[str, object]]) -> Safe:
    """Names with their values; those without a value are left out."""
    kept = [(name, value) for name, value in rows if value not in (None, "")]
    lines = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in kept)
    return Safe(f"<dl>{lines}</dl>")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Safe:
    """A table; numbers stand to the right."""
    kept = list(rows)
    right = {i for i, _ in enumerate(head) if kept and all(_numeric(row[i]) for row in kept)}
    top = "".join(
        f"<th{' class=n' if i in right else ''}>{text(name)}</th>" for i, name in enumerate(head)
    )
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in kept)
    return Safe(
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(value: object) -> str:
    numeric = _numeric(value)
    if isinstance(value, float):
        value = f"{value:.2f}"
    return f'<td class="n">{text(value)}</td>' if numeric else f"<td>{text(value)}</td>"


def _numeric(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def figure(found: Figure | None, *, percent: bool = False, sign: bool = False) -> str:
    """A figure with its interval, such as ``0.90 [0.85, 0.94]``; a dash where there is none.

    Around a single observation there is no interval.
    """
    if found is None:
        return "–"
    form = "{:+.2f}" if sign else "{:.2f}"
    if percent:
        form = "{:.0f} %"
    values = (100 * v if percent else v for v in (found.value, found.low, found.high))
    value, low, high = (form.format(v) for v in values)
    return f"{value} [{low}, {high}]" if found.n > 1 else value


def span(value: float, low: float, high: float, words: str) -> Safe:
    """A value in [0, 1] as a point on its interval, drawn; ``words`` says the same."""
    at, left, right = (round(4 + 152 * min(max(x, 0.0), 1.0), 1) for x in (value, low, high))
    return Safe(
        f'<svg width="160" height="14" role="img" aria-label="{text(words)}">'
        '<line x1="4" x2="156" y1="7" y2="7" stroke="#ddd"/>'
        f'<line x1="{left}" x2="{right}" y1="7" y2="7" stroke="#3b6fb6" stroke-width="3"/>'
        f'<circle cx="{at}" cy="7" r="4" fill="#3b6fb6"/></svg>'
    )
