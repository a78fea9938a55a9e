"""Which explanations teach this student best: the arms side by side, with a button to run them."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.align.costs import estimate
from engine.align.plan import ALWAYS, AlignPlan
from engine.llm.teacher import load_choice
from engine.steps import Workspace
from engine.store import Result
from pages.build.parts.costs import cost_line
from pages.shared import charts, session
from pages.shared.i18n import _
from pages.shared.job_board import board

_CHANCE = 0.25


def section(workspace: Workspace) -> None:
    """The comparison of the arms, its job, and the button that starts it."""
    result = workspace.store.result(workspace.course.id, "align")
    version = workspace.store.corpus_version(workspace.course.id, "train", "exam")
    with st.expander(_("Which explanations teach this student best?"), icon=":material/school:"):
        st.caption(
            _(
                "Several ways of choosing explanations teach copies of the student in equally many "
                "rows; each copy then answers the same multiple-choice questions. Without a "
                "connected teacher the built-in model explains, and it is weak."
            )
        )
        live = board(workspace.course.id, ("align",))
        if result is None and not live:
            st.info(_("Not compared yet."), icon=":material/info:")
        if result is not None:
            _figures(result, stale=result.inputs != version)
        if not live:
            _start(workspace, version, again=result is not None)


def _start(workspace: Workspace, version: str, *, again: bool) -> None:
    """The button and what it will take."""
    plan = AlignPlan()
    if st.button(
        _("Compare again") if again else _("Compare explanations"),
        icon=":material/play_arrow:",
        key="align",
    ):
        data = plan.model_dump(mode="json")
        queue.submit(session.settings(), "align", workspace.course.id, data, version)
        st.rerun()
    choice = load_choice(workspace.store)
    connected = choice.kind == "endpoint"
    prices = (choice.price.prompt, choice.price.completion)
    cost_line(estimate(plan, connected=connected, prices=prices), choice.price.currency)


def _names() -> dict[str, str]:
    return {
        "untouched": _("untouched student"),
        "random": _("random explanations"),
        "one-style": _("one style for all"),
        "select": _("the student's favourites"),
        "prompt": _("the best wording of the request"),
        "dpo": _("an aligned teacher (DPO)"),
    }


def _figures(result: Result, stale: bool) -> None:
    data = result.data
    if stale:
        st.warning(_("The corpus has changed since this comparison."), icon=":material/history:")
    says = _says(data["arms"])
    st.markdown(f"**{says}**")
    if guessing := [a for a in data["arms"] if a["accuracy"]["low"] <= _CHANCE]:
        listed = ", ".join(_names()[arm["arm"]] for arm in guessing)
        st.caption(_("Perhaps no better than guessing: {arms}.", arms=listed))
    if data["weak_teacher"]:
        st.warning(
            _("The teacher was the built-in model itself, as weak as the student."),
            icon=":material/info:",
        )
    frame = _frame(data["arms"])
    chart = _chart(frame, _("Share of right answers (dashed: guessing)"))
    st.altair_chart(chart, alt=says)
    shown = frame.drop(columns=["value", "low", "high", "name"])
    st.dataframe(shown, hide_index=True, alt=says)


def _says(arms: list[dict[str, Any]]) -> str:
    """The verdict in words."""
    compared = [arm for arm in arms if arm["gain"] and arm["arm"] not in ALWAYS]
    better = [arm for arm in compared if arm["gain"]["low"] > 0]
    if not better:
        return _("No way of choosing explanations beat random ones beyond doubt")
    best = max(better, key=lambda arm: arm["accuracy"]["value"])
    return _("Better than random explanations: {arm}", arm=_names()[best["arm"]])


def _frame(arms: list[dict[str, Any]]) -> pd.DataFrame:
    names = _names()
    return pd.DataFrame(
        [
            {
                "name": names[arm["arm"]],
                **{key: arm["accuracy"][key] for key in ("value", "low", "high")},
                _("Explanations"): names[arm["arm"]],
                _("Right"): _figure(arm["accuracy"]),
                _("Questions"): arm["accuracy"]["n"],
                _("Against random"): _figure(arm["gain"], "+") if arm["gain"] else "–",
                _("Minutes"): round(arm["minutes"], 1),
                _("Calls"): arm["calls"],
            }
            for arm in arms
        ]
    )


def _figure(row: dict[str, float], sign: str = "") -> str:
    return f"{row['value']:{sign}.2f} [{row['low']:{sign}.2f}, {row['high']:{sign}.2f}]"


def _chart(frame: pd.DataFrame, label: str) -> alt.LayerChart:
    """A bar for each arm with its interval; the dashed line is guessing among four."""
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=220))
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(frame[["name", "value", "low", "high"]])
    tips = ["name", *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high"))]
    bars = base.mark_bar(opacity=0.6).encode(
        y=y, x=alt.X("value:Q", title=label, scale=scale), tooltip=tips
    )
    ranges = base.mark_rule(strokeWidth=2, color=charts.GREY).encode(y=y, x="low:Q", x2="high:Q")
    dashed = {"strokeDash": [4, 4], "color": charts.GREY}
    chance = alt.Chart(pd.DataFrame({"x": [_CHANCE]})).mark_rule(**dashed).encode(x="x:Q")
    return (bars + ranges + chance).properties(height=40 * len(frame))
