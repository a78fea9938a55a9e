"""What a student is taught, in which shares; a row of each kind; and what it forgot."""

from __future__ import annotations

import streamlit as st

from engine.prompts import chosen_prompt, course_system
from engine.schema import Pair
from engine.steps.rows import unseen
from engine.train import BookReader, Mixture, TrainingRow, masked_sample
from engine.workspace import TrainedStudent, Workspace
from pages.shared import session
from pages.shared.i18n import _
from pages.shared.literal import escaped

SHARES = ("by_heart", "reading", "sought", "absent", "statements", "replay")


def form() -> None:
    """The shares, each with what it does."""
    start = Mixture()
    words = {
        "by_heart": (
            _("Pairs asked by heart"),
            _("How often each pair is asked without the book in an epoch."),
        ),
        "reading": (
            _("Points asked with the book"),
            _("Share of the points of which a question is asked with quotes of the book."),
        ),
        "sought": (
            _("Sentences asked for by keywords"),
            _("For each such point so many sentences of the book, asked for by a few words."),
        ),
        "absent": (
            _("Rows without an answer"),
            _("Share of the rows with quotes in which the answer is not there, to be said so."),
        ),
        "replay": (
            _("General talk"),
            _("Share of general talk, so that the student forgets less of what its base can do."),
        ),
    }
    cells = st.columns(2)
    for number, (name, (label, told)) in enumerate(words.items()):
        top = {"by_heart": 8.0, "sought": 8.0, "absent": 0.9, "replay": 0.5}.get(name, 1.0)
        cells[number % 2].slider(
            label, 0.0, top, float(getattr(start, name)), 0.05, key=f"mix-{name}", help=told
        )
    cells[1].number_input(
        _("Statements of each fact"),
        0,
        10,
        start.statements,
        key="mix-statements",
        help=_("At most so many true sentences of each fact, learned as plain text."),
    )


def samples(workspace: Workspace, pair: Pair, base: str) -> None:
    """One row of each kind, the learned part marked."""
    store, course = workspace.store, workspace.course
    system = course_system(course.title, course.language)
    reads = BookReader(
        session.index(course.id),
        chosen_prompt(store, course.id, course.language),
        hidden=unseen(store.pairs(course.id, split="exam")),
    )
    kinds = {
        _("By heart"): (TrainingRow(question=pair.question, answer=pair.answer),),
        _("With the book"): reads(pair, False),
        _("Without an answer"): reads(pair, True),
    }
    st.caption(_("Only the part marked as learned is trained; the rest is given."))
    shown = {name: rows[0] for name, rows in kinds.items() if rows}
    for tab, row in zip(st.tabs(list(shown)), shown.values(), strict=True):
        with tab:
            said = row if row.system else row.model_copy(update={"system": system})
            for piece in masked_sample(said, base=base):
                if piece.learned:
                    st.success(escaped(piece.text))
                else:
                    st.text(piece.text)


def forgotten(student: TrainedStudent) -> None:
    """How many general instructions were followed before and after."""
    if not {"base", "student"} <= set(student.follows):
        return
    before, after = student.follows["base"], student.follows["student"]
    text = _(
        "Of {n} general instructions (“in five words”, “as a list”) the base model follows "
        "{before:.0%} [{low:.0%}, {high:.0%}], the student {after:.0%} [{own_low:.0%}, "
        "{own_high:.0%}].",
        n=after.n,
        before=before.value,
        low=before.low,
        high=before.high,
        after=after.value,
        own_low=after.low,
        own_high=after.high,
    )
    st.caption(text)
