from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.models.bases import known, speaks
from engine.steps import TRAIN
from engine.steps.train import TrainPlan, training_costs
from engine.train import (
    PRESETS,
    STUDENT,
    Mixture,
    Recipe,
    TrainingEstimate,
    TrainingPoint,
    choose_backend,
    preset,
    training_log,
)
from engine.workspace import RUNS, TRAINED, TrainedStudent
from pages.build.parts import arms, base_picker, charts, gates, mixing
from pages.shared import session
from pages.shared.failures import polled
from pages.shared.frame import go, heading, lacks
from pages.shared.i18n import _, code_text, error_text, minutes_text
from pages.shared.job_board import board
from pages.shared.literal import escaped

workspace = session.workspace()
course = workspace.course
stages = session.stages(course.id)
stage = stages["student"]
heading(_("Student model"), _("Will it fit, how long, is it learning?"), stage)
if lacks(stage):
    st.stop()
store = session.store()
saved = store.saved(course.id, TRAINED)
live = board(course.id, ("train", "build"))


def recipe(base: str) -> Recipe:
    """The recipe that the widgets describe."""
    chosen = preset(st.session_state.get("effort", "normal"))
    changes: dict[str, object] = {"base": base}
    if epochs := st.session_state.get("epochs"):
        changes["epochs"] = epochs
    return chosen.model_copy(update=changes)


def mixture() -> Mixture:
    """The shares that the widgets describe."""
    chosen = {name: st.session_state.get(f"mix-{name}") for name in mixing.SHARES}
    return Mixture(**{name: value for name, value in chosen.items() if value is not None})


@st.cache_resource(max_entries=8, show_spinner=False)
def costs(version: str, plan_json: str) -> TrainingEstimate:
    return training_costs(workspace, TrainPlan.model_validate_json(plan_json))


def settings_form() -> base_picker.Picked:
    """Effort, base and the rest; the base, and whether it may be fetched."""
    words = {"quick": _("quick"), "normal": _("normal"), "thorough": _("thorough")}
    st.segmented_control(
        _("Effort"),
        list(PRESETS),
        format_func=lambda name: words[name],
        default="normal",
        required=True,
        key="effort",
        help=_("Quick shows that it works; normal is for use; thorough learns longest."),
    )
    picked = base_picker.pick(course.language)
    with st.expander(_("Advanced"), icon=":material/settings:"):
        st.number_input(
            _("Epochs (empty: as the effort says)"), 0.1, 50.0, value=None, step=0.5, key="epochs"
        )
        mixing.form()
        if picked.base:
            st.code(recipe(picked.base).model_dump_json(indent=1), language="json")
    return picked


def estimate_cards(own: Recipe) -> None:
    version = store.corpus_version(course.id, "train", "validation")
    row = costs(version, TrainPlan(recipe=own, mixture=mixture()).model_dump_json())
    cells = st.columns(4)
    cells[0].metric(
        _("Training rows"),
        f"{row.rows:,}",
        help=_("Questions by heart, with quotes of the book, and without an answer in them."),
    )
    cells[1].metric(
        _("Time"),
        minutes_text(60 * row.minutes[1]),
        help=_(
            "Between {low} and {high}",
            low=minutes_text(60 * row.minutes[0]),
            high=minutes_text(60 * row.minutes[2]),
        ),
    )
    fits = {"fits": _("fits"), "tight": _("tight"), "does not fit": _("does not fit")}
    cells[2].metric(
        _("Memory") if row.device == "cpu" else _("Memory of the graphics card"),
        f"{row.memory_gib:.1f} GiB",
        fits[row.fit],
        delta_arrow="off",
    )
    cells[3].metric(_("Disk"), f"{row.disk_gib:.1f} GiB")
    backend, reason = choose_backend(own)
    said = code_text("reasons", reason, reason)
    name = "Unsloth" if backend == "unsloth" else "PEFT"
    st.caption(_("Training runs by {name}. {reason}", name=name, reason=said))


def _loss_says(frame: pd.DataFrame) -> str:
    """The chart's title: what the loss did, on validation where that was measured twice."""
    for column, name in (("val_loss", _("Validation loss")), ("loss", _("Training loss"))):
        values = frame[column].dropna() if column in frame else pd.Series(dtype=float)
        if len(values) > 1:
            first, best = f"{values.iloc[0]:.2f}", f"{values.min():.2f}"
            return _("{name} fell from {first} to {best}", name=name, first=first, best=best)
    return _("Loss by step")


def curves(rows: Sequence[TrainingPoint]) -> None:
    """Loss of training and validation by step."""
    if not rows:
        return
    frame = pd.DataFrame([row.model_dump() for row in rows])
    says = _loss_says(frame)
    st.markdown(f"**{says}**")
    st.altair_chart(
        charts.loss(frame, _("Step"), _("Loss"), _("training"), _("validation")), alt=says
    )


def now(rows: Sequence[TrainingPoint]) -> None:
    """Where a running training stands."""
    cells = st.columns(3)
    cells[0].metric(_("Step"), f"{rows[-1].step:,}")
    cells[1].metric(_("Tokens per second"), f"{rows[-1].tokens_per_second:.0f}")
    checked = [row.val_loss for row in rows if row.val_loss is not None]
    cells[2].metric(_("Validation loss"), f"{checked[-1]:.3f}" if checked else "–")


def _made_from(student: TrainedStudent) -> None:
    """The base, and what has to be known of the student's files."""
    names = {base.id: base.title for base in known()}
    base = student.recipe.base
    facts = [_("Made from {name}", name=names.get(base) or base.rstrip("/").rsplit("/", 1)[-1])]
    if (parts := student.training.parts) > 1:
        facts.append(_("memory ran short: each step was computed in {n} parts", n=parts))
    st.caption(escaped(" · ".join(facts)))
    if withheld := student.published.withheld:
        why = escaped(error_text(withheld))
        said = _("No GGUF file: {why} The student answers through transformers.", why=why)
        st.info(said, icon=":material/info:")


if live:

    def running() -> None:
        rows = training_log(workspace.folder / "runs")
        if rows:
            curves(rows)
            now(rows)

    polled(3, running)
else:
    base, allowed = settings_form()
    if base:
        estimate_cards(recipe(base))
    with st.expander(_("What the student learns from"), icon=":material/visibility:"):
        mixing.samples(workspace, session.training_pairs(course.id)[0], base or STUDENT)
    fresh = stage.state in ("empty", "stale")
    if not base:
        word = _("Choose a base model first")
    elif not allowed:
        word = _("Accept the terms first")
    else:
        word = _("Fine-tune") if saved is None else _("Fine-tune again")
    if st.button(
        word,
        type="primary" if fresh else "secondary",
        icon=":material/play_arrow:",
        disabled=not (base and allowed),
    ):
        asks = st.session_state.get("effort") != "quick"
        own = TrainPlan(recipe=recipe(base or STUDENT), mixture=mixture(), forgetting=asks)
        queue.start(workspace, TRAIN, own)
        st.rerun()

if speaks(STUDENT, course.language) and not live:
    arms.section(workspace)

if saved is not None and not live:
    student = saved.value
    st.subheader(_("The finished student"))
    training = student.training
    cells = st.columns(4)
    cells[0].metric(_("Steps"), f"{training.steps:,}")
    cells[1].metric(_("Time"), minutes_text(training.seconds))
    cells[2].metric(_("Tokens per second"), f"{training.tokens_per_second:.0f}")
    cells[3].metric(_("Best validation loss"), f"{training.val_loss or 0:.3f}")
    _made_from(student)
    mixing.forgotten(student)
    gates.held_back(student.held_back)
    curves(training_log(workspace.folder / "runs"))
    if student.panel:
        st.markdown(f"**{_('Eight questions, before and after')}**")
        st.dataframe(
            pd.DataFrame(list(student.panel)).rename(
                columns={
                    "question": _("Question"),
                    "book": _("The book"),
                    "base": _("Base model"),
                    "student": _("Student model"),
                }
            ),
            hide_index=True,
            alt=_("Eight questions, before and after"),
        )
    runs = store.all_saved(course.id, RUNS)
    if len(runs) > 1:
        with st.expander(_("All runs ({n})", n=len(runs)), icon=":material/history:"):
            st.dataframe(
                pd.DataFrame(
                    [
                        {
                            _("Run"): run.name,
                            _("Steps"): run.value.training.steps,
                            _("Validation loss"): run.value.training.val_loss,
                            _("Minutes"): run.value.training.seconds / 60,
                        }
                        for run in runs
                    ]
                ),
                hide_index=True,
            )
    if st.button(
        _("Continue to the exam"),
        type="primary" if stage.state == "ready" else "secondary",
        icon=":material/arrow_forward:",
    ):
        go("build/exam.py")
