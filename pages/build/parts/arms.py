"""Which lessons teach this student best: the arms side by side, run and chosen here."""

from collections.abc import Callable, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.align import (
    AlignPlan,
    AlignResult,
    Arm,
    ArmResult,
    best_arm,
    choose_lessons,
    chosen_arm,
    leave_lessons,
    lessons,
)
from engine.align.plan import ALWAYS
from engine.align.values import CHANCE
from engine.errors import EngineError
from engine.llm.teacher import load_choice
from engine.schema import Figure
from engine.steps import ALIGN, Workspace
from engine.steps.align import ALIGNED, align_costs
from pages.build.parts.costs import cost_line
from pages.shared import charts
from pages.shared.i18n import _, _n, error_text
from pages.shared.job_board import board
from pages.shared.literal import escaped


def section(workspace: Workspace) -> None:
    """The comparison of the arms, its job, and the button that starts it."""
    saved = workspace.store.saved(workspace.course.id, ALIGNED)
    plan = ALIGN.default(workspace)
    version = ALIGN.inputs(workspace.store, workspace.course.id, plan)
    with st.expander(
        _("Experiment: which explanations teach this student best?"), icon=":material/science:"
    ):
        st.caption(
            _(
                "Several ways of choosing questions and explanations teach copies of the student "
                "in equally many rows; then it is read from each copy which of four answers it "
                "holds the likeliest. Without a connected teacher the student’s base explains, and "
                "it is weak. On small models no way has beaten both random explanations and none "
                "at all yet, so this is no part of building a course."
            )
        )
        live = board(workspace.course.id, ("align",))
        if saved is None and not live:
            st.info(_("Not compared yet."), icon=":material/info:")
        if saved is not None:
            _figures(saved.value, stale=saved.inputs != version)
            _choose(workspace, saved.value)
        if not live:
            _start(workspace, plan, again=saved is not None)


def _start(workspace: Workspace, plan: AlignPlan, *, again: bool) -> None:
    """The button and what it will take."""
    if st.button(
        _("Compare again") if again else _("Compare explanations"),
        icon=":material/play_arrow:",
        key="align",
    ):
        queue.start(workspace, ALIGN, plan)
        st.rerun()
    currency = load_choice(workspace.store).price.currency
    try:
        cost_line(align_costs(workspace, plan), currency)
    except EngineError as error:  # the student's base may be gone since; the student is not
        st.info(escaped(error_text(error)), icon=":material/info:")


def _choose(workspace: Workspace, result: AlignResult) -> None:
    """Whether the student is trained on an arm's lessons; on by itself only where that helps."""
    store, course = workspace.store, workspace.course.id
    best, used, names = best_arm(result), chosen_arm(store, course), _names()
    arms = [arm.arm for arm in result.arms if arm.lessons]
    preset = used or (best.arm if best else max(arms, key=_accuracy(result), default=""))
    if not arms:
        return

    wanted = st.toggle(
        _("Train the student on these explanations"),
        value=bool(used),
        key="lessons-on",
        help=_("They are added to the training questions from the next training on."),
    )
    arm = st.selectbox(
        _("Explanations"),
        arms,
        index=arms.index(preset) if preset in arms else 0,
        format_func=lambda arm: names[arm],
        key="lessons-arm",
        disabled=not wanted,
    )
    if wanted and arm != used:
        choose_lessons(store, course, result, arm)
        st.rerun()
    if used and not wanted:
        leave_lessons(store, course)
        st.rerun()
    if best is None:
        st.caption(
            _(
                "Off by itself: no way beats both random explanations and the untouched student "
                "beyond chance."
            )
        )
    if used:
        count = len(lessons(store, course))
        st.caption(_n("{n} lesson will be taught.", "{n} lessons will be taught.", count))


def _accuracy(result: AlignResult) -> Callable[[Arm], float]:
    found = {arm.arm: arm.accuracy.value for arm in result.arms}
    return lambda arm: found[arm]


def _names() -> dict[str, str]:
    return {
        "untouched": _("untouched student"),
        "random": _("random explanations"),
        "plain": _("answers without explanations"),
        "one-style": _("one style for all"),
        "select": _("the student's favourites"),
        "question": _("its favourite questions"),
        "both": _("its favourite questions and explanations"),
        "prompt": _("the best wording of the request"),
        "dpo": _("an aligned teacher (DPO)"),
    }


def _figures(result: AlignResult, stale: bool) -> None:
    if stale:
        st.warning(_("The corpus has changed since this comparison."), icon=":material/history:")
    says = _says(result.arms)
    st.markdown(f"**{says}**")
    if guessing := [a for a in result.arms if a.accuracy.low <= CHANCE]:
        listed = ", ".join(_names()[arm.arm] for arm in guessing)
        st.caption(_("Perhaps no better than guessing: {arms}.", arms=listed))
    if result.weak_teacher:
        st.warning(
            _("The teacher was the student’s base itself, as weak as the student."),
            icon=":material/info:",
        )
    frame = _frame(result.arms)
    st.caption(
        _n(
            "{n} question of the exam with four answers. Guessing is right on 0.25 of them, the "
            "answer most like its question in words on {overlap}. The student’s base: {base}.",
            "{n} questions of the exam with four answers. Guessing is right on 0.25 of them, the "
            "answer most like its question in words on {overlap}. The student’s base: {base}.",
            result.test,
            overlap=_figure(result.overlap),
            base=result.base,
        )
    )
    chart = _chart(frame, _("Share of right answers (dashed: guessing)"))
    st.altair_chart(chart, alt=says)
    shown = frame.drop(columns=["value", "low", "high", "name"])
    st.dataframe(shown, hide_index=True, alt=says)


def _says(arms: Sequence[ArmResult]) -> str:
    """The verdict in words."""
    compared = [arm for arm in arms if arm.gain and arm.arm not in ALWAYS]
    better = [arm for arm in compared if arm.gain and arm.gain.low > 0]
    if not better:
        return _("No way of choosing explanations beat random ones beyond doubt")
    best = max(better, key=lambda arm: arm.accuracy.value)
    return _("Better than random explanations: {arm}", arm=_names()[best.arm])


def _frame(arms: Sequence[ArmResult]) -> pd.DataFrame:
    names = _names()
    return pd.DataFrame(
        [
            {
                "name": names[arm.arm],
                **arm.accuracy.model_dump(include={"value", "low", "high"}),
                _("Explanations"): names[arm.arm],
                _("Right"): _figure(arm.accuracy),
                _("Questions"): arm.accuracy.n,
                _("Against random"): _figure(arm.gain, "+") if arm.gain else "–",
                _("Against the untouched student"): (
                    _figure(arm.over_untouched, "+") if arm.over_untouched else "–"
                ),
                _("Minutes"): round(arm.minutes, 1),
                _("Calls"): arm.calls,
            }
            for arm in arms
        ]
    )


def _figure(row: Figure, sign: str = "") -> str:
    return f"{row.value:{sign}.2f} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"


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
    line = alt.Chart(pd.DataFrame({"x": [CHANCE]}))
    chance = line.mark_rule(strokeDash=[4, 4], color=charts.GREY).encode(x="x:Q")
    return (bars + ranges + chance).properties(height=40 * len(frame))
