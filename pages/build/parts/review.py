"""The review table: filter, look at a pair beside its source, accept, edit, reject, undo."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.corpus import revise
from engine.distil import FORMATS, render
from engine.schema import Pair
from engine.steps import Workspace
from pages.build.parts.cover import level_names
from pages.build.parts.gates import gate_text
from pages.shared import session
from pages.shared.i18n import _, _n, code_text
from pages.shared.literal import escaped, written


def status_names() -> dict[str, str]:
    """Where a pair stands, in words."""
    return {
        "proposed": _("to review"),
        "accepted": _("accepted"),
        "rejected": _("rejected"),
    }


def review(workspace: Workspace, pairs: Sequence[Pair]) -> None:
    """Draw the review of a corpus."""
    _counts(pairs)
    shown = _filtered(workspace, pairs)
    selected = _table(shown)
    _bulk(workspace, shown, selected)
    if selected:
        _one(workspace, selected[0])
    _download(workspace, pairs)


def _counts(pairs: Sequence[Pair]) -> None:
    kept = [pair for pair in pairs if pair.status != "rejected"]
    cells = st.columns(6)
    cells[0].metric(_("Training"), f"{sum(p.split == 'train' for p in kept):,}")
    cells[1].metric(_("Validation"), sum(p.split == "validation" for p in kept))
    cells[2].metric(
        _("Exam: reworded"),
        sum(p.part == "reworded" for p in kept),
        help=_("Taught knowledge asked in words that training never sees."),
    )
    cells[4].metric(
        _("Exam: natural"),
        sum(p.part == "natural" for p in kept),
        help=_(
            "The book’s own exercises with the book’s own answers, and taught facts in "
            "everyday words where a teacher model is connected."
        ),
    )
    cells[3].metric(
        _("Exam: transfer"),
        sum(p.part == "transfer" for p in kept),
        help=_("Sections kept out of training altogether."),
    )
    cells[5].metric(_("To review"), f"{sum(p.status == 'proposed' for p in pairs):,}")


def _filtered(workspace: Workspace, pairs: Sequence[Pair]) -> list[Pair]:
    titles = session.knowledge(workspace.course.id).titles()
    present = list(dict.fromkeys(pair.section for pair in pairs))
    levels = _levels_of(pairs)
    left, middle, *rest, right = st.columns([2, 2, 1, 1] if levels else [2, 2, 1])
    sections = left.multiselect(
        _("Section"),
        present,
        format_func=lambda s: titles.get(s, s),
        key="filter-sections",
        placeholder=_("all"),
    )
    kinds = middle.multiselect(
        _("Kind"),
        sorted({pair.kind for pair in pairs}),
        format_func=lambda kind: code_text("kinds", kind, kind),
        key="filter-kinds",
        placeholder=_("all"),
    )
    names = level_names()
    wanted = (
        rest[0].multiselect(
            _("Level"),
            levels,
            format_func=lambda level: names[level],
            key="filter-levels",
            placeholder=_("all"),
        )
        if rest
        else []
    )
    words = {"all": _("all"), **status_names()}
    status = right.selectbox(
        _("Status"), list(words), format_func=lambda s: words[s], key="filter-status"
    )
    return [
        pair
        for pair in pairs
        if (not sections or pair.section in sections)
        and (not kinds or pair.kind in kinds)
        and (not wanted or pair.level in wanted)
        and status in ("all", pair.status)
    ]


def _levels_of(pairs: Sequence[Pair]) -> list[str]:
    """The levels of the pairs, in order; none where they have fewer than two."""
    present = {pair.level for pair in pairs}
    own: list[str] = [level for level in level_names() if level in present]
    return own if len(own) > 1 else []


def _table(shown: Sequence[Pair]) -> list[Pair]:
    splits = {"train": _("training"), "validation": _("validation"), "exam": _("exam")}
    words, levels = status_names(), level_names()
    frame = pd.DataFrame(
        {
            _("Status"): [words[pair.status] for pair in shown],
            _("Question"): [pair.question for pair in shown],
            _("Answer"): [pair.answer for pair in shown],
            _("Kind"): [code_text("kinds", pair.kind, pair.kind) for pair in shown],
            _("Level"): [levels.get(pair.level) for pair in shown],
            _("Use"): [splits[pair.split] for pair in shown],
            _("Judge"): [pair.scores.get("overall") for pair in shown],
            _("Page"): [pair.evidence[0].page or None if pair.evidence else None for pair in shown],
        }
    )
    for column in (_("Level"), _("Judge"), _("Page")):  # offline, unjudged, without pages
        if frame[column].isna().all():
            frame = frame.drop(columns=column)
    state = st.dataframe(
        frame,
        hide_index=True,
        height=380,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        key=f"review-{st.session_state.get('review-round', 0)}",
        alt=_("Pairs with their answers"),
    )
    return [shown[i] for i in state["selection"]["rows"] if i < len(shown)]


def _bulk(workspace: Workspace, shown: Sequence[Pair], selected: Sequence[Pair]) -> None:
    target = selected or shown
    of = _("{n} selected", n=len(selected)) if selected else _("all {n} shown", n=len(shown))
    with st.container(horizontal=True):
        if st.button(
            _("Accept") + f" ({of})", icon=":material/check:", disabled=not target, key="accept"
        ):
            _set_status(workspace, target, "accepted")
        if st.button(
            _("Reject") + f" ({of})", icon=":material/close:", disabled=not target, key="reject"
        ):
            _set_status(workspace, target, "rejected")
        if st.button(_("Undo"), icon=":material/undo:", key="undo"):
            count = workspace.store.undo(workspace.course.id)
            session.flash(
                _n("{n} pair restored", "{n} pairs restored", count)
                if count
                else _("Nothing to undo")
            )
            _redraw()


def _set_status(workspace: Workspace, pairs: Sequence[Pair], status: str) -> None:
    changed = [p.model_copy(update={"status": status}) for p in pairs if p.status != status]
    _revise(workspace, changed)


def _revise(workspace: Workspace, changed: Sequence[Pair]) -> None:
    """Save, and say what the exam's guard held back because of it."""
    done = revise(workspace.store, workspace.course.id, changed)
    said = _n("{n} pair changed", "{n} pairs changed", done.changed)
    if done.held_back:
        reasons = ", ".join(dict.fromkeys(map(gate_text, done.held_back.values())))
        held = _(
            "{n} held back to keep the exam honest: {reasons}",
            n=len(done.held_back),
            reasons=reasons,
        )
        said = f"{said}. {held}"
    session.flash(said)
    _redraw()


def _redraw() -> None:
    st.session_state["review-round"] = st.session_state.get("review-round", 0) + 1
    st.rerun()


def _one(workspace: Workspace, pair: Pair) -> None:
    """One pair beside the passage it comes from, to edit."""
    left, right = st.columns(2, gap="large")
    with left, st.form(f"edit-{pair.id}"):
        question = st.text_area(_("Question"), pair.question, height=80)
        answer = st.text_area(_("Answer"), pair.answer, height=150)
        if st.form_submit_button(_("Save and accept"), icon=":material/save:"):
            if not question.strip() or not answer.strip():
                st.error(_("Question and answer must not be empty."))
            else:
                update = {
                    "question": question.strip(),
                    "answer": answer.strip(),
                    "status": "accepted",
                }
                _revise(workspace, [pair.model_copy(update=update)])
    with right.container(border=True):
        if pair.rejected_by:
            st.caption(":material/block: " + gate_text(pair.rejected_by))
        _scores(pair)
        for turn in pair.turns:
            st.caption(_("Before it: {question}", question=escaped(turn.question)))
            st.text(turn.answer)
        for source in pair.evidence:
            place = f"{source.title}" + (" · " + _("p. {n}", n=source.page) if source.page else "")
            st.caption(escaped(place))
            st.markdown(written(f"“{source.quote}”"))
        passage = _passage_of(workspace, pair)
        if passage:
            with st.expander(_("The whole passage")):
                st.markdown(written(passage))


def _scores(pair: Pair) -> None:
    """What the judge gave, by dimension; nothing where it was not asked."""
    names = {
        "factual_accuracy": _("accuracy"),
        "user_satisfaction": _("usefulness"),
        "clarity": _("clarity"),
        "condensability": _("brevity"),
        "overall": _("overall"),
    }
    given = [f"{name} {pair.scores[key]:g}" for key, name in names.items() if key in pair.scores]
    if given:
        st.caption(_("Judge, 1 to 10: {scores}", scores=", ".join(given)))


def _passage_of(workspace: Workspace, pair: Pair) -> str:
    if not pair.evidence:
        return ""
    first = pair.evidence[0]
    own = [p for p in session.passages(workspace.course.id) if p.section == first.section]
    start = first.quote[:30]
    return next((p.text for p in own if start in p.text), own[0].text if own else "")


def _download(workspace: Workspace, pairs: Sequence[Pair]) -> None:
    with st.popover(_("Download"), icon=":material/download:"):
        form = st.selectbox(_("Format"), FORMATS, key="download-format")
        st.download_button(
            _n("Download {n} pair", "Download {n} pairs", len(pairs)),
            lambda: render(pairs, form),
            file_name=f"{workspace.course.id}.{'csv' if form == 'csv' else 'jsonl'}",
            on_click="ignore",
        )
