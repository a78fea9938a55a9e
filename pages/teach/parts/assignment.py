"""The parts of the screen *Assignments*: where items and answers come from, how they are graded."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from engine.documents.encoding import decode
from engine.errors import BadInput
from engine.grade import Item, Submission
from engine.grade.files import read_rubric, sift_items, sift_submissions
from engine.llm.ledger import spend
from engine.llm.teacher import load_choice
from engine.sample import FOLDER
from engine.schema import content_id
from engine.steps import Workspace
from engine.steps.gradebook import (
    add_items,
    add_submissions,
    assignments_of,
    clear_assignment,
)
from engine.steps.grading import GradePlan, grading_costs
from engine.workspace import training_pairs
from pages.shared import session
from pages.shared.i18n import _, _n, error_text, minutes_text
from pages.shared.literal import escaped

_ERRORS_SHOWN = 20
_ALL = "\0"
"""All assignments; no name that somebody could type."""
Kind = Literal["primary", "secondary"]
"""A button that is the next step, or another one."""


def type_names() -> dict[str, str]:
    """Types of items in words."""
    return {
        "choice": _("choice"),
        "numeric": _("number"),
        "short": _("short answer"),
        "rubric": _("by rubric"),
    }


def _next(missing: bool) -> Kind:
    """To bring in what is missing is the next step; to add more is not."""
    return "primary" if missing else "secondary"


# ---------------------------------------------------------------- items


def items_part(workspace: Workspace, items: Sequence[Item]) -> None:
    """Items from the corpus, a file or by hand; and all there are."""
    ways = {"corpus": _("From the corpus"), "file": _("From a file"), "hand": _("By hand")}
    way = st.segmented_control(
        _("New items"), list(ways), format_func=ways.__getitem__, default="corpus", key="item-way"
    )
    name = st.text_input(
        _("Name of the assignment (optional)"),
        key="assignment-name",
        placeholder=_("Week 1"),
        help=_("Each name has its own column of points in the gradebook."),
    ).strip()
    {"corpus": _from_corpus, "file": _items_file, "hand": _by_hand}[way or "corpus"](
        workspace, name, _next(not items)
    )
    if items:
        names = type_names()
        rows = [
            {
                **({_("Assignment"): item.assignment} if item.assignment else {}),
                _("Item"): item.item_id,
                _("Question"): item.question,
                _("Type"): names[item.kind],
                _("Right answer"): " / ".join(
                    item.references or [c.criterion for c in item.rubric]
                ),
                _("Points"): item.top,
            }
            for item in items
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("Items with their types"))
        with st.popover(_("Remove all"), icon=":material/delete:"):
            st.caption(_("All items, answers and grades go. The log of changes stays."))
            if st.button(_("Remove all now")):
                clear_assignment(workspace)
                st.rerun()


def one_of(items: Sequence[Item]) -> list[Item]:
    """The items of the assignment that is looked at; all where there is but one."""
    names = assignments_of(items)
    if len(names) < 2:
        return list(items)
    shown = {_ALL: _("All"), **{name: escaped(name) or _("Without a name") for name in names}}
    chosen = st.segmented_control(
        _("Assignment"),
        list(shown),
        format_func=shown.__getitem__,
        default=_ALL,
        required=True,
        key="assignment-shown",
    )
    return [item for item in items if chosen in (_ALL, item.assignment)]


def _from_corpus(workspace: Workspace, name: str, kind: Kind) -> None:
    pairs = {
        pair.point: pair for pair in training_pairs(workspace.store, workspace.course.id, "train")
    }
    if not pairs:
        st.caption(_("There is no corpus yet: take a file, or write items by hand."))
        return
    most = min(50, len(pairs))
    count = int(st.number_input(_("How many"), 1, most, min(10, most), key="item-count"))
    if st.button(_("Add from the corpus"), type=kind, icon=":material/add:"):
        points = list(pairs.values())
        chosen = [points[i * len(points) // count] for i in range(count)]
        knowledge = session.knowledge(workspace.course.id)
        homes = {s: c.name for c in knowledge.graph() for s in reversed(c.sections)}
        titles = knowledge.titles()
        add_items(
            workspace,
            [
                Item(
                    item_id=content_id(pair.question)[:8],
                    question=pair.question,
                    references=(pair.answer,),
                    assignment=name,
                    concept=homes.get(pair.section, ""),
                    section=titles.get(pair.section, ""),
                    page=(pair.evidence[0].page or 0) if pair.evidence else 0,
                    quote=pair.evidence[0].quote if pair.evidence else "",
                )
                for pair in chosen
            ],
        )
        session.flash(_n("{n} item added", "{n} items added", count))
        st.rerun()


def _items_file(workspace: Workspace, name: str, kind: Kind) -> None:
    _upload(
        _("CSV or JSONL with item_id, question, references; optionally choices, rubric, max_score"),
        _("Add the items"),
        "items-file",
        sift_items,
        lambda rows: add_items(
            workspace,
            [i if i.assignment else i.model_copy(update={"assignment": name}) for i in rows],
        ),
        kind,
    )


def _by_hand(workspace: Workspace, name: str, kind: Kind) -> None:
    question = st.text_input(_("Question"), key="hand-question").strip()
    references = _lines(_("Right answers, one a line"), "hand-references")
    choices = _lines(_("Options, one a line (only for a choice)"), "hand-choices")
    rubric = _lines(_("Rubric: criterion = points, one a line (optional)"), "hand-rubric")
    points = st.number_input(_("Points"), 0.5, 100.0, 1.0, 0.5, key="hand-points")
    try:
        item = Item(
            item_id=content_id(question)[:8],
            question=question,
            references=tuple(references),
            choices=tuple(choices),
            rubric=read_rubric(rubric),  # type: ignore[arg-type]
            max_score=None if rubric else points,
            assignment=name,
        )
    except ValueError:
        st.error(_("Each line of the rubric ends in = and a number."))
        return
    st.caption(_("Recognised as: {kind}", kind=type_names()[item.kind]))
    lacking = not question or not (references or rubric)
    if st.button(_("Add the item"), disabled=lacking, type=kind, icon=":material/add:"):
        add_items(workspace, [item])
        session.flash(_n("{n} item added", "{n} items added", 1))
        st.rerun()


def _lines(label: str, key: str) -> list[str]:
    text = st.text_area(label, key=key, height=68)
    return [line.strip() for line in text.splitlines() if line.strip()]


# ---------------------------------------------------------------- answers


def answers_part(workspace: Workspace, items: Sequence[Item], first: bool) -> None:
    """Answers from a file or typed in; ``first`` while there are none."""
    kind = _next(first)
    ways = {"file": _("From a file"), "hand": _("By hand")}
    way = st.segmented_control(
        _("New answers"), list(ways), format_func=ways.__getitem__, default="file", key="answer-way"
    )
    if way == "hand":
        _typed(workspace, items, kind)
        return
    st.download_button(
        _("Answer sheet as CSV"),
        lambda: _sheet(workspace, items),
        file_name="answers.csv",
        icon=":material/download:",
        on_click="ignore",
        help=_("A table with every item and learner; fill the column answer and upload it here."),
    )
    _upload(
        _(
            "CSV or JSONL with item_id, answer; optionally learner, answer_id, "
            "and score or label where a person has graded"
        ),
        _("Add the answers"),
        "answers-file",
        lambda text, name: sift_submissions(text, name, items),
        lambda rows: add_submissions(workspace, rows),
        kind,
    )


def _sheet(workspace: Workspace, items: Sequence[Item]) -> bytes:
    """An empty answer sheet: a row for each item and each learner of the class list."""
    names = [row["name"] for row in workspace.store.learners(workspace.course.id)] or [""]
    rows = [
        {"item_id": i.item_id, "question": i.question, "learner": name, "answer": ""}
        for i in items
        for name in names
    ]
    return as_csv(pd.DataFrame(rows))


def as_csv(frame: pd.DataFrame) -> bytes:
    """A table as a file for spreadsheets; no cell of it runs as a formula."""
    return bytes(frame.map(unformula).to_csv(index=False).encode("utf-8-sig"))


def unformula(cell: Any) -> Any:
    """The cell; a text that a spreadsheet would run as a formula is quoted."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _typed(workspace: Workspace, items: Sequence[Item], kind: Kind) -> None:
    known = {item.item_id: item for item in items}
    item = st.selectbox(
        _("Item"), list(known), format_func=lambda i: known[i].question, key="typed-item"
    )
    who = st.text_input(_("Learner"), key="typed-learner").strip()
    answer = st.text_area(_("Answer"), key="typed-answer", height=100)
    lacking = not answer.strip()
    if st.button(_("Add the answer"), disabled=lacking, type=kind, icon=":material/add:"):
        name = content_id(item, who or answer)
        add_submissions(
            workspace, [Submission(answer_id=name, item_id=item, learner=who, answer=answer)]
        )
        session.flash(_n("{n} answer added", "{n} answers added", 1))
        st.rerun()


def _upload(
    label: str,
    button: str,
    key: str,
    sift: Callable[[str, str], tuple[list[Any], list[BadInput]]],
    keep: Callable[[list[Any]], object],
    kind: Kind,
) -> None:
    """Take the rows of a file that can be used, and say of each other row what is wrong."""
    file = st.file_uploader(label, type=["csv", "tsv", "jsonl"], key=key, max_upload_size=20)
    pressed = st.button(button, disabled=file is None, type=kind, icon=":material/upload:")
    if pressed and file is not None:
        rows, wrong = sift(decode(file.getvalue(), file.name), file.name)
        keep(rows)
        st.session_state[f"{key}-wrong"] = [
            (error.values["line"], error_text(error)) for error in wrong
        ]
        session.flash(
            _n(
                "{n} row added, {m} left out",
                "{n} rows added, {m} left out",
                len(rows),
                m=len(wrong),
            )
        )
        st.rerun()
    if texts := st.session_state.get(f"{key}-wrong"):
        st.warning(_n("{n} row could not be used", "{n} rows could not be used", len(texts)))
        st.dataframe(
            pd.DataFrame(texts[:_ERRORS_SHOWN], columns=[_("Line"), _("What is wrong")]),
            hide_index=True,
        )


def load_sample(workspace: Workspace) -> None:
    """The items and answers of the sample course, some of them graded by a person."""

    def text(name: str) -> str:
        return (FOLDER / name).read_text(encoding="utf-8")

    items, _wrong = sift_items(text("items.jsonl"), "items.jsonl")
    add_items(workspace, items)
    for name in ("answers.jsonl", "graded.jsonl"):
        answers, _wrong = sift_submissions(text(name), name, items)
        add_submissions(workspace, answers)


# ---------------------------------------------------------------- how, and at what cost


def cost(workspace: Workspace, plan: GradePlan) -> None:
    """One line: how many answers, minutes, calls and money the next run takes."""
    costs = grading_costs(workspace, plan)
    if not costs.answers:
        return
    low, likely, high = (minutes_text(60 * m) for m in costs.minutes)
    parts = [
        _n(
            "{n} answer to grade: about {time} (between {low} and {high}).",
            "{n} answers to grade: about {time} (between {low} and {high}).",
            costs.answers,
            time=likely,
            low=low,
            high=high,
        )
    ]
    if costs.calls:
        tokens = costs.prompt_tokens + costs.completion_tokens
        parts.append(_("Teacher model: {n} calls, {m} tokens.", n=costs.calls, m=f"{tokens:,}"))
    if costs.money[1]:
        least, usual, most = costs.money
        parts.append(
            _("Cost: {a:.2f} (between {b:.2f} and {c:.2f})", a=usual, b=least, c=most) + "."
        )
    st.caption(" ".join(parts))


def spent(workspace: Workspace) -> None:
    """What verdicts of the teacher model have cost so far."""
    choice = load_choice(workspace.store)
    rows = [
        row
        for row in spend(workspace.store, {choice.model: choice.price})
        if row.purpose == "grade"
    ]
    if rows:
        money = sum(row.cost or 0 for row in rows)
        words = _(
            "Spent on grading so far, all courses: {n} calls, {m} tokens",
            n=f"{sum(row.calls for row in rows):,}",
            m=f"{sum(row.prompt_tokens + row.completion_tokens for row in rows):,}",
        )
        st.caption(f"{words}, {money:.2f} {choice.price.currency}" if money else words)
