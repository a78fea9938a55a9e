"""How a connected teacher is led: recipe, examples, exam questions, judge and trust in it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.distil.prompted.judge import ENOUGH, audit
from engine.schema import Pair
from pages.shared.i18n import _


def recipe_form(pairs: Sequence[Pair]) -> None:
    """The choices for a model, and the judge's audit by the designer's ratings in ``pairs``."""
    names = {
        "grid": _("Grid: sections × kinds × levels, gaps first"),
        "coursegpt": _("CourseGPT-zh: example questions, two rounds of sampling"),
    }
    st.selectbox(_("Recipe"), list(names), format_func=lambda name: names[name], key="recipe")
    if st.session_state.get("recipe") == "coursegpt":
        st.file_uploader(
            _("Example questions, one a line (optional)"),
            type=["txt"],
            key="seeds",
            help=_("Without a file: the book's own exercises, or fifty of ours."),
        )
    st.number_input(
        _("Exam questions in everyday words"),
        min_value=0,
        max_value=1000,
        value=60,
        step=10,
        key="rewordings",
        help=_(
            "Taught facts asked without the words of their subject, each checked with the source. "
            "They join the natural part of the exam."
        ),
    )
    st.toggle(
        _("Score every answer (one more call each)"),
        value=True,
        key="judge",
        help=_("Accuracy, usefulness, clarity and brevity, 1 to 10, kept with each pair."),
    )
    if st.session_state.get("judge", True):
        _trust(pairs)


def _trust(pairs: Sequence[Pair]) -> None:
    """The agreement of judge and designer; a floor may be set where it is good enough."""
    found = audit(pairs)
    if found.n:
        agreed = _(
            "The judge agrees with your ratings on {share:.0%} of {n} points (kappa {kappa:.2f}).",
            share=found.agreement.value,
            n=found.n,
            kappa=found.kappa,
        )
        st.caption(agreed)
    st.number_input(
        _("Leave out answers scored below (0: none)"),
        min_value=0,
        max_value=10,
        value=0,
        key="judge-floor",
        disabled=not found.may_filter,
        help=_(
            "Opens when you have accepted or rejected {n} scored points by hand and the judge "
            "mostly agrees.",
            n=ENOUGH,
        ),
    )


def recipe_choices() -> dict[str, Any]:
    """What the widgets say, as fields of a plan."""
    state = st.session_state
    file = state.get("seeds") if state.get("recipe") == "coursegpt" else None
    lines = file.getvalue().decode("utf-8-sig", "replace").splitlines() if file else []
    return {
        "recipe": state.get("recipe", "grid"),
        "seeds": tuple(line.strip() for line in lines if line.strip())[:500],
        "judge": state.get("judge", True),
        "judge_floor": state.get("judge-floor", 0),
        "rewordings": state.get("rewordings", 60),
    }
