"""What a run made of what was planned, and why it came to its end."""

from collections.abc import Sequence

import streamlit as st

from engine.distil import POINT_GATES, Coverage, Distilled
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


def _ended(why: str) -> str:
    return {
        "planned": _("It ended because as many pairs as planned were made."),
        "exhausted": _("It ended because the chosen sections hold no more that passes the checks."),
        "failing": _("It ended because the teacher model stopped answering; run it again later."),
    }[why]
