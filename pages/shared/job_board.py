"""The one job card: what runs, how far, how long, what it says; stop, discard, resume.

The board is a fragment that redraws itself while something is live; when the last job ends, the
whole page is drawn once more with the results, and the polling stops.
"""

from contextlib import suppress

import streamlit as st

from engine import jobs as queue
from engine.errors import BadInput, EngineError
from engine.steps import STEPS, TRAIN, Workspace
from engine.steps.train import TrainPlan
from pages.shared import session
from pages.shared.failures import polled
from pages.shared.i18n import _, code_text, error_text, minutes_text
from pages.shared.literal import escaped

_POLL_SECONDS = 2
_UNITS = {
    "embed": "passages indexed",
    "optimise": "answers",
    "train": "training steps",
    "train.load": "loading the model",
    "train.check": "validation",
    "align.questions": "questions drafted",
    "train.search": "looking up what the book says",
    "train.replay": "letting the base model talk",
    "instructions": "instructions",
    "align.write": "explanations written",
    "align.prefer": "explanations weighed",
    "align.dpo": "steps of the teacher",
    "align.test": "test answers",
    "export.merge": "merging the adapter",
    "export.gguf": "writing the GGUF file",
    "export.parity": "comparing answers",
    "export.copy": "files",
    "model.fetch": "fetching the model",
    "model.convert": "converting the model",
    "model.wait": "waiting for the model",
    "serve": "serving",
    "grade": "answers graded",
    "grade.features": "answers compared",
    "train.halved": "out of memory: batch halved",
    "grade.train": "training steps of the grader",
    "grade.calibrate": "calibration",
}
"""What a stage of progress counts, in English; the catalogues have the others."""


def board(course_id: str, kinds: tuple[str, ...]) -> bool:
    """Show the newest job of these kinds, if it is live or failed; returns whether one is live."""
    newest = _newest(course_id, kinds)
    live = newest is not None and newest.live

    def draw() -> None:
        job = _newest(course_id, kinds)
        if job is None and live:  # thrown away meanwhile
            st.rerun()
        if job is None or (job.state == "done" and not live):
            return
        _card(job)
        if live and not job.live:
            st.rerun()

    polled(_POLL_SECONDS if live else None, draw)
    return live


def rail(course_id: str) -> None:
    """All live jobs of the course in the rail, on every screen."""
    live = any(job.live for job in session.jobs_of(course_id))

    def draw() -> None:
        for job in session.jobs_of(course_id):
            if job.live and job.kind != "serve":
                st.caption(f"**{_names()[job.kind]}** · {_state(job)}")
                _progress(job)

    with st.sidebar:
        polled(_POLL_SECONDS if live else None, draw)


def _newest(course_id: str, kinds: tuple[str, ...]) -> queue.Job | None:
    return next((job for job in session.jobs_of(course_id) if job.kind in kinds), None)


def _names() -> dict[str, str]:
    """What each step does, in the person's language."""
    return {step.name: code_text("steps", step.name, step.label) for step in STEPS}


def _card(job: queue.Job) -> None:
    with st.container(border=True, key=f"job-{job.id}"):
        st.markdown(f"**{_names()[job.kind]}** · {_state(job)}")
        if job.live:
            _progress(job)
        if job.state == "failed" and job.error:
            st.error(escaped(error_text(job.error)), icon=":material/error:")
        if job.log:
            st.caption(escaped(job.log[-1][:160]))
        _buttons(job)


def _discard_button(job: queue.Job) -> None:
    """Throw the unfinished work away, after one more click."""
    label = _("Cancel and discard") if job.live else _("Discard")
    with st.popover(label, icon=":material/delete:"):
        st.markdown(_("What this run has made so far is thrown away. Finished work stays."))
        if st.button(_("Throw it away"), key=f"drop-{job.id}", icon=":material/delete_forever:"):
            with suppress(BadInput):  # it has ended meanwhile: the next drawing shows how
                queue.cancel(session.settings(), job.id, discard=True)
            st.rerun()


def _finish_button(job: queue.Job) -> None:
    """Take the best of a stopped training as the student."""
    if st.button(_("Use what it has learned"), key=f"keep-{job.id}", icon=":material/done:"):
        own = Workspace(session.settings(), session.store(), session.store().course(job.course))
        plan = _plan(job).model_copy(update={"finish": True})
        queue.start(own, TRAIN, plan)
        st.rerun()


def _plan(job: queue.Job) -> TrainPlan:
    return TrainPlan.model_validate(job.plan)


def _state(job: queue.Job) -> str:
    if job.state == "queued" and not queue.worker_alive(session.settings()):
        return _("waiting: no worker is running (start one: coursewright worker)")
    return {
        "queued": _("waiting its turn"),
        "running": _("running"),
        "done": _("done"),
        "stopped": _("stopped; what was made is kept"),
        "failed": _("failed"),
    }[job.state]


def _progress(job: queue.Job) -> None:
    progress = job.progress
    if progress is None:
        st.progress(0.0, text=_("starting"))
        return
    share = min(1.0, progress.done / progress.total) if progress.total else 0.0
    unit = code_text("stages", progress.stage, _UNITS.get(progress.stage, progress.stage))
    parts = [f"{progress.done:,.0f} / {progress.total:,.0f} {unit}" if progress.total else unit]
    if job.rate:
        parts.append(_("{rate} per minute", rate=f"{60 * job.rate:,.0f}"))
    if job.eta is not None:
        parts.append(_("about {time} left", time=minutes_text(job.eta)))
    st.progress(share, text=" · ".join(parts))


def _buttons(job: queue.Job) -> None:
    with st.container(horizontal=True):
        if job.live:
            if st.button(_("Stop and keep"), key=f"stop-{job.id}", icon=":material/stop_circle:"):
                with suppress(BadInput):
                    queue.cancel(session.settings(), job.id)
            _discard_button(job)
        elif job.state in ("stopped", "failed"):
            if st.button(_("Resume"), key=f"resume-{job.id}", icon=":material/play_arrow:"):
                with suppress(BadInput):
                    queue.resume(session.settings(), job.id)
                st.rerun()
            if job.kind == TRAIN.name and job.progress and not _plan(job).finish:
                _finish_button(job)
            _discard_button(job)
            if st.button(_("Forget it"), key=f"forget-{job.id}", icon=":material/visibility_off:"):
                with suppress(EngineError):  # gone already, or taken up again meanwhile
                    queue.remove(session.settings(), job.id)
                st.rerun()
