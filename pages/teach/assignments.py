import time
from collections import Counter

import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.language import DEFAULT
from engine.steps import GRADE
from engine.steps.gradebook import changes_of, gradebook, items_of, marked, submissions_of
from engine.steps.grading import GRADING, GradePlan, GradingRecord
from pages.shared import session
from pages.shared.frame import heading
from pages.shared.grades import grade_text
from pages.shared.i18n import _, _n
from pages.shared.job_board import board
from pages.teach.parts import assignment, charts, grade_review

workspace = session.workspace()
course, store = workspace.course, workspace.store
heading(_("Assignments"), _("Which answers are graded, and which need me?"))


def assignment_csv() -> bytes:
    """Learners by items."""
    frame = pd.DataFrame(gradebook(workspace)).rename(columns={"learner": _("Learner")})
    return assignment.as_csv(frame)


items = assignment.one_of(items_of(workspace))
every = submissions_of(workspace)
known = {item.item_id: item for item in items}
answers = [answer for answer in every if answer.item_id in known]
if not items:
    st.info(_("Add items: from the corpus, from a file, or by hand. Then add the answers."))
    sample = course.sample and course.language == DEFAULT
    if sample and st.button(_("Load the sample items and answers"), icon=":material/download:"):
        assignment.load_sample(workspace)
        st.rerun()
with st.expander(_("Items ({n})", n=len(items)), icon=":material/list_alt:", expanded=not items):
    assignment.items_part(workspace, items)
if not items:
    st.stop()
graded = sum(answer.graded for answer in answers)
with st.expander(
    _("Answers ({n}, of which a person graded {m})", n=len(answers), m=graded),
    icon=":material/upload:",
    expanded=not answers,
):
    assignment.answers_part(workspace, items, not answers)
if not answers:
    st.stop()

saved = store.saved(course.id, GRADING)
record = saved.value if saved else GradingRecord()
done = [m for m in marked(workspace) if m.submission.item_id in known]
before = record.target
target = (
    st.slider(
        _("People agree with at least this share of the accepted grades (%)"),
        70,
        99,
        round(100 * before),
        key="target",
    )
    / 100
)
calibrations = record.calibrations
for calibration in calibrations:
    rung = calibration.at(target)
    which = _("Questions with graded answers") if calibration.known else _("New questions")
    if rung is None:
        st.caption(
            _(
                "{which}: people agreed with {value} % of all proposals [{low}, {high}] on {n} "
                "held-out answers, too few to let any stand; all open answers go to review. "
                "More graded answers to the same questions help.",
                which=which,
                value=round(100 * calibration.overall.value),
                low=round(100 * calibration.overall.low),
                high=round(100 * calibration.overall.high),
                n=calibration.n,
            )
        )
    else:
        st.caption(
            _(
                "{which}: {share} % accepted; people agreed with {value} % of these "
                "[{low}, {high}] on {n} held-out answers.",
                which=which,
                share=round(100 * rung.share),
                value=round(100 * rung.agreement.value),
                low=round(100 * rung.agreement.low),
                high=round(100 * rung.agreement.high),
                n=rung.agreement.n,
            )
        )
if not calibrations:
    st.caption(
        _(
            "Without graded answers nearly every open answer goes to review. Twenty graded ones "
            "(a column score or label) are enough to begin; choice and number items need none."
        )
    )
machine = [m for m in done if not m.decided and not m.submission.graded]
if machine:
    sure = sum(target <= m.grade.promise for m in machine)
    st.caption(
        _(
            "At this target {n} of {m} grades stand, {k} go to review.",
            n=sure,
            m=len(machine),
            k=len(machine) - sure,
        )
    )

live = board(course.id, ("grade",))
if not live:
    plan = GradePlan(target=target)
    assignment.cost(workspace, plan)
have = {m.grade.answer_id for m in done}
missing = [a for a in answers if a.answer_id not in have]
fresh = saved is not None and not missing and round(before, 2) == round(target, 2)
waiting = [m for m in done if not m.final]
with st.container(horizontal=True):
    if not live and st.button(
        _("Grade") if not done else _("Grade again"),
        type="secondary" if fresh else "primary",
        icon=":material/grading:",
        key="grade",
    ):
        queue.start(workspace, GRADE, plan)
        st.rerun()
    if waiting and fresh and not live:
        reviewing = st.session_state.get("reviewing", False)
        if st.button(
            _n("Review {n} answer", "Review {n} answers", len(waiting))
            if not reviewing
            else _("Close the review"),
            type="secondary" if reviewing else "primary",
            icon=":material/rate_review:",
            key="review",
        ):
            st.session_state["reviewing"] = not reviewing
            st.rerun()
if not done:
    st.stop()
if waiting and fresh and not live and st.session_state.get("reviewing"):
    grade_review.queue(workspace, known, waiting)

cells = st.columns(3)
cells[0].metric(_("Answers"), len(answers))
cells[1].metric(_("Grades that stand"), len(done) - len(waiting))
cells[2].metric(_("To review"), len(waiting))
assignment.spent(workspace)
st.download_button(
    _("Gradebook as CSV"),
    assignment_csv,
    file_name="gradebook.csv",
    icon=":material/download:",
    on_click="ignore",
)
with st.expander(_("All grades")):
    st.dataframe(
        pd.DataFrame(
            [
                {
                    _("Grade"): grade_text(known[m.submission.item_id], m),
                    _("Stands"): _("yes") if m.final else _("no"),
                    _("Confidence"): round(m.grade.confidence, 2),
                    _("Answer"): m.submission.answer,
                    _("Feedback"): m.grade.feedback,
                    _("Question"): known[m.submission.item_id].question,
                }
                for m in done
            ]
        ),
        hide_index=True,
    )
for calibration in calibrations:
    if calibration.known or len(calibrations) == 1:
        st.subheader(
            _(
                "Confidence and agreement differ by {e} points on average ({n} held-out answers)",
                e=f"{100 * calibration.error:.1f}",
                n=calibration.n,
            )
        )
        bins = pd.DataFrame([b.model_dump() for b in calibration.bins])
        st.altair_chart(
            charts.reliability(bins, _("Confidence"), _("Share on which a person agreed")),
            alt=_("Reliability diagram"),
        )
        with st.expander(_("As a table")):
            st.dataframe(
                bins.round(2).rename(
                    columns={
                        "confidence": _("Confidence"),
                        "agreement": _("Share on which a person agreed"),
                        "n": _("Answers"),
                    }
                ),
                hide_index=True,
            )
flags = Counter(flag for m in done for flag in m.grade.flags)
with st.expander(_("Suspicious answers ({n})", n=sum(bool(m.grade.flags) for m in done))):
    if not flags:
        st.caption(_("No answer was flagged."))
    else:
        names = grade_review.flag_names()
        example = {flag: m.submission.answer for m in done for flag in m.grade.flags}
        st.caption(_("None of these is accepted without a person."))
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        _("What"): names.get(flag, flag),
                        _("Answers"): count,
                        _("Example"): example[flag][:200],
                    }
                    for flag, count in flags.most_common()
                ]
            ),
            hide_index=True,
        )
with st.expander(_("Log of changes")):
    log = changes_of(workspace)
    if not log:
        st.caption(_("Nobody has changed or confirmed a grade yet."))
    else:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        _("When"): time.strftime("%Y-%m-%d %H:%M", time.localtime(row.at)),
                        _("Answer"): row.answer,
                        _("Before"): str(row.old),
                        _("After"): "–" if row.new is None else str(row.new),
                        _("Reason"): row.reason or _("accepted as proposed"),
                    }
                    for row in log
                ]
            ),
            hide_index=True,
        )
