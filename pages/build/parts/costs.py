"""What a step will take, in one line under its button."""

import streamlit as st

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
