"""The product's charts, one look: titled with what they say, axes with units, hover text."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd


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
        .mark_line(point=True)
        .encode(
            x=alt.X("step:Q", title=step),
            y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)),
            color=alt.Color("series:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["series", "step", alt.Tooltip("value", format=".3f")],
        )
        .properties(height=260)
    )


def gains(rows: Mapping[str, Any], label: str, chapter: str) -> alt.LayerChart:
    """A difference with its interval for each chapter; the zero line stands out."""
    frame = pd.DataFrame(
        [
            {"chapter": title, "value": f["value"], "low": f["low"], "high": f["high"], "n": f["n"]}
            for title, f in rows.items()
        ]
    )
    y = alt.Y("chapter:N", title=chapter, sort=None, axis=alt.Axis(labelLimit=220))
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=2).encode(y=y, x=alt.X("low:Q", title=label), x2="high:Q")
    points = base.mark_point(filled=True, size=70).encode(
        y=y,
        x="value:Q",
        tooltip=["chapter", *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high")), "n"],
    )
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="x:Q")
    return (zero + bars + points).properties(height=max(120, 26 * len(frame)))
