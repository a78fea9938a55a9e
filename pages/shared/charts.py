"""The product's charts, one look: titled with what they say, axes with units, hover text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from engine.levels import FIRM

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


GREY = "#7f8f89"
"""For lines: seen on a light and on a dark background."""
GRAPH = (
    f'rankdir=LR; bgcolor="transparent"; edge [color="{GREY}"]; '
    f'node [shape=box, style="rounded,filled", fillcolor="#eeeeee", color="{GREY}", '
    'fontname="sans-serif"];'
)
"""How a graph in DOT begins: left to right, seen on both backgrounds."""


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


def gains(rows: Mapping[str, Any], label: str, chapter: str) -> alt.LayerChart:
    """A difference with its interval for each chapter; the zero line stands out."""
    frame = pd.DataFrame(
        [
            {"chapter": title, "value": f["value"], "low": f["low"], "high": f["high"], "n": f["n"]}
            for title, f in rows.items()
        ]
    )
    y = alt.Y("chapter:N", title=chapter, sort=None, axis=alt.Axis(labelLimit=160))
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=2, color=GREY).encode(
        y=y,
        x=alt.X("low:Q", title=label, axis=alt.Axis(titleAnchor="end")),  # fits a narrow window
        x2="high:Q",
    )
    points = base.mark_point(filled=True, size=70).encode(
        y=y,
        x="value:Q",
        tooltip=["chapter", *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high")), "n"],
    )
    zero = (
        alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(x="x:Q")
    )
    return (zero + bars + points).properties(height=max(120, 26 * len(frame)))


def _dashed(x: float) -> alt.Chart:
    """A dashed vertical line."""
    line = alt.Chart(pd.DataFrame({"x": [x]}))
    return line.mark_rule(strokeDash=[4, 4], color=GREY).encode(x="x:Q")


def levels(rows: Mapping[str, Mapping[str, Any]], label: str, concept: str) -> alt.LayerChart:
    """Mastery by concept with its interval, weakest first; the dashed line is «mastered»."""
    frame = pd.DataFrame(
        [
            {"concept": name, **{key: row[key] for key in ("mastery", "low", "high", "answered")}}
            for name, row in sorted(rows.items(), key=lambda item: item[1]["mastery"])
        ]
    )
    y = alt.Y(
        "concept:N", title=concept, sort=None, axis=alt.Axis(labelLimit=160, labelOverlap=False)
    )
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(frame)
    ranges = base.mark_rule(strokeWidth=2, color=GREY).encode(
        y=y,
        x=alt.X("low:Q", title=label, scale=scale, axis=alt.Axis(tickCount=5, titleAnchor="end")),
        x2="high:Q",
    )
    tips = [
        "concept",
        "answered",
        *(alt.Tooltip(c, format=".2f") for c in ("mastery", "low", "high")),
    ]
    points = base.mark_point(filled=True, size=70).encode(y=y, x="mastery:Q", tooltip=tips)
    goal = (
        alt.Chart(pd.DataFrame({"x": [FIRM]}))
        .mark_rule(strokeDash=[4, 4], color=GREY)
        .encode(x="x:Q")
    )
    return (goal + ranges + points).properties(height=90 + 20 * len(frame))


def heat(levels: pd.DataFrame, learner: str, concept: str, mastery: str) -> alt.Chart:
    """Learners by concepts, coloured by mastery; cells without an answer stay empty."""
    plain = pd.DataFrame(levels.to_numpy(), levels.index, levels.columns)  # without attrs
    frame = plain.rename_axis("learner").reset_index()
    rows = frame.melt("learner", var_name="concept", value_name="mastery").dropna()
    return (
        alt.Chart(rows)
        .mark_rect()
        .encode(
            x=alt.X(
                "concept:N",
                title=concept,
                sort=list(levels.columns),
                axis=alt.Axis(labelAngle=-90, labelLimit=120, labelOverlap=False),
            ),
            y=alt.Y(
                "learner:N",
                title=learner,
                sort=list(levels.index),
                axis=alt.Axis(labelLimit=120, labelOverlap=False),
            ),
            color=alt.Color(
                "mastery:Q",
                title=mastery,
                legend=alt.Legend(orient="top", gradientLength=160),
                scale=alt.Scale(domain=[0, 1], scheme="redyellowgreen"),
            ),
            tooltip=["learner", "concept", alt.Tooltip("mastery", format=".2f")],
        )
        .properties(height=220 + 20 * len(levels))  # labels below included
    )


def reliability(bins: pd.DataFrame, confidence: str, agreement: str) -> alt.LayerChart:
    """Columns confidence, agreement, n: points on the dashed line keep what they promise."""
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", title=confidence, scale=scale)
    y = alt.Y("agreement:Q", title=agreement, scale=scale)
    line = alt.Chart(pd.DataFrame({"confidence": [0, 1], "agreement": [0, 1]}))
    points = alt.Chart(bins).mark_point(filled=True)
    tips = [*(alt.Tooltip(c, format=".2f") for c in ("confidence", "agreement")), "n"]
    size = alt.Size("n:Q", title="n", legend=None)
    return (
        line.mark_line(strokeDash=[4, 4], color=GREY).encode(x=x, y=y)
        + points.encode(x=x, y=y, size=size, tooltip=tips)
    ).properties(height=300)


def frontier(frame: pd.DataFrame, length: str, quality: str) -> Figure:
    """Prompts by length of answer and quality, to be clicked: the frontier as a line.

    Columns: ``length``, ``quality``, ``low``, ``high``, ``kind``, ``on`` (on the frontier),
    ``final`` (still compared), ``n``, ``text`` (the prompt), ``prompt`` (its id, in customdata).
    """
    from plotly.graph_objects import Figure  # half a second that only this chart needs

    figure = Figure()
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


_SYMBOLS = ("circle", "square", "diamond", "cross")


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


def course_of_mastery(frame: pd.DataFrame, when: str, label: str) -> alt.LayerChart:
    """Mastery of one concept over time with its interval. Columns: ``at``, value, low, high."""
    x = alt.X("at:T", title=when)
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.2).encode(
        x=x, y=alt.Y("low:Q", title=label, scale=scale), y2="high:Q"
    )
    tips = [alt.Tooltip("at:T", title=when)]
    tips += [alt.Tooltip(name, format=".2f") for name in ("value", "low", "high")]
    line = base.mark_line(point=True).encode(x=x, y=alt.Y("value:Q", title=label), tooltip=tips)
    return (band + line).properties(height=220)
