import streamlit as st

from engine import jobs as queue
from engine.errors import EngineError
from engine.llm.teacher import load_choice
from engine.optimise import METHODS, Optimised, OptimisePlan, current, fresh_seed, use
from engine.optimise.values import Standing
from engine.prompts import chosen_prompt
from engine.steps import OPTIMISE
from engine.steps.optimise import plan_search, search_costs
from pages.build.parts import prompt_view
from pages.build.parts.teacher_card import teacher_card
from pages.shared import session
from pages.shared.failures import polled
from pages.shared.frame import go, heading, lacks
from pages.shared.i18n import _, error_text, minutes_text
from pages.shared.job_board import board
from pages.shared.literal import escaped

workspace = session.workspace()
course = workspace.course
stage = session.stages(course.id)["prompts"]
heading(_("Prompts"), _("Is there a better way to ask?"), stage)
if lacks(stage):
    st.stop()
store = session.store()
live = board(course.id, ("optimise",))
newest = current(store, course.id, finished=not live)
search = newest.value if newest else None


def settings_form() -> None:
    words = {
        "recombine": _("Building blocks (no teacher needed)"),
        "coursegpt": _("CourseGPT: the teacher writes and judges"),
        "gepa": _("GEPA: evolves from what the judge finds wanting"),
    }
    st.segmented_control(
        _("Method"),
        list(METHODS),
        format_func=lambda name: words[name],
        default="recombine",
        required=True,
        key="prompt-method",
    )
    if st.session_state.get("prompt-method", "recombine") == "recombine":
        st.caption(_("The built-in base model answers while prompts compete."))
    st.number_input(
        _("Answers to compare"),
        min_value=100,
        max_value=20_000,
        value=600,
        step=100,
        key="prompt-budget",
        help=_("More answers find better prompts and take longer. The final report adds its own."),
    )
    if load_choice(store).kind != "endpoint":
        teacher_card()


def plan() -> OptimisePlan:
    """The plan that the widgets describe; says what is missing by an error."""
    method = st.session_state.get("prompt-method", "recombine")
    return plan_search(workspace, method, st.session_state.get("prompt-budget", 600))


def estimate_card(wanted: OptimisePlan) -> None:
    costs = search_costs(workspace, wanted)
    cells = st.columns(3)
    cells[0].metric(_("Calls"), f"{costs.calls:,}")
    cells[1].metric(_("Tokens"), f"{costs.prompt_tokens + costs.completion_tokens:,}")
    cells[2].metric(
        _("Time"),
        minutes_text(60 * costs.minutes[1]),
        help=_(
            "Between {low} and {high}",
            low=minutes_text(60 * costs.minutes[0]),
            high=minutes_text(60 * costs.minutes[2]),
        ),
    )
    low, likely, high = costs.money
    if likely:
        st.caption(_("Cost: {a:.2f} (between {b:.2f} and {c:.2f})", a=likely, b=low, c=high))


def start_form() -> None:
    """Settings, what they cost, and the button; or what is missing."""
    settings_form()
    try:
        wanted = plan()
        estimate_card(wanted)
    except EngineError as error:
        st.info(escaped(error_text(error)), icon=":material/info:")
        return
    if st.button(
        _("Optimise") if search is None else _("Optimise again"),
        type="primary" if stage.state in ("empty", "stale") else "secondary",
        icon=":material/play_arrow:",
    ):
        version = OPTIMISE.inputs(store, course.id, wanted)
        seed = fresh_seed(store, course.id, wanted, version)
        queue.start(workspace, OPTIMISE, wanted.model_copy(update={"seed": seed}))
        st.rerun()


def results(found: Optimised, pick: str = "") -> None:
    """Frontier and rounds side by side, and the spend; ``pick`` is what a clicked point sets."""
    left, right = st.columns(2, gap="large")
    with left:
        prompt_view.frontier(found, pick)
    with right:
        prompt_view.rounds(found)
    prompt_view.spend(found)


def _label(found: Optimised, rows: dict[str, Standing], name: str) -> str:
    text = _(
        "quality {q}, length {l}",
        q=f"{rows[name].quality.value:.2f}",
        l=f"{rows[name].length.value:.2f}",
    )
    marks = [
        _("recommended") if name == found.best else "",
        _("the start") if name == found.start else "",
    ]
    return " · ".join([*(mark for mark in marks if mark), text])


def choose(found: Optimised, pick: str) -> None:
    """Pick a point of the frontier, look at it, make it the course's prompt."""
    st.subheader(_("Choose a prompt"))
    rows = prompt_view.latest(found)
    clicked = st.session_state.get(pick, found.best)
    names = list(dict.fromkeys((found.best, *found.frontier, found.start, clicked)))
    labels = {name: _label(found, rows, name) for name in names}
    name = st.selectbox(_("Prompt"), names, format_func=labels.__getitem__, key=pick)
    now = chosen_prompt(store, course.id, course.language)
    decided = stage.state == "ready"
    if decided and now.id == name:
        st.success(_("The course answers by this prompt."), icon=":material/check:")
    elif st.button(
        _("Use this prompt"),
        type="primary" if stage.state == "review" else "secondary",
        icon=":material/check:",
    ):
        use(store, course.id, found, name)
        session.flash(_("From now on the tutor and a connected teacher answer by this prompt."))
        st.rerun()
    prompt_view.compare(found, name)


st.caption(
    _(
        "The same model answers better or worse, longer or shorter, depending on how it is asked. "
        "Here many ways of asking compete on questions of your course. This step is optional."
    )
)
if live:

    def running() -> None:
        found = current(store, course.id)
        if found and not found.value.done:
            results(found.value)

    polled(3, running)
elif search is None:
    start_form()
else:
    with st.expander(
        _("Settings and cost"), icon=":material/tune:", expanded=stage.state == "stale"
    ):
        start_form()
    if search.done:
        prompt_view.verdict(search)
    pick = f"prompt-pick-{newest.name}" if newest and search.done else ""
    results(search, pick)
    if pick:
        choose(search, pick)
if not live and st.button(
    _("Continue to the student model"),
    type="primary" if stage.state == "ready" else "secondary",
    icon=":material/arrow_forward:",
):
    go("build/finetune.py")
