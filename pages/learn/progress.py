import time

import pandas as pd
import streamlit as st

from engine.learner import ConceptState, over_time, reviews
from engine.learner.events import as_answers
from engine.levels import FIRM
from engine.report import report
from engine.steps.gradebook import GradedSubmission, items_of, marked
from pages.learn.parts import charts, learner, quiz
from pages.shared import session
from pages.shared.frame import go, heading, lacks
from pages.shared.grades import grade_text
from pages.shared.i18n import _, _n
from pages.shared.literal import escaped


def where(m: GradedSubmission) -> str:
    """Section and page that speak of an item whose answer was not right."""
    item = items[m.submission.item_id]
    section = m.grade.section or item.section
    title = knowledge.titles().get(section, section)
    number = m.grade.page or item.page
    page = _("p. {n}", n=number) if number else ""
    return " · ".join(part for part in (title, page) if part)


def mastery_chart(rows: dict[str, ConceptState]) -> None:
    """How sure one concept has become, answer by answer."""
    names = sorted(rows, key=lambda name: -rows[name].answered)
    name = st.selectbox(_("Mastery over time of"), names, key=f"over-time-{me}")
    points = over_time(knowledge.tracer(), as_answers(own), name)
    if len(points) < 2:
        st.caption(_("Two answers or more draw a line."))
        return
    frame = pd.DataFrame(
        [{"at": pd.Timestamp(at, unit="s"), **level._asdict()} for at, level in points]
    )
    first, last = points[0][1].value, points[-1][1].value
    says = _n(
        "{concept}: from {first} to {last} after {n} answer",
        "{concept}: from {first} to {last} after {n} answers",
        len(points),
        concept=name,
        first=f"{first:.2f}",
        last=f"{last:.2f}",
    )
    st.markdown(f"**{escaped(says)}**")
    label = _("Probability to answer an unseen question now")
    st.altair_chart(charts.course_of_mastery(frame, _("Date"), label), alt=says)


workspace = session.workspace()
course = workspace.course
heading(_("My progress"), _("How am I doing, and what next?"))
if session.stages(course.id)["corpus"].lacks:
    lacks(session.stages(course.id)["corpus"])
    st.stop()
knowledge = session.knowledge(course.id)
if not knowledge.anybody():
    st.info(_("Nobody has answered yet. Import a class list or a log on the Students screen."))
    if st.button(_("Go to Students"), type="primary", icon=":material/groups:"):
        go("teach/learners.py")
    st.stop()
me = learner.choose(course.id)
if me is None:
    st.info(_("Choose who you are."), icon=":material/person:")
    st.stop()
now = time.time()
own = knowledge.events(me)
WHY = {
    "review": _("You knew this, but have not seen it for a while: time to refresh it."),
    "weak": _("You have started this, and it is not firm yet."),
    "next": _("You know what it builds on; this comes next."),
    "start": _("It needs nothing else first: a good place to start."),
}

st.subheader(_("Next three steps"))
steps = knowledge.steps(me, now)
if not steps:
    st.success(_("All concepts of this course are mastered."))
for column, step in zip(st.columns(max(1, len(steps))), steps, strict=False):
    with column.container(border=True):
        st.markdown(f"**{step.step} · {escaped(step.concept)}**")
        st.caption(escaped(step.title))
        st.write(WHY[step.why])
        st.caption(
            _("about {n} min", n=step.minutes)
            + " · "
            + _("you would answer {n} % of its questions now", n=round(100 * step.mastery))
        )

answered = {event.concept for event in own}
levels = knowledge.states(me, now)
rows = {name: s for name, s in levels.items() if s.answered or name in answered}
planned = [review for review in reviews(own, now) if review.concept in levels]
due = [review for review in planned if review.due <= now]
cells = st.columns(3)
cells[0].metric(_("Answers"), len(own))
right = sum(event.correct for event in own)
average = knowledge.average()
cells[1].metric(
    _("Right"),
    f"{100 * right / len(own):.0f} %" if own else "–",
    None if average is None else _("class: {n} %", n=f"{100 * average:.0f}"),
    delta_arrow="off",
    delta_color="off",
)
cells[2].metric(_("Reviews due"), len(due))
if rows:
    firm = sum(state.mastery >= FIRM for state in rows.values())
    st.subheader(_("{n} of {m} concepts that you met are firm", n=firm, m=len(rows)))
    st.altair_chart(
        charts.levels(
            rows,
            _("Probability to answer an unseen question now"),
            _("Concept"),
        ),
        alt=_("Mastery by concept with uncertainty"),
    )
    with st.expander(_("As a table")):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        _("Concept"): name,
                        _("Answers"): s.answered,
                        _("Mastery (%)"): round(100 * s.mastery),
                        _("from"): round(100 * s.low),
                        _("to"): round(100 * s.high),
                    }
                    for name, s in rows.items()
                ]
            ),
            hide_index=True,
        )
    mastery_chart(rows)
items = {item.item_id: item for item in items_of(workspace)}
mine = [m for m in marked(workspace, me) if m.final and m.submission.item_id in items]
mine.sort(key=lambda m: -m.at)
if planned:
    st.subheader(_("Reviews: {n} due now, {m} planned", n=len(due), m=len(planned)))
    st.dataframe(
        pd.DataFrame(
            [
                {
                    _("Concept"): review.concept,
                    _("Due"): time.strftime("%Y-%m-%d", time.localtime(review.due)),
                    _("Would remember now (%)"): round(100 * review.recall),
                }
                for review in planned[:20]
            ]
        ),
        hide_index=True,
        alt=_("Reviews with their dates"),
    )
if mine:
    st.subheader(_("Latest grades"))
    for m in mine[:5]:
        item = items[m.submission.item_id]
        with st.container(border=True):
            st.markdown(f"**{escaped(item.question)}**")
            st.text(m.submission.answer or "–")
            st.markdown(f"**{escaped(grade_text(item, m))}**  {escaped(m.grade.feedback)}")
            place = where(m)
            if place and place.split(" · ")[0] not in m.grade.feedback:
                st.caption(_("Where to read: {place}", place=escaped(place)))
    with st.expander(_("All grades"), icon=":material/table_rows:"):
        table = [
            {
                _("Question"): items[m.submission.item_id].question,
                _("My answer"): m.submission.answer,
                _("Grade"): grade_text(items[m.submission.item_id], m),
                _("Feedback"): m.grade.feedback,
                _("Where to read"): where(m),
            }
            for m in mine
        ]
        st.dataframe(pd.DataFrame(table), hide_index=True, alt=_("Latest grades"))
with st.container(horizontal=True):
    if steps and st.button(_("Start the next step"), type="primary", icon=":material/play_arrow:"):
        quiz.start_with(course.id, steps[0].concept)
        go("learn/tutor.py")
    if st.button(_("Ask the tutor"), icon=":material/forum:"):
        go("learn/tutor.py")
    st.download_button(
        _("My report (HTML)"),
        lambda: report(workspace, me, tracer=knowledge.tracer()),
        file_name="progress.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/description:",
    )
