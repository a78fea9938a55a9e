"""What a step will take, in one line under its button."""

from collections.abc import Sequence

import streamlit as st

from engine.distil import Share
from engine.llm.costs import Estimate
from pages.shared.i18n import _, _n, minutes_text


def cost_line(costs: Estimate, currency: str = "") -> None:
    """Answers, time and money, each with its range."""
    low, likely, high = (minutes_text(60 * minutes) for minutes in costs.minutes)
    text = _n(
        "{n} answer, about {likely} (between {low} and {high})",
        "{n} answers, about {likely} (between {low} and {high})",
        costs.calls,
        likely=likely,
        low=low,
        high=high,
    )
    if costs.money[1]:
        low, likely, high = (f"{money:.2f}" for money in costs.money)
        text += " · " + _(
            "cost about {likely} {currency} (between {low} and {high})",
            likely=likely,
            low=low,
            high=high,
            currency=currency,
        )
    st.caption(text)


def role_costs(shares: Sequence[Share]) -> None:
    """What each role of a corpus takes, each at the price of its own model."""
    names = {
        "teacher": _("teacher model"),
        "second": _("second teacher model"),
        "checker": _("checks"),
        "judge": _("scores"),
    }
    told = [f"{names[share.role]} {share.money:.2f} ({share.calls:,})" for share in shares]
    st.caption(_("Of which (calls): {shares}", shares=" · ".join(told)))
