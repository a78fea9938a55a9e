"""What the gates kept out of a corpus or of training, and why, in words."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.distil import Distilled
from pages.shared.i18n import _

_POINTS = ("wordings", "quote", "grounded", "repeated")
"""Gates that count knowledge points; the others count pairs (see ``Distilled``)."""


def gate_text(gate: str) -> str:
    """Why a pair or a knowledge point is left out, in words."""
    return {
        "person": _("rejected by a person"),
        "held_out_section": _("its section is kept out whole for the exam"),
        "exam_question": _("its question is asked in the exam"),
        "exam_answer": _("its answer belongs to an exam question on untaught matter"),
        "trained_question": _("its question is trained on"),
        "untaught_section": _("its section is not taught"),
        "same_wording": _("it repeats a trained question"),
        "asked_before": _("a person judged a pair with this question before"),
        "wordings": _("fewer than two of its questions can be understood by themselves"),
        "quote": _("its quote does not stand in the book"),
        "grounded": _("its answer says more than the passage"),
        "repeated": _("its question or answer repeats another one"),
    }.get(gate, gate)


def left_out(made: Distilled) -> None:
    """What became of all that was offered when the corpus was made, as a table."""
    removed = {gate: n for gate, n in made.removed.items() if n}
    if not removed:
        return
    label = _("What was left out, and why ({n})", n=sum(removed.values()))
    with st.expander(label, icon=":material/filter_alt:"):
        st.caption(
            _(
                "{n} knowledge points were found in the book; {m} passed and became pairs.",
                n=f"{made.offered:,}",
                m=f"{made.points:,}",
            )
        )
        rows = [
            {
                _("Why"): gate_text(gate),
                _("What"): _("knowledge points") if gate in _POINTS else _("pairs"),
                _("Left out"): count,
            }
            for gate, count in sorted(removed.items(), key=lambda row: -row[1])
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt=label)


def held_back(gates: Mapping[str, int]) -> None:
    """Which pairs the exam's guard kept out of a training; nothing where there are none."""
    counts = {gate: n for gate, n in gates.items() if n}
    if not counts:
        return
    reasons = "; ".join(f"{gate_text(gate)}: {n}" for gate, n in counts.items())
    said = _(
        "{n} pair(s) were not trained on, to keep the exam honest ({reasons}).",
        n=sum(counts.values()),
        reasons=reasons,
    )
    st.info(said, icon=":material/shield:")
