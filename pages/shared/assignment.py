"""The parts of the screen *Assignments*: where items and answers come from, and the review."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.documents.encoding import decode
from engine.errors import BadInput
from engine.grade import Item, Submission
from engine.grade.files import read_rubric, sift_items, sift_submissions
from engine.grade.heads import FEW
from engine.grade.scorer import reads
from engine.llm.ledger import spend
from engine.llm.teacher import load_choice
from engine.sample import FOLDER
from engine.schema import content_id
from engine.steps import Room, training_pairs
from engine.steps.gradebook import (
    Marked,
    add_items,
    add_submissions,
    clear_assignment,
    decide,
    value_of,
)
from engine.steps.grading import foresee
from pages.shared import people, session
from pages.shared.i18n import _, error_text, minutes_text

_ERRORS_SHOWN = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~<$:])")


def type_names() -> dict[str, str]:
    """Types of items in words."""
    return {
        "choice": _("choice"),
        "numeric": _("number"),
        "short": _("short answer"),
        "rubric": _("by rubric"),
    }


def flag_names() -> dict[str, str]:
    """What makes an answer suspicious, in words."""
    return {
        "empty": _("empty"),
        "huge": _("very long"),
        "language": _("in another language"),
        "copied_question": _("repeats the question"),
        "shuffled": _("words of the right answer without their order"),
        "negated": _("the right answer turned round by a negation"),
        "stuffed": _("key words without a sentence"),
        "instructions": _("speaks to the grader"),
        "hidden": _("invisible characters"),
        "duplicate": _("nearly repeats another learner's answer"),
        "teacher_failed": _("the teacher model gave no verdict"),
    }


# ---------------------------------------------------------------- items


def items_part(room: Room, items: Sequence[Item]) -> None:
    """Items from the corpus, a file or by hand; and all there are."""
    ways = {"corpus": _("From the corpus"), "file": _("From a file"), "hand": _("By hand")}
    way = st.segmented_control(
        _("New items"), list(ways), format_func=ways.get, default="corpus", key="item-way"
    )
    {"corpus": _from_corpus, "file": _items_file, "hand": _by_hand}[way or "corpus"](room)
    if items:
        names = type_names()
        rows = [
            {
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
                clear_assignment(room)
                st.rerun()


def _from_corpus(room: Room) -> None:
    pairs = {pair.point: pair for pair in training_pairs(room.store, room.course.id, "train")}
    if not pairs:
        st.caption(_("There is no corpus yet: take a file, or write items by hand."))
        return
    most = min(50, len(pairs))
    count = int(st.number_input(_("How many"), 1, most, min(10, most), key="item-count"))
    if st.button(_("Add from the corpus"), icon=":material/add:"):
        points = list(pairs.values())
        chosen = [points[i * len(points) // count] for i in range(count)]
        homes = {s: c.name for c in people.graph(room.course.id) for s in reversed(c.sections)}
        titles = session.titles(room.course.id)
        add_items(
            room,
            [
                Item(
                    item_id=content_id(pair.question)[:8],
                    question=pair.question,
                    references=(pair.answer,),
                    concept=homes.get(pair.section, ""),
                    section=titles.get(pair.section, ""),
                    page=(pair.evidence[0].page or 0) if pair.evidence else 0,
                    quote=pair.evidence[0].quote if pair.evidence else "",
                )
                for pair in chosen
            ],
        )
        session.flash(_("{n} item(s) added", n=count))
        st.rerun()


def _items_file(room: Room) -> None:
    _upload(
        _("CSV or JSONL with item_id, question, references; optionally choices, rubric, max_score"),
        _("Add the items"),
        "items-file",
        sift_items,
        lambda rows: add_items(room, rows),
    )


def _by_hand(room: Room) -> None:
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
        )
    except ValueError:
        st.error(_("Each line of the rubric ends in = and a number."))
        return
    st.caption(_("Recognised as: {kind}", kind=type_names()[item.kind]))
    lacking = not question or not (references or rubric)
    if st.button(_("Add the item"), disabled=lacking, icon=":material/add:"):
        add_items(room, [item])
        session.flash(_("{n} item(s) added", n=1))
        st.rerun()


def _lines(label: str, key: str) -> list[str]:
    text = st.text_area(label, key=key, height=68)
    return [line.strip() for line in text.splitlines() if line.strip()]


# ---------------------------------------------------------------- answers


def answers_part(room: Room, items: Sequence[Item]) -> None:
    """Answers from a file or typed in."""
    ways = {"file": _("From a file"), "hand": _("By hand")}
    way = st.segmented_control(
        _("New answers"), list(ways), format_func=ways.get, default="file", key="answer-way"
    )
    if way == "hand":
        _typed(room, items)
        return
    _upload(
        _(
            "CSV or JSONL with item_id, answer; optionally learner, answer_id, "
            "and score or label where a person has graded"
        ),
        _("Add the answers"),
        "answers-file",
        lambda text, name: sift_submissions(text, name, items),
        lambda rows: add_submissions(room, rows),
    )


def _typed(room: Room, items: Sequence[Item]) -> None:
    known = {item.item_id: item for item in items}
    item = st.selectbox(
        _("Item"), list(known), format_func=lambda i: known[i].question, key="typed-item"
    )
    who = st.text_input(_("Learner"), key="typed-learner").strip()
    answer = st.text_area(_("Answer"), key="typed-answer", height=100)
    if st.button(_("Add the answer"), disabled=not answer.strip(), icon=":material/add:"):
        name = content_id(item, who or answer)
        add_submissions(
            room, [Submission(answer_id=name, item_id=item, learner=who, answer=answer)]
        )
        session.flash(_("{n} answer(s) added", n=1))
        st.rerun()


def _upload(
    label: str,
    button: str,
    key: str,
    sift: Callable[[str, str], tuple[list[Any], list[BadInput]]],
    keep: Callable[[list[Any]], object],
) -> None:
    """Take the rows of a file that can be used, and say of each other row what is wrong."""
    file = st.file_uploader(label, type=["csv", "tsv", "jsonl"], key=key, max_upload_size=20)
    if st.button(button, disabled=file is None, icon=":material/upload:"):
        rows, wrong = sift(decode(file.getvalue(), file.name), file.name)
        keep(rows)
        st.session_state[f"{key}-wrong"] = [
            (error.values["line"], error_text(error)) for error in wrong
        ]
        session.flash(_("{n} row(s) added, {m} left out", n=len(rows), m=len(wrong)))
        st.rerun()
    if texts := st.session_state.get(f"{key}-wrong"):
        st.warning(_("{n} row(s) could not be used", n=len(texts)))
        st.dataframe(
            pd.DataFrame(texts[:_ERRORS_SHOWN], columns=[_("Line"), _("What is wrong")]),
            hide_index=True,
        )


def load_sample(room: Room) -> None:
    """The items and answers of the sample course, some of them graded by a person."""

    def text(name: str) -> str:
        return (FOLDER / name).read_text(encoding="utf-8")

    items, _wrong = sift_items(text("items.jsonl"), "items.jsonl")
    add_items(room, items)
    for name in ("answers.jsonl", "graded.jsonl"):
        answers, _wrong = sift_submissions(text(name), name, items)
        add_submissions(room, answers)


# ---------------------------------------------------------------- how, and at what cost


def reader(room: Room, answers: Sequence[Submission]) -> dict[str, bool]:
    """Whether MiniLM reads along, as the plan of *grade* has it; asked where there is a choice."""
    graded = [a for a in answers if a.graded]
    saved = room.store.result(room.course.id, "grade")
    off = bool(saved and saved.data.get("features_only", False))
    if not reads(graded):
        return {"features_only": off}
    wanted = st.toggle(
        _("Fine-tune MiniLM on the {n} graded answers", n=len(graded)),
        not off,
        key="minilm",
        help=_(
            "A small language model (23 million weights) that runs on this machine reads question, "
            "right answer and answer together. It is used from {n} graded English answers on; "
            "without it the answers are compared by words and meaning alone.",
            n=FEW,
        ),
    )
    return {"features_only": not wanted}


def cost(room: Room, plan: dict[str, Any]) -> None:
    """One line: how many answers, minutes, calls and money the next run takes."""
    costs = foresee(room, plan)
    if not costs.answers:
        return
    low, likely, high = (minutes_text(60 * m) for m in costs.minutes)
    parts = [
        _(
            "{n} answer(s) to grade: about {time} (between {low} and {high}).",
            n=costs.answers,
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


def spent(room: Room) -> None:
    """What verdicts of the teacher model have cost so far."""
    choice = load_choice(room.store)
    rows = [
        row for row in spend(room.store, {choice.model: choice.price}) if row.purpose == "grade"
    ]
    if rows:
        money = sum(row.cost or 0 for row in rows)
        words = _(
            "Spent on grading so far, all courses: {n} calls, {m} tokens",
            n=f"{sum(row.calls for row in rows):,}",
            m=f"{sum(row.prompt_tokens + row.completion_tokens for row in rows):,}",
        )
        st.caption(f"{words}, {money:.2f} {choice.price.currency}" if money else words)


# ---------------------------------------------------------------- review


def review(room: Room, items: dict[str, Item], waiting: Sequence[Marked]) -> None:
    """One answer of the queue: what was asked and said, what is proposed, and what you say."""
    skipped: list[str] = st.session_state.setdefault("skipped", [])
    open_ones = [m for m in waiting if m.grade.answer_id not in skipped] or list(waiting)
    m = open_ones[0]
    item = items[m.submission.item_id]
    with st.container(border=True):
        st.caption(_("{n} left to review", n=len(waiting)))
        st.markdown(f"**{_escaped(item.question)}**")
        st.markdown(quoted(m.submission.answer, [c.quote for c in m.grade.criteria]) or "–")
        with st.expander(_("Right answer")):
            st.text("\n".join(item.references or [c.criterion for c in item.rubric]))
        if m.grade.flags:
            names = flag_names()
            st.warning(", ".join(names.get(flag, flag) for flag in m.grade.flags))
        _verdicts(m)
        _decision(room, item, m, skipped)


def _verdicts(m: Marked) -> None:
    words = {"met": _("met"), "partly": _("partly met"), "unmet": _("not met")}
    if m.grade.criteria:
        rows = [
            {_("Criterion"): c.criterion, _("Verdict"): words[c.verdict], _("Evidence"): c.quote}
            for c in m.grade.criteria
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True)


def _decision(room: Room, item: Item, m: Marked, skipped: list[str]) -> None:
    grade, key = m.grade, m.grade.answer_id
    cells = st.columns(2)
    cells[0].metric(_("Proposed grade"), shown(item, m))
    cells[1].metric(_("Confidence"), f"{100 * grade.confidence:.0f} %")
    score, label = None, None
    if grade.label is not None:
        labels = list(dict.fromkeys([*(item.labels or ("correct", "incorrect")), grade.label]))
        label = st.selectbox(_("Your grade"), labels, labels.index(grade.label), key=f"l-{key}")
    else:
        score = st.number_input(
            _("Your grade"), 0.0, float(item.top), float(grade.score or 0), 0.5, key=f"s-{key}"
        )
    held = "" if grade.flags else grade.feedback
    feedback = st.text_area(_("Feedback to the learner"), held, key=f"f-{key}", height=100)
    changed = (score, label) != (grade.score, grade.label)
    reason = st.text_input(_("Reason"), key=f"r-{key}") if changed else ""
    with st.container(horizontal=True):
        button = _("Override") if changed else _("Accept")
        lacking = changed and not reason.strip()
        if st.button(button, type="primary", key="decide", disabled=lacking):
            decide(room, item, m, score=score, label=label, reason=reason, feedback=feedback)
            st.rerun()
        if st.button(_("Later"), key="later"):
            skipped.append(key)
            st.rerun()


def shown(item: Item, m: Marked) -> str:
    """A grade as people write it."""
    value = value_of(m.grade)
    return f"{value:g} / {item.top:g}" if isinstance(value, (int, float)) else str(value)


def quoted(answer: str, quotes: Sequence[str]) -> str:
    """The answer as Markdown that shows it literally, with the quotes on green."""
    wanted = sorted({q.strip() for q in quotes if q.strip()}, key=len, reverse=True)
    if not wanted:
        return _escaped(answer).replace("\n", "  \n")
    parts = re.split("(" + "|".join(map(re.escape, wanted)) + ")", answer)
    return "".join(
        f":green-background[{_escaped(' '.join(part.split()))}]"
        if part in wanted
        else _escaped(part).replace("\n", "  \n")
        for part in parts
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
