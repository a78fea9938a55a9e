"""What the gates kept out of a corpus or of training, and why, in words."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from engine.distil import POINT_GATES, Distilled, GateExample
from pages.shared.i18n import _
from pages.shared.literal import escaped


def gate_text(gate: str) -> str:
    """Why a pair or a knowledge point is left out, in words."""
    return (_of_pairs() | _of_points() | _of_rewordings()).get(gate, gate)


def _of_pairs() -> dict[str, str]:
    return {
        "person": _("rejected by a person"),
        "held_out_section": _("its section is kept out whole for the exam"),
        "exam_question": _("its question is asked in the exam"),
        "exam_answer": _("its answer belongs to an exam question on untaught matter"),
        "trained_question": _("its question is trained on"),
        "untaught_section": _("its section is not taught"),
        "same_wording": _("it repeats a trained question"),
        "asked_before": _("a person judged a pair with this question before"),
    }


def _of_points() -> dict[str, str]:
    return {
        "not_found": _("the teacher model found nothing more to ask there"),
        "wordings": _("fewer than two of its questions can be understood by themselves"),
        "self_contained": _("its question cannot be understood without the passage"),
        "unanswerable": _("the passage does not answer its question"),
        "in_book": _("the book does answer it, though it should not"),
        "quote": _("its quote does not stand in the book"),
        "beside": _("its answer answers another question"),
        "unsupported": _("the passage does not bear out its answer"),
        "round_trip": _("asked anew, it was answered differently"),
        "computed": _("its number is not what the computation gives"),
        "grounded": _("its answer says more than the passage"),
        "repeated": _("its question or answer repeats another one"),
        "judge": _("the judge scored it too low"),
        "surplus": _("not needed any more"),
    }


def _of_rewordings() -> dict[str, str]:
    return {
        "no_rewording": _("the teacher model found no other words for it"),
        "subject_word": _("it keeps a word of its subject"),
        "near_question": _("it nearly repeats a taught question"),
        "other_answer": _("the taught answer is not the answer to it"),
    }


def left_out(made: Distilled, titles: Mapping[str, str]) -> None:
    """What became of all that was offered when the corpus was made, with examples of each gate."""
    removed = {gate: n for gate, n in made.removed.items() if n}
    if not removed and not made.lost:
        return
    label = _("What was left out, and why ({n})", n=sum(removed.values()) + made.lost)
    with st.expander(label, icon=":material/filter_alt:"):
        st.caption(_summary(made))
        rows = [
            {
                _("Why"): gate_text(gate),
                _("What"): _("knowledge points") if gate in POINT_GATES else _("pairs"),
                _("Left out"): count,
            }
            for gate, count in sorted(removed.items(), key=lambda row: -row[1])
        ]
        if made.lost:
            lost = {_("Why"): _("lost with a failed call"), _("What"): _("knowledge points")}
            rows.append(lost | {_("Left out"): made.lost})
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt=label)
        _examples(made.examples, titles)
        if made.rewordings.examples:
            st.markdown("##### " + _("Exam questions in everyday words"))
            _examples(made.rewordings.examples, titles)


def _summary(made: Distilled) -> str:
    if made.teacher == "extractive":
        return _(
            "{n} knowledge points were found in the book; {m} passed and became pairs.",
            n=f"{made.offered:,}",
            m=f"{made.points:,}",
        )
    return _(
        "The teacher model was asked for {n} knowledge points; {m} passed and became pairs.",
        n=f"{made.offered:,}",
        m=f"{made.points:,}",
    )


def _examples(examples: Mapping[str, Sequence[GateExample]], titles: Mapping[str, str]) -> None:
    """Up to three questions of each gate: what it was asked, why it went, and where."""
    for gate, found in examples.items():
        st.markdown(f"**{gate_text(gate)}**")
        for example in found:
            place = titles.get(example.section, "")
            reason = f" – {escaped(example.reason)}" if example.reason else ""
            where = f" ({escaped(place)})" if place else ""
            st.markdown(f"- {escaped(example.question)}{reason}{where}")


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
