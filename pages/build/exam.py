import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.corpus import ExerciseCount
from engine.documents.encoding import decode
from engine.exam import (
    EARLIER,
    EXAM,
    FEWEST,
    START,
    EarlierRun,
    ExamRow,
    read_questions,
    verdict_of,
)
from engine.llm.teacher import load_choice
from engine.schema import Figure
from engine.steps import TAKE_EXAM
from engine.steps.beside import comparable_runs
from engine.steps.exam import ExamPlan, exam_costs
from pages.build.parts import charts
from pages.build.parts.costs import cost_line
from pages.shared import session
from pages.shared.frame import go, heading, lacks
from pages.shared.i18n import _, _n
from pages.shared.job_board import board

workspace = session.workspace()
course = workspace.course
stage = session.stages(course.id)["exam"]
heading(_("Exam"), _("Does it know the course?"), stage)
if lacks(stage):
    st.stop()
store = session.store()
result = store.saved(course.id, EXAM)
live = board(course.id, ("exam", "build"))
fresh = stage.state in ("empty", "stale")


def start() -> None:
    """The button, what it will take, and whether a connected teacher sits the exam or marks it."""
    connected = session.guide(workspace) is not None
    plan = ExamPlan(
        teacher=connected and st.toggle(_("Examine the teacher too"), key="exam-teacher"),
        judge=connected
        and st.toggle(_("Let the teacher model mark every answer"), key="exam-judge"),
    )
    runs = comparable_runs(workspace)
    if runs and st.toggle(_("Examine an earlier run beside it"), key="exam-beside"):
        plan = plan.model_copy(update={"beside": runs[0].run})
        st.caption(earlier_words(runs[0]))
    if st.button(
        _("Examine") if result is None else _("Examine again"),
        type="primary" if fresh else "secondary",
        icon=":material/quiz:",
    ):
        queue.start(workspace, TAKE_EXAM, plan)
        st.rerun()
    cost_line(exam_costs(workspace, plan), load_choice(store).price.currency)


def earlier_words(run: EarlierRun) -> str:
    """How the earlier run's training differs from the student's."""
    if run.shows_lessons:
        return _(
            "The student of run {run}: the same, but with {m} lessons instead of {n}.",
            run=run.run,
            m=run.lessons_before,
            n=run.lessons,
        )
    if run.lessons != run.lessons_before:
        return _(
            "The student of run {run}: {m} lessons instead of {n}, and another recipe.",
            run=run.run,
            m=run.lessons_before,
            n=run.lessons,
        )
    return _("The student of run {run}: an earlier training on the same pairs.", run=run.run)


if not live:
    start()
with st.expander(_("Upload an exam"), icon=":material/upload_file:"):
    upload = st.file_uploader(
        _(
            "CSV with the columns question and answer: exercises, past papers. "
            "It is never trained on."
        ),
        type=["csv"],
        max_upload_size=20,
    )
    if st.button(_("Add to the exam"), disabled=upload is None) and upload is not None:
        trained = [p.question for p in session.pairs(course.id) if p.split == "train"]
        text = decode(upload.getvalue(), upload.name)
        added, left_out = read_questions(text, course, trained)
        store.put_pairs(course.id, added, first=100_000)
        session.flash(
            _n(
                "{n} question added; {m} were trained on and left out.",
                "{n} questions added; {m} were trained on and left out.",
                len(added),
                m=left_out,
            )
        )
        st.rerun()
if result is None:
    st.caption(
        _(
            "Both models answer every exam question, from memory and with the book at hand. "
            "No training ever saw these questions."
        )
    )
    st.stop()
report = result.value
PARTS = {
    "natural": (_("Natural"), _("the book’s own exercises")),
    "reworded": (_("Reworded"), _("wordings of taught facts: memory only")),
    "transfer": (_("Transfer"), _("sections it was never taught")),
    "uploaded": (_("Uploaded exam"), _("questions from outside")),
}


def figure(row: Figure) -> str:
    """The value with its interval; around a single answer there is none."""
    if row.n < 2:
        return f"{row.value:.2f} (n = {row.n})"
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"


def shares(row: ExamRow) -> dict[str, str]:
    """How right the answers are, as far as that was measured."""
    measures = {"points": _("Key points"), "right": _("Right (teacher’s mark)")}
    return {name: figure(row.figures[key]) for key, name in measures.items() if key in row.figures}


def no_exercises(count: ExerciseCount) -> str:
    """Why the natural part is empty."""
    if not count.found:
        why = _("The books set no exercises that could be told apart.")
    elif not count.answered:
        why = _n(
            "The books set {n} exercise, but give no answer to it.",
            "The books set {n} exercises, but give no answers to them.",
            count.found,
        )
    else:
        why = _("Their answered exercises point at figures, are projects or were trained on.")
    return _("No natural part: {why} An exam that you upload shows the same.", why=why)


MARKS = {"right": _("right"), "partly": _("partly right"), "wrong": _("wrong")}
BASELINES = {
    "base": _("its base model"),
    "lookup": _("a lookup in the training questions"),
    "book": _("the nearest sentence of the book"),
}
if report.exercises is not None and not report.questions.get("natural"):
    st.caption(no_exercises(report.exercises))
for part, found in report.baselines.items():
    said = {
        "baseline": BASELINES[found.model],
        "student": _("the student with the book at hand") if found.reads else _("the student"),
    }
    words = {
        "better": _("{student} answers better than the best baseline, {baseline}", **said),
        "worse": _("{student} answers worse than {baseline}", **said),
        "noise": _("{student} and {baseline} differ no more than by chance", **said),
    }
    if found.verdict == "few":
        st.info(
            _(
                "**{part}** ({what}): too few questions for a verdict (n = {n}).",
                part=PARTS[part][0],
                what=PARTS[part][1],
                n=found.difference.n,
            )
        )
        continue
    text = _(
        "**{part}** ({what}): {verdict}. Token F1 differs by {figure} over {n} questions.",
        part=PARTS[part][0],
        what=PARTS[part][1],
        verdict=words[found.verdict],
        figure=figure(found.difference),
        n=found.difference.n,
    )
    if found.model != "base":
        text += " " + _("From its base model: {figure}.", figure=figure(report.gain(part)))
    {"better": st.success, "worse": st.error, "noise": st.info}[found.verdict](text)

for contrast in report.contrasts:
    if contrast.what == "run" and report.earlier is not None:
        without = earlier_words(report.earlier)
        title = _("The student beside its earlier run")
    else:
        without = ""
        title = _("The student by the chosen prompt, beside the start prompt")
    outcome = verdict_of(contrast.difference)
    says = {
        "better": _("it answers better"),
        "worse": _("it answers worse"),
        "noise": _("no difference beyond chance"),
        "few": _("too few questions for a verdict"),
    }[outcome]
    {"better": st.success, "worse": st.error}.get(outcome, st.info)(
        _(
            "**{title}**, {part}, {how}: {says}. Token F1 differs by {figure} over {n} questions. "
            "{without}",
            title=title,
            part=PARTS[contrast.part][0],
            how=_("with the book at hand") if contrast.book else _("from memory"),
            says=says,
            figure=figure(contrast.difference),
            n=contrast.difference.n,
            without=without,
        ).strip()
    )

st.subheader(_("All figures, with 95 % intervals"))
names = {
    "base": _("Base model"),
    "student": _("Student model"),
    START: _("Student, start prompt"),
    EARLIER: _("Student, earlier run"),
    "teacher": _("Teacher model"),
    "lookup": _("Lookup"),
    "book": _("Book"),
}
rows = [
    {
        _("Part"): PARTS[row.part][0],
        _("Model"): names[row.model],
        _("Book at hand"): _("yes") if row.book else _("no"),
        "n": row.figures["f1"].n,
        **shares(row),
        _("Token F1"): figure(row.figures["f1"]),
        "ROUGE-L": figure(row.figures["rouge_l"]),
        _("Similarity"): figure(row.figures["cosine"]),
        _("Length ratio"): figure(row.figures["length"]),
    }
    for row in report.rows
]
st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("All figures, with 95 % intervals"))
st.caption(
    _(
        "Token F1: how far the words of an answer are those of the book, from 0 to 1. ROUGE-L: "
        "the same, with their order. Similarity: nearness in meaning. Length ratio: 1 is as long "
        "as the book’s answer. n: number of questions. In brackets: the 95 % interval."
    )
)

st.caption(
    _(
        "Key points: the share of the points of the book’s answer that an answer makes, counted "
        "in code."
    )
)
if any("right" in row.figures for row in report.rows):
    st.caption(
        _("The teacher model’s mark: 1 is right, 0.5 partly right, 0 wrong.")
        + (
            " "
            + _n(
                "{n} answer could not be marked; it is left out of the teacher’s marks.",
                "{n} answers could not be marked and are left out of the teacher’s marks.",
                report.unmarked,
            )
            if report.unmarked
            else ""
        )
    )

st.caption(
    _(
        "Two baselines without a model. Lookup: the answer of the training pair whose question is "
        "nearest. Book: the nearest sentence of the passages found. A student that does not beat "
        "them is not yet worth its training."
    )
)

if report.chapters:
    judged = [f for f in report.chapters.values() if verdict_of(f) != "few"]
    better = sum(f.low > 0 for f in judged)
    st.subheader(
        _(
            "The student beats its base on {n} of {m} chapters with {least} questions or more",
            n=better,
            m=len(judged),
            least=FEWEST,
        )
        if judged
        else _("Gain by chapter: too few questions in each for a verdict")
    )
    st.altair_chart(
        charts.gains(
            report.chapters,
            _("Gain in token F1, reworded part"),
            _("Chapter"),
        ),
        alt=_("Gain in token F1 by chapter with intervals"),
    )
    with st.expander(_("As a table"), icon=":material/table_rows:"):
        chapters = [
            {_("Chapter"): title, _("Gain in token F1, reworded part"): figure(row), "n": row.n}
            for title, row in report.chapters.items()
        ]
        st.dataframe(pd.DataFrame(chapters), hide_index=True)

st.subheader(_("Every answer"))
pairs = {pair.id: pair for pair in session.pairs(course.id)}
left, right = st.columns(2)
part = left.selectbox(_("Part"), list(report.questions), format_func=lambda p: PARTS[p][0])
book = right.toggle(_("With the book at hand"))
answers: dict[str, dict[str, str | float]] = {}
for row in report.answers:
    pair = pairs.get(row.pair)
    if pair and pair.part == part and row.book == book:
        cell = answers.setdefault(
            pair.id, {_("Question"): pair.question, _("The book"): pair.answer}
        )
        cell[names[row.model]] = row.answer
        if row.model == "student":
            if row.mark:
                cell[_("Mark")] = MARKS[row.mark]
            if row.points is not None:
                cell[_("Key points")] = round(row.points, 2)
            cell[_("Token F1")] = round(row.scores.f1, 2)
frame = pd.DataFrame(list(answers.values()))
if _("Token F1") in frame:
    frame = frame.sort_values(_("Token F1"))
st.dataframe(frame, hide_index=True, height=380, alt=_("Every answer"))
st.caption(
    _("Worst first. Exam questions that nearly repeat a training question were taken out before.")
)
if st.button(
    _("Continue to publish"),
    type="primary" if stage.state == "ready" else "secondary",
    icon=":material/arrow_forward:",
):
    go("build/publish.py")
