import streamlit as st

from engine import jobs as queue
from engine.course import SplitPlan
from engine.distil import ALL_KINDS, BOOK_KINDS, CORPUS, DistilPlan, coverage, preview
from engine.llm.teacher import load_choice
from engine.steps import DISTIL
from engine.steps.corpus import corpus_costs
from engine.workspace import teacher_chat
from pages.build.parts.costs import role_costs
from pages.build.parts.cover import covered
from pages.build.parts.gates import left_out
from pages.build.parts.made import made_card
from pages.build.parts.recipe import recipe_choices, recipe_form
from pages.build.parts.review import review
from pages.build.parts.teacher_card import teacher_card
from pages.shared import session
from pages.shared.frame import go, heading, lacks
from pages.shared.i18n import _, _n, code_text, minutes_text
from pages.shared.job_board import board
from pages.shared.literal import escaped, written

workspace = session.workspace()
course = workspace.course
stages = session.stages(course.id)
stage = stages["corpus"]
heading(_("Corpus"), _("What will it ask, what will it cost, can I trust it?"), stage)
if lacks(stage):
    st.stop()
live = board(course.id, ("distil", "fill", "build"))
store = session.store()
documents = session.knowledge(course.id).documents()
teacher = load_choice(store)
kinds = BOOK_KINDS if teacher.kind == "extractive" else ALL_KINDS
pairs = session.pairs(course.id)
made = store.saved(course.id, CORPUS)


def plan() -> DistilPlan:
    """The plan that the widgets describe."""
    return DistilPlan(
        pairs=st.session_state.get("pairs", 1600),
        kinds=tuple(st.session_state.get("kinds") or kinds),
        sections=tuple(st.session_state.get("sections") or ()),
        teacher=teacher.kind,
        prompt=st.session_state.get("extra", "").strip(),
        split=SplitPlan(seed=0),
        **(recipe_choices() if teacher.kind != "extractive" else {}),
    )


def settings_form() -> None:
    titles = session.knowledge(course.id).titles()
    left, right = st.columns(2, gap="large")
    with left:
        st.number_input(
            _("Number of pairs"),
            min_value=20,
            max_value=20_000,
            value=400 if course.sample else 1600,
            step=100,
            key="pairs",
            help=_("Training, validation and exam together. More pairs train longer."),
        )
        st.pills(
            _("Kinds of question"),
            list(kinds),
            selection_mode="multi",
            default=list(kinds),
            format_func=lambda kind: code_text("kinds", kind, kind.capitalize()),
            key="kinds",
            wrap=True,
        )
        st.multiselect(
            _("Sections (empty: all that teach)"),
            [row.section for row in coverage(documents, [])],
            format_func=lambda section: titles.get(section, section),
            key="sections",
            placeholder=_("all"),
        )
    with right:
        teacher_card()
        if teacher.kind != "extractive":
            st.text_input(
                _("Wish for the teacher (optional)"),
                key="extra",
                placeholder=_("For example: prefer questions a beginner would ask"),
            )
            recipe_form(pairs)


def estimate_card() -> None:
    costs = corpus_costs(workspace, plan())
    cells = st.columns(4)
    cells[0].metric(_("Pairs, at most"), f"{costs.pairs:,}")
    cells[1].metric(_("Calls"), f"{costs.calls:,}")
    cells[2].metric(_("Tokens"), f"{costs.prompt_tokens + costs.completion_tokens:,}")
    cells[3].metric(
        _("Time"),
        minutes_text(60 * costs.minutes[1]),
        help=_(
            "Between {low} and {high}",
            low=minutes_text(60 * costs.minutes[0]),
            high=minutes_text(60 * costs.minutes[2]),
        ),
    )
    if any(costs.money):
        low, likely, high = costs.money
        st.caption(_("Cost: {a:.2f} (between {b:.2f} and {c:.2f})", a=likely, b=low, c=high))
        role_costs(costs.shares)


def show_preview() -> None:
    with st.spinner(_("Asking for five pairs from five sections …")):
        pairs = preview(
            course, plan(), chat=teacher_chat(session.settings(), store, teacher.kind), store=store
        )
    for pair in pairs:
        with st.container(border=True):
            st.markdown(f"**{written(pair.question)}**")
            st.markdown(written(pair.answer))
            source = pair.evidence[0]
            st.caption(
                f"{code_text('kinds', pair.kind, pair.kind)} · {escaped(source.title)}"
                + (" · " + _("p. {n}", n=source.page) if source.page else "")
            )


with st.expander(
    _("Settings and cost"), icon=":material/tune:", expanded=stage.state in ("empty", "stale")
):
    settings_form()
    estimate_card()
    with st.container(horizontal=True):
        look = st.button(_("Preview five"), icon=":material/visibility:")
        word = _("Make the corpus") if made is None else _("Make it again")
        start = st.button(
            _("Running …") if live else word,
            type="primary" if stage.state in ("empty", "stale") else "secondary",
            disabled=live,
            icon=":material/play_arrow:",
        )
    if made is not None:
        st.caption(_("Making it again keeps every pair that you accepted, edited or rejected."))
    if look:
        show_preview()
    if start:
        queue.start(workspace, DISTIL, plan())
        st.rerun()

if made and (failed := made.value.result.failed_calls) and not live:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            _n(
                "{n} call failed; all other pairs were made.",
                "{n} calls failed; all other pairs were made.",
                failed,
            ),
            icon=":material/warning:",
        )
        if st.button(_("Retry only these"), icon=":material/refresh:"):
            queue.start(workspace, DISTIL, made.value.plan)
            st.rerun()
if made and not live:
    kept = coverage(documents, [p for p in pairs if p.status != "rejected"])
    made_card(made.value.result, kept)
    left_out(made.value.result, session.knowledge(course.id).titles())
if live and (drafted := store.count_draft(course.id)):
    st.caption(
        _n(
            "{n} pair made so far. The present corpus stays in use until all are made.",
            "{n} pairs made so far. The present corpus stays in use until all are made.",
            drafted,
        )
    )
if pairs:
    covered(workspace, documents, pairs, bool(live))
    review(workspace, pairs)
    if st.button(
        _("Continue to the student model"),
        type="primary" if stage.state in ("ready", "review") else "secondary",
        icon=":material/arrow_forward:",
    ):
        go("build/finetune.py")
