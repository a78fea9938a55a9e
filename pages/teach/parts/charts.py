"""The charts of *Assignments* and *Students*: titled with what they say, with hover text."""

from __future__ import annotations

import altair as alt
import pandas as pd

from pages.shared.charts import GREY


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
