"""What a prompt search shows: frontier, rounds, report on the exam, a prompt beside the start."""

import difflib

import pandas as pd
import streamlit as st

from engine.llm.teacher import load_choice
from engine.optimise import Optimised
from engine.optimise.values import Sample, Standing
from engine.schema import Figure
from pages.build.parts import charts
from pages.shared import session
from pages.shared.failures import safely
from pages.shared.i18n import _, _n, minutes_text
from pages.shared.literal import written


def figure(row: Figure, sign: str = "") -> str:
    return f"{row.value:{sign}.2f} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"


def latest(search: Optimised) -> dict[str, Standing]:
    """Each prompt's newest standing: the one over the most questions."""
    return {row.prompt: row for one in search.rounds for row in one.standings}


def _frame(search: Optimised) -> pd.DataFrame:
    final = {row.prompt for row in search.compared}
    words = {
        "start": _("the start"),
        "frontier": _("nothing is better and shorter"),
        "final": _("other, still compared"),
        "dropped": _("dropped in an earlier round"),
    }
    rows = []
    for name, row in latest(search).items():
        kind = (
            "start"
            if name == search.start
            else "frontier"
            if name in search.frontier
            else "final"
            if name in final
            else "dropped"
        )
        rows.append(
            {
                "prompt": name,
                "length": row.length.value,
                "quality": row.quality.value,
                "low": row.quality.low,
                "high": row.quality.high,
                "score": row.score.value,
                "n": row.n,
                "kind": words[kind],
                "on": name in search.frontier,
                "final": name in final,
                "text": search.candidate(name).prompt.style,
            }
        )
    return pd.DataFrame(rows)


def frontier(search: Optimised, pick: str = "") -> None:
    """The quality-length frontier with the table behind it; a click fills the widget ``pick``."""
    frame = _frame(search)
    if frame.empty:
        return
    says = _n(
        "{n} prompt tried; {m} of them are worth choosing from",
        "{n} prompts tried; {m} of them are worth choosing from",
        len(frame),
        m=int(frame["on"].sum()),
    )
    st.markdown(f"**{says}**")
    length, quality = _("Length of the answer / reference"), _("Quality (0 to 10)")
    chart = charts.frontier(frame, length, quality)
    plain = {"displayModeBar": False}
    if pick:
        key = f"chart-{pick}"
        chosen = safely(lambda: _picked(key, pick))
        st.plotly_chart(chart, key=key, on_select=chosen, config=plain, alt=says)
        st.caption(_("Click a point to look at its prompt below."))
    else:
        st.plotly_chart(chart, config=plain, alt=says)
    _table(frame, says)


def _table(frame: pd.DataFrame, says: str) -> None:
    """The prompts behind the chart, best score first."""
    with st.expander(_("All prompts as a table"), icon=":material/table:"):
        st.dataframe(
            frame[["text", "kind", "quality", "length", "score", "n"]]
            .sort_values("score", ascending=False)
            .rename(
                columns={
                    "text": _("Prompt"),
                    "kind": _("State"),
                    "quality": _("Quality"),
                    "length": _("Length ratio"),
                    "score": _("Score"),
                    "n": _("Questions"),
                }
            )
            .round(2),
            hide_index=True,
            alt=says,
        )
        st.caption(
            _("Prompts of earlier rounds answered fewer and other questions: compare with care.")
        )


def _picked(key: str, pick: str) -> None:
    """Hand a clicked point on to the widget that shows a prompt."""
    points = st.session_state[key].selection.points
    if points:
        st.session_state[pick] = points[0]["customdata"][0]


def rounds(search: Optimised) -> None:
    """Score by round with intervals: the leader beside the start."""
    rows = []
    for one in search.rounds:
        label = _("validation") if one.pool == "validation" else str(one.number)
        start = next((row for row in one.standings if row.prompt == search.start), None)
        leader = one.standings[0] if one.standings else None
        for name, row in ((_("the start"), start), (_("the best"), leader)):
            if row is not None:
                rows.append(
                    {"round": label, "series": name, "questions": row.n} | row.score.model_dump()
                )
    if not rows:
        return
    frame = pd.DataFrame(rows)
    says = _rounds_say(search)
    st.markdown(f"**{says}**")
    st.altair_chart(charts.scores(frame, _("Round"), _("Score (points)")), alt=says)
    st.caption(_("Score: quality less the penalty on length"))
    with st.expander(_("All rounds as a table"), icon=":material/table:"):
        st.dataframe(_rounds_table(frame), hide_index=True, alt=says)
        st.caption(
            _(
                "The best of a round was picked on that round's questions, which flatters it. "
                "Validation asks new ones; the exam is asked once, after the choice."
            )
        )


def _rounds_say(search: Optimised) -> str:
    best = f"{search.compared[0].score.value:.2f}"
    start = [row for row in search.compared if row.prompt == search.start]
    if not start:  # CourseGPT's loop drops it when five others are better
        return _("In the latest round the best prompt scores {best}", best=best)
    return _(
        "In the latest round the best prompt scores {best}, the start {start}",
        best=best,
        start=f"{start[0].score.value:.2f}",
    )


def _rounds_table(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "round": _("Round"),
        "series": _("Prompt"),
        "value": _("Score"),
        "low": _("from"),
        "high": _("to"),
        "questions": _("Questions"),
    }
    return frame[list(columns)].rename(columns=columns).round(2)


def verdict(search: Optimised) -> None:
    """What the untouched exam says about the best prompt, in words and in figures."""
    parts = {
        "natural": _("Natural"),
        "reworded": _("Reworded"),
        "transfer": _("Transfer"),
        "uploaded": _("Uploaded exam"),
    }
    if search.best == search.start:
        st.info(_("No prompt did better than the start. Keeping it is right."))
        return
    for row in search.exam:
        gain = row.gains["score"]
        text = _(
            "**{part}**: the score goes from {before} to {after}, a difference of {gain} over "
            "{n} questions that the search never saw.",
            part=parts[row.part],
            before=f"{row.before.score.value:.2f}",
            after=f"{row.after.score.value:.2f}",
            gain=figure(gain, "+"),
            n=gain.n,
        )
        if gain.low > 0:
            st.success(text)
        elif gain.high < 0:
            st.error(text)
        else:
            st.info(text + " " + _("That is no difference beyond chance."))
    with st.expander(_("All figures, with 95 % intervals"), icon=":material/table:"):
        st.dataframe(_figures(search, parts), hide_index=True, alt=_("Figures on the exam"))
        st.caption(
            _(
                "Only the start and the recommended prompt are examined, once: choosing by the "
                "exam would spoil it."
            )
        )


def _figures(search: Optimised, parts: dict[str, str]) -> pd.DataFrame:
    names = {
        "score": _("Score"),
        "quality": _("Quality"),
        "length": _("Length ratio"),
        "penalty": _("Penalty"),
    }
    return pd.DataFrame(
        [
            {
                _("Part"): parts[row.part],
                "n": row.before.n,
                _("Figure"): title,
                _("Start"): figure(getattr(row.before, name)),
                _("Best prompt"): figure(getattr(row.after, name)),
                _("Difference"): figure(row.gains[name], "+"),
            }
            for row in search.exam
            for name, title in names.items()
        ]
    )


def spend(search: Optimised) -> None:
    """What the search has cost."""
    calls = search.calls
    tokens = calls.prompt_tokens + calls.completion_tokens
    parts = [
        _n("{n} answer", "{n} answers", calls.answers),
        _n("{n} judgement", "{n} judgements", calls.judgings) if calls.judgings else "",
        _n("{n} call for new prompts", "{n} calls for new prompts", calls.proposals)
        if calls.proposals
        else "",
        _n("{n} call failed", "{n} calls failed", calls.failed) if calls.failed else "",
        _n("{n} token", "{n} tokens", tokens),
        minutes_text(search.seconds),
        _money(search),
    ]
    st.caption(" · ".join(part for part in parts if part))


def _money(search: Optimised) -> str:
    price = load_choice(session.store()).price
    calls = search.calls
    cost = (calls.prompt_tokens * price.prompt + calls.completion_tokens * price.completion) / 1e6
    return f"{cost:.2f} {price.currency}" if search.plan.model == "endpoint" and cost else ""


def compare(search: Optimised, name: str) -> None:
    """The prompt beside the start, line by line, and three of its answers."""
    chosen, start = search.candidate(name).prompt, search.candidate(search.start).prompt
    if name == search.start:
        st.code(start.text, language=None, wrap_lines=True)
    else:
        lines = difflib.ndiff(start.text.splitlines(), chosen.text.splitlines())
        st.markdown(f"**{_('Changes against the start')}**")
        st.code(
            "\n".join(line for line in lines if not line.startswith("?")),
            language="diff",
            wrap_lines=True,
        )
    samples = search.samples.get(name, ())
    theirs = {s.question: s for s in search.samples.get(search.start, ()) if name != search.start}
    if samples:
        st.markdown(f"**{_('Three answers by this prompt')}**")
    for sample in samples:
        with st.container(border=True):
            st.markdown(f"**{written(sample.question)}**")
            _answers(sample, theirs.get(sample.question))


def _answers(sample: Sample, start: Sample | None) -> None:
    """The book's answer, this prompt's, and the start's, side by side."""
    shown = [
        (_("The book"), sample.reference),
        (_("By this prompt (score {score})", score=f"{sample.score:.1f}"), sample.answer),
    ]
    if start:
        title = _("By the start (score {score})", score=f"{start.score:.1f}")
        shown.append((title, start.answer))
    for column, (title, text) in zip(st.columns(len(shown)), shown, strict=True):
        column.caption(title)
        column.markdown(written(text))
