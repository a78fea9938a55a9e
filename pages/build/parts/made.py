"""What a run made of what was planned, and why it came to its end."""

from collections.abc import Sequence

import streamlit as st

from engine.distil import POINT_GATES, Coverage, Distilled, Rewordings
from pages.build.parts.gates import gate_text
from pages.shared.i18n import _


def made_card(made: Distilled, covered: Sequence[Coverage]) -> None:
    """Planned, made, left out and covered, in four figures and a sentence."""
    if not made.planned:  # a corpus from before this was kept
        return
    refused = sum(n for gate, n in made.removed.items() if gate in POINT_GATES) + made.lost
    cells = st.columns(4)
    cells[0].metric(_("Pairs planned"), f"{made.planned:,}")
    cells[1].metric(_("Pairs made"), f"{made.pairs:,}")
    cells[2].metric(_("Points left out"), f"{refused:,}")
    cells[3].metric(
        _("Sections with pairs"), f"{sum(bool(row.pairs) for row in covered)} / {len(covered)}"
    )
    st.caption(_ended(made.ended))
    _rewordings(made.rewordings)


def _rewordings(told: Rewordings) -> None:
    """The exam's questions in everyday words: asked, made, why not, and what a lookup finds."""
    if not told.asked:
        return
    said = _("Exam questions in everyday words: {n} made of {m} tried.", n=told.made, m=told.asked)
    if told.lookup is not None:
        said += " " + _(
            "The nearest trained question, without any model, finds {share:.0%} of their facts.",
            share=told.lookup.value,
        )
    st.caption(said)
    reasons = [f"{gate_text(gate)} ({n})" for gate, n in told.removed.items()]
    if told.lost:
        reasons.append(_("lost with a failed call") + f" ({told.lost})")
    if reasons:
        st.caption(_("Not used: {reasons}", reasons="; ".join(reasons)))


def _ended(why: str) -> str:
    return {
        "planned": _("It ended because as many pairs as planned were made."),
        "exhausted": _("It ended because the chosen sections hold no more that passes the checks."),
        "failing": _("It ended because the teacher model stopped answering; run it again later."),
    }[why]
