"""The charts of *My progress*: titled with what they say, with hover text."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from engine.learner import ConceptState
from engine.levels import FIRM
from pages.shared.charts import GREY


def levels(rows: Mapping[str, ConceptState], label: str, concept: str) -> alt.LayerChart:
    """Mastery by concept with its interval, weakest first; the dashed line is «mastered»."""
    frame = pd.DataFrame(
        [
            {"concept": name, **row.model_dump(include={"mastery", "low", "high", "answered"})}
            for name, row in sorted(rows.items(), key=lambda item: item[1].mastery)
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
