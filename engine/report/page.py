"""The parts of a report, and one page of HTML made of them by ``page.html.jinja``.

The parts hold plain values; the template alone knows HTML, and escapes whatever it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from engine.schema import Figure

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: Literal[1, 2, 3] = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a ``note`` is smaller."""

    text: str
    note: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with their values; rows without a value (None or empty) are left out."""

    rows: Sequence[tuple[str, object]]


@dataclass(frozen=True)
class Table:
    """A table; a cell is text, a number (shown with two decimals if a float) or an ``Interval``."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Interval:
    """A cell that draws a value in [0, 1] as a point on its interval; ``text`` says the same."""

    value: float
    low: float
    high: float
    text: str


Part = Heading | Paragraph | Facts | Table


def page(title: str, language: str, parts: Iterable[Part]) -> str:
    """The whole document; the browser is told to fetch and to run nothing."""
    return _template().render(title=title, language=language, parts=parts)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("engine.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["numeric"] = _numeric
    environment.tests["drawn"] = lambda value: isinstance(value, Interval)
    environment.filters["kind"] = lambda part: type(part).__name__
    environment.filters["along"] = lambda share: round(4 + 152 * min(max(share, 0.0), 1.0), 1)
    return environment.get_template("page.html.jinja")


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
    return f"{value} [{low}, {high}]" if found.n > 1 else f"{value} (n = {found.n})"
