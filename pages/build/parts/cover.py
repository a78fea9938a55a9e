"""What a corpus covers, chapter by chapter, by kind and level, and *Fill this gap*."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.distil import ALL_KINDS, BOOK_KINDS, FILLED, Cell, Coverage, Gap, cells, coverage
from engine.distil.prompted.grid import LEVELS
from engine.llm.teacher import load_choice
from engine.schema import Document, Level, Pair, PairKind
from engine.steps import FILL, Workspace
from pages.build.parts.gates import gate_text
from pages.shared.i18n import _, _n, code_text


def level_names() -> dict[str, str]:
    """Bloom's levels in words."""
    return {
        "remember": _("remember"),
        "understand": _("understand"),
        "apply": _("apply"),
        "analyse": _("analyse"),
        "evaluate": _("evaluate"),
    }


def covered(
    workspace: Workspace, documents: Sequence[Document], pairs: Sequence[Pair], live: bool
) -> None:
    """Sections with their pairs; chapters by kind and level; what is missing can be asked for."""
    with st.expander(_("What is covered"), icon=":material/grid_on:"):
        by_section, by_cell = st.tabs([_("By section"), _("By kind and level")])
        with by_section:
            _sections(coverage(documents, [p for p in pairs if p.status != "rejected"]))
        with by_cell:
            _cells(workspace, documents, pairs, live)


def _sections(rows: Sequence[Coverage]) -> None:
    bare = sum(not row.pairs for row in rows)
    st.caption(_("{n} of {m} sections have no pair.", n=bare, m=len(rows)))
    frame = {
        _("Section"): [row.title for row in rows],
        _("Pairs"): [row.pairs for row in rows],
        _("Kinds"): [", ".join(code_text("kinds", k, k) for k in row.kinds) for row in rows],
    }
    most = max((row.pairs for row in rows), default=1)
    st.dataframe(
        pd.DataFrame(frame),
        hide_index=True,
        column_config={
            _("Pairs"): st.column_config.ProgressColumn(format="%d", max_value=max(1, most))
        },
        alt=_("What is covered"),
    )


def _cells(
    workspace: Workspace, documents: Sequence[Document], pairs: Sequence[Pair], live: bool
) -> None:
    """One chapter's kinds by levels, and the gap to fill."""
    offline = load_choice(workspace.store).kind == "extractive"
    found = cells(documents, pairs, BOOK_KINDS if offline else ALL_KINDS)
    titles = {row.chapter: row.title for row in found}
    if not titles:
        return
    chapter = st.selectbox(
        _("Chapter"), list(titles), format_func=lambda c: titles[c], key="cover-chapter"
    )
    own = [row for row in found if row.chapter == chapter]
    kinds = list(dict.fromkeys(row.kind for row in own))
    frame = _by_level(own, kinds)
    st.dataframe(frame, hide_index=True, placeholder="–", height="content", alt=titles[chapter])
    if offline:
        st.caption(_("With a connected teacher model, gaps can be filled one by one."))
        return
    fillable = [kind for kind in kinds if kind in LEVELS]
    _gap(workspace, chapter, fillable, own, live)
    _last(workspace)


def _by_level(own: Sequence[Cell], kinds: Sequence[PairKind]) -> pd.DataFrame:
    """Kinds by levels; empty where a kind is not asked at a level."""
    counts: dict[tuple[str, str], int] = {(row.kind, row.level): row.pairs for row in own}
    frame = {_("Kind"): [code_text("kinds", kind, kind) for kind in kinds]}
    names: dict[str, str] = {**level_names(), "": _("no level")}
    columns = {
        name: pd.array([counts.get((kind, level)) for kind in kinds], dtype="Int64")
        for level, name in names.items()
        if any((kind, level) in counts for kind in kinds)
    }
    return pd.DataFrame(frame | columns)


def _gap(
    workspace: Workspace,
    chapter: str,
    kinds: Sequence[PairKind],
    own: Sequence[Cell],
    live: bool,
) -> None:
    """Kind, level and number of what is missing, and the button that asks for it."""
    names, counts = level_names(), {(row.kind, row.level): row.pairs for row in own}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            _("Kind"), kinds, format_func=lambda k: code_text("kinds", k, k), key="gap-kind"
        )
        levels: list[Level] = sorted(LEVELS[kind], key=lambda lv: counts.get((kind, lv), 0))
        level = st.selectbox(
            _("Level"), levels, format_func=lambda lv: names[lv], key=f"gap-level-{kind}"
        )
        points = st.number_input(_("Points"), min_value=1, max_value=20, value=3, key="gap-points")
        pressed = st.button(
            _("Running …") if live else _("Fill this gap"), icon=":material/add:", disabled=live
        )
    st.caption(
        _("Adds to the corpus; nothing of it is made again, and Undo takes the new pairs back.")
    )
    if pressed:
        teacher = load_choice(workspace.store).kind
        gap = Gap(section=chapter, kind=kind, level=level, points=points, teacher=teacher)
        queue.start(workspace, FILL, gap)
        st.rerun()


def _last(workspace: Workspace) -> None:
    """What the last filling brought, and what became of the rest."""
    saved = workspace.store.saved(workspace.course.id, FILLED)
    if saved is None:
        return
    found = saved.value
    said = _n(
        "Last filling: {n} pair added, from {points} of {asked} points asked for.",
        "Last filling: {n} pairs added, from {points} of {asked} points asked for.",
        found.pairs,
        points=found.points,
        asked=found.asked,
    )
    reasons = [f"{gate_text(gate)} ({n})" for gate, n in found.removed.items() if n]
    if found.lost:
        reasons.append(_("lost with a failed call") + f" ({found.lost})")
    if reasons:
        said += " " + _("Not used: {reasons}", reasons="; ".join(reasons))
    st.caption(said)
