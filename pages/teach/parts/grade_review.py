"""The review queue of the screen *Assignments*: one answer at a time, with what is proposed."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.grade import Item
from engine.steps import Workspace
from engine.steps.gradebook import GradedSubmission, decide
from pages.shared.grades import grade_text
from pages.shared.i18n import _
from pages.shared.literal import escaped, highlighted, written


def flag_names() -> dict[str, str]:
    """What makes an answer suspicious, in words."""
    return {
        "empty": _("empty"),
        "huge": _("very long"),
        "language": _("in another language"),
        "copied_question": _("repeats the question"),
        "shuffled": _("words of the right answer without their order"),
        "negated": _("the right answer turned round by a negation"),
        "stuffed": _("key words without a sentence"),
        "instructions": _("speaks to the grader"),
        "hidden": _("invisible characters"),
        "duplicate": _("nearly repeats another learner's answer"),
        "teacher_failed": _("the teacher model gave no verdict"),
    }


def queue(
    workspace: Workspace, items: dict[str, Item], waiting: Sequence[GradedSubmission]
) -> None:
    """One answer of the queue: what was asked and said, what is proposed, and what you say."""
    skipped: list[str] = st.session_state.setdefault("skipped", [])
    open_ones = [m for m in waiting if m.grade.answer_id not in skipped] or list(waiting)
    m = open_ones[0]
    item = items[m.submission.item_id]
    with st.container(border=True):
        st.caption(_("{n} left to review", n=len(waiting)))
        st.markdown(f"**{written(item.question)}**")
        st.markdown(highlighted(m.submission.answer, [c.quote for c in m.grade.criteria]) or "–")
        with st.expander(_("Right answer")):
            st.markdown(written("\n".join(item.references or [c.criterion for c in item.rubric])))
        if m.grade.flags:
            names = flag_names()
            st.warning(", ".join(names.get(flag, flag) for flag in m.grade.flags))
        _verdicts(m)
        _decision(workspace, item, m, skipped)


def _verdicts(m: GradedSubmission) -> None:
    words = {"met": _("met"), "partly": _("partly met"), "unmet": _("not met")}
    if m.grade.criteria:
        rows = [
            {_("Criterion"): c.criterion, _("Verdict"): words[c.verdict], _("Evidence"): c.quote}
            for c in m.grade.criteria
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True)


def _decision(workspace: Workspace, item: Item, m: GradedSubmission, skipped: list[str]) -> None:
    grade, key = m.grade, m.grade.answer_id
    cells = st.columns(2)
    cells[0].metric(_("Proposed grade"), escaped(grade_text(item, m)))
    cells[1].metric(_("Confidence"), f"{100 * grade.confidence:.0f} %")
    score, label = None, None
    if grade.label is not None:
        labels = list(dict.fromkeys([*(item.labels or ("correct", "incorrect")), grade.label]))
        label = st.selectbox(_("Your grade"), labels, labels.index(grade.label), key=f"l-{key}")
    else:
        score = st.number_input(
            _("Your grade"), 0.0, float(item.top), float(grade.score or 0), 0.5, key=f"s-{key}"
        )
    held = "" if grade.flags else grade.feedback
    feedback = st.text_area(_("Feedback to the learner"), held, key=f"f-{key}", height=100)
    changed = (score, label) != (grade.score, grade.label)
    reason = st.text_input(_("Reason"), key=f"r-{key}") if changed else ""
    with st.container(horizontal=True):
        button = _("Override") if changed else _("Accept")
        lacking = changed and not reason.strip()
        if st.button(button, type="primary", key="decide", disabled=lacking):
            decide(workspace, item, m, score=score, label=label, reason=reason, feedback=feedback)
            st.rerun()
        if st.button(_("Later"), key="later"):
            skipped.append(key)
            st.rerun()
