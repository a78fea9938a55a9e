"""The charts of the course designer's screens: titled with what they say, with hover text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from engine.schema import Figure
from pages.shared.charts import GREY

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as Plot

_SYMBOLS = ("circle", "square", "diamond", "cross")


def loss(frame: pd.DataFrame, step: str, label: str, training: str, validation: str) -> alt.Chart:
    """Training loss as a line, validation loss as points on a line."""
    parts = []
    for column, name in (("loss", training), ("val_loss", validation)):
        if column in frame:
            own = frame[["step", column]].dropna().rename(columns={column: "value"})
            parts.append(own.assign(series=name))
    rows = pd.concat(parts) if parts else pd.DataFrame({"step": [], "value": [], "series": []})
    return (
        alt.Chart(rows)
        .mark_line(point={"size": 12})
        .encode(
            x=alt.X("step:Q", title=step),
            y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)),
            color=alt.Color("series:N", title=None, sort=None, legend=alt.Legend(orient="top")),
            tooltip=["series", "step", alt.Tooltip("value", format=".3f")],
        )
        .properties(height=340)  # legend and axes included
    )


def gains(rows: Mapping[str, Figure], label: str, chapter: str) -> alt.LayerChart:
    """A difference with its interval for each chapter; the zero line stands out.

    One answer has no interval: it is a hollow point that says «n = 1».
    """
    frame = pd.DataFrame(
        [
            {"chapter": title, "value": f.value, "low": f.low, "high": f.high, "n": f.n}
            for title, f in rows.items()
        ]
    )
    axis = alt.Axis(labelLimit=160, labelOverlap=False)
    y = alt.Y("chapter:N", title=chapter, sort=list(rows), axis=axis)
    base = alt.Chart(frame)
    several, single = (base.transform_filter(f"datum.n {test}") for test in ("> 1", "< 2"))
    bars = several.mark_rule(strokeWidth=2, color=GREY).encode(
        y=y,
        x=alt.X("low:Q", title=label, axis=alt.Axis(titleAnchor="end")),  # fits a narrow window
        x2="high:Q",
    )
    tooltip = ["chapter", *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high")), "n"]
    points = several.mark_point(filled=True, size=70).encode(y=y, x="value:Q", tooltip=tooltip)
    hollow = single.mark_point(size=70).encode(y=y, x="value:Q", tooltip=["chapter", "value", "n"])
    words = single.mark_text(align="left", dx=9, color=GREY).encode(
        y=y, x="value:Q", text=alt.value("n = 1")
    )
    zero = (
        alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(x="x:Q")
    )
    return (zero + bars + points + hollow + words).properties(height=80 + 26 * len(frame))


def frontier(frame: pd.DataFrame, length: str, quality: str) -> Plot:
    """Prompts by length of answer and quality, to be clicked: the frontier as a line.

    Columns: ``length``, ``quality``, ``low``, ``high``, ``kind``, ``on`` (on the frontier),
    ``final`` (still compared), ``n``, ``text`` (the prompt), ``prompt`` (its id, in customdata).
    """
    from plotly.graph_objects import Figure as Empty  # half a second that only this chart needs

    figure: Plot = Empty()
    line = frame[frame["on"]].sort_values("length")
    figure.add_scatter(
        x=line["length"], y=line["quality"], mode="lines", showlegend=False, hoverinfo="skip"
    )
    for symbol, (kind, own) in zip(_SYMBOLS, frame.groupby("kind", sort=False), strict=False):
        shown = own["on"] | own["final"]
        figure.add_scatter(
            x=own["length"],
            y=own["quality"],
            mode="markers",
            name=str(kind),
            marker={"size": 11, "symbol": symbol},
            error_y={
                "array": (own["high"] - own["quality"]).where(shown, 0),
                "arrayminus": (own["quality"] - own["low"]).where(shown, 0),
                "symmetric": False,
                "thickness": 1,
                "width": 0,
            },
            customdata=own[["prompt", "n"]],
            text=own["text"].map(lambda text: "<br>".join(wrap(escape(text), 60))),
            hovertemplate=f"{quality} %{{y:.2f}}<br>{length} %{{x:.2f}}<br>n = %{{customdata[1]}}"
            "<br>%{text}<extra></extra>",
        )
    return _laid_out(figure, length, quality)


def _laid_out(figure: Plot, length: str, quality: str) -> Plot:
    """The plot with its axes named, to be clicked and not dragged."""
    figure.update_layout(
        height=360,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis_title=length,
        yaxis_title=quality,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        clickmode="event+select",
        dragmode=False,
    )
    return figure


def scores(frame: pd.DataFrame, step: str, score: str) -> alt.LayerChart:
    """Best and start by round with intervals; columns ``round``, ``series``, ``value``, ...."""
    x = alt.X("round:O", title=step, sort=None, axis=alt.Axis(labelAngle=0))
    colour = alt.Color("series:N", title=None, sort=None, legend=alt.Legend(orient="top"))
    offset = alt.XOffset("series:N", sort=None)
    base = alt.Chart(frame).encode(x=x, xOffset=offset, color=colour)
    tips = [
        "series",
        *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high")),
        "questions",
    ]
    ranges = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=score), y2="high:Q")
    points = base.mark_point(filled=True, size=80).encode(y="value:Q", tooltip=tips)
    return (ranges + points).properties(height=260)
