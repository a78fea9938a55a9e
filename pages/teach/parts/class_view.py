"""The parts of the screen *Students*: who needs somebody, mastery, questions, grading, records."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.classroom import ROLES, ClassView, Role, give_role, roles_of
from engine.errors import EngineError
from engine.grade import Item
from engine.learner import Person, erase_learner, export_learner, find_learner
from engine.report import Mistake, error_kinds, grading_quality, mistakes, report
from engine.schema import Figure
from engine.steps import Workspace
from engine.steps.gradebook import items_of, marked
from pages.shared import account, people, session
from pages.shared.failures import safely
from pages.shared.i18n import _, _n, error_text
from pages.shared.literal import escaped
from pages.teach.parts import charts, reteach


def reasons() -> dict[str, str]:
    """Why somebody is at risk, in words."""
    return {
        "few": _("few answers"),
        "falling": _("scores are falling"),
        "wrong": _("many wrong answers"),
        "absent": _("not seen for a while"),
    }


def kinds() -> dict[str, str]:
    """Kinds of mistakes in words."""
    return {
        "missing": _("says too little"),
        "incomplete": _("says only a part"),
        "contradiction": _("says the opposite"),
        "off_topic": _("speaks of something else"),
        "unit": _("unit missing or wrong"),
        "magnitude": _("off by a power of ten"),
        "wrong": _("wrong"),
        "unreadable": _("no single answer"),
        "empty": _("no answer"),
    }


# ---------------------------------------------------------------- the class


def tiles(view: ClassView) -> None:
    """The class in four figures."""
    figures = view.tiles
    cells = st.columns(4)
    cells[0].metric(_("Learners"), f"{figures.learners:,}")
    cells[1].metric(_("Active in the last week"), f"{figures.active:,}")
    mean = "–" if figures.mean is None else f"{100 * figures.mean:.0f} %"
    cells[2].metric(_("Mean score"), mean)
    cells[3].metric(_("At risk"), f"{figures.at_risk:,}")


def class_part(course_id: str, view: ClassView, names: dict[str, str]) -> None:
    """Who needs somebody and why, mastery by concept, and what to teach again."""
    _risky(view, names)
    if not view.cells:
        st.info(_("Nobody has answered yet: mastery appears here with the first answers."))
        return
    st.subheader(_("Mastery of learners by concept, weakest first"))
    few = len(view.learners) < view.tiles.learners or len(view.columns) < len(view.concepts)
    if few:
        words = {"n": len(view.learners), "m": view.tiles.learners}
        st.caption(
            _("The {n} weakest of {m} learners", **words)
            + ", "
            + _("the {n} weakest of {m} concepts", n=len(view.columns), m=len(view.concepts))
        )
    shown = [names.get(name, name) for name in view.learners]
    levels = pd.DataFrame(list(view.cells), index=shown, columns=list(view.columns), dtype=float)
    st.altair_chart(
        charts.heat(levels, _("Learner"), _("Concept"), _("Mastery")),
        alt=_("Heat map of learners by concepts"),
    )
    _concepts_table(view)
    reteach.card(course_id, view.means)
    with st.expander(_("What the weakest concepts build on"), icon=":material/account_tree:"):
        st.caption(_("Red: class mastery under 50 %; yellow: under 75 %; green: firm."))
        st.graphviz_chart(
            reteach.graph(session.knowledge(course_id).graph(), view.means),
            alt=_("What the weakest concepts build on"),
        )


def _risky(view: ClassView, names: dict[str, str]) -> None:
    if not view.risky:
        return
    st.subheader(_n("{n} learner may need you", "{n} learners may need you", view.tiles.at_risk))
    if len(view.risky) < view.tiles.at_risk:
        st.caption(_("The first {n} of them, most reasons first", n=len(view.risky)))
    words = reasons()
    rows = [
        {
            _("Learner"): names.get(person.learner, person.learner),
            _("Why"): ", ".join(words[reason] for reason in person.reasons),
            _("Mean score (%)"): None if person.mean is None else round(100 * person.mean),
            _("Answers"): person.answers,
        }
        for person in view.risky
    ]
    alt = _("Learners at risk with reasons")
    st.dataframe(pd.DataFrame(rows), hide_index=True, placeholder="–", alt=alt)


def _concepts_table(view: ClassView) -> None:
    with st.expander(_("As a table"), icon=":material/table_rows:"):
        rows = [
            {
                _("Concept"): row.concept,
                _("Mastery (%)"): round(100 * row.mastery),
                _("Learners"): row.learners,
                _("Firm"): row.firm,
                _("Near"): row.near,
                _("Far"): row.far,
            }
            for row in view.concepts
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True)


# ---------------------------------------------------------------- questions


def questions_part(workspace: Workspace, view: ClassView) -> None:
    """What goes wrong most, and what each item tells."""
    items = items_of(workspace)
    answers = marked(workspace) if items else []
    found = mistakes(items, answers)
    _mistakes(found)
    rows = error_kinds(items, answers)
    if rows:
        st.subheader(_("Kinds of mistakes by concept"))
        words = kinds()
        table = [
            {
                _("Concept"): row.concept,
                _("Kind of mistake"): words[row.error],
                _("Learners"): row.learners,
                _("Where to read"): _where(row.section, row.page),
            }
            for row in rows
        ]
        frame = pd.DataFrame(table)
        st.dataframe(frame, hide_index=True, alt=_("Kinds of mistakes by concept"))
    _items_table(view, items)


def _items_table(view: ClassView, items: Sequence[Item]) -> None:
    """Each item that was answered: how hard it is, and whether it tells who knows the course."""
    st.subheader(_("Items: how hard, how telling"))
    if not view.items:
        st.caption(_("No item has been answered yet."))
        return
    texts = {item.item_id: item.question for item in items}
    table = [
        {
            _("Item"): texts.get(row.item, row.item),
            _("Answers"): row.answers,
            _("Learners"): row.learners,
            _("Mean score (%)"): round(100 * row.difficulty),
            _("Discrimination"): None
            if row.discrimination is None
            else round(row.discrimination, 2),
            _("Note"): _note(row.difficulty, row.discrimination),
        }
        for row in sorted(view.items, key=lambda row: row.difficulty)
    ]
    st.caption(
        _(
            "Hardest first. Discrimination: do those who do well elsewhere do well here? "
            "From −1 to 1; over 0.2 is good."
        )
    )
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config={_("Item"): st.column_config.TextColumn(width="medium")},
        placeholder="–",
        alt=_("Items with difficulty and discrimination"),
    )


def _mistakes(found: Sequence[Mistake]) -> None:
    shared = [row for row in found if row.learners > 1]
    if not shared:
        st.subheader(_("Common mistakes"))
        st.caption(
            _("No two graded answers are wrong in the same way yet.")
            if found
            else _("They appear here once answers are graded on the Assignments screen.")
        )
        return
    top, words = shared[0], kinds()
    st.subheader(_("The commonest mistake: {n} of {m} made it", n=top.learners, m=top.of))
    rows = [
        {
            _("Question"): row.question,
            _("Answer"): row.answer or "–",
            _("Kind of mistake"): words[row.error],
            _("Learners"): row.learners,
            _("of"): row.of,
            _("Where to read"): _where(row.section, row.page),
        }
        for row in shared
    ]
    narrow = st.column_config.TextColumn(width="medium")
    widths = {_("Question"): narrow, _("Answer"): narrow, _("Where to read"): narrow}
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, column_config=widths, alt=_("Common mistakes"))


def _where(section: str, page: int) -> str:
    return " · ".join(part for part in (section, _("p. {n}", n=page) if page else "") if part)


def _note(difficulty: float, discrimination: float | None) -> str:
    if discrimination is not None and discrimination < 0:
        return _("weaker learners do better: check the right answer")
    if difficulty < 0.25:
        return _("very hard")
    if difficulty > 0.95:
        return _("nearly everybody is right")
    if discrimination is not None and discrimination < 0.1:
        return _("tells little about who knows the course")
    return ""


# ---------------------------------------------------------------- grading


def grading_part(workspace: Workspace) -> None:
    """How far the grades can be trusted, from what people confirmed and changed."""
    quality = grading_quality(workspace, items_of(workspace))
    if quality is None:
        st.info(_("Nothing is graded yet: add items and answers on the Assignments screen."))
        return
    cells = st.columns(4)
    cells[0].metric(_("Graded by the grader"), quality.machine)
    cells[1].metric(_("Graded by a person"), quality.by_person + quality.reviewed)
    cells[2].metric(_("To review"), quality.waiting)
    cells[3].metric(_("Changed by a person"), quality.changed)
    figures = [
        (_("Sent to a person"), quality.review),
        (_("Proposals that people confirmed"), quality.agreement),
        (_("Confirmed among those sure enough to stand"), quality.accepted_agreement),
        (_("Agreement of accepted grades on held-out answers"), quality.held_out),
    ]
    rows = [_share(name, figure) for name, figure in figures]
    st.subheader(_("Agreement is aimed at {n} %", n=round(100 * quality.target)))
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("Quality of the grading"))
    st.caption(
        _(
            "People see mostly the answers that the grader doubted, so what they confirm is less "
            "than it would be over all answers. The held-out figure is about all accepted grades."
        )
    )


def _share(name: str, figure: Figure | None) -> dict[str, str | int]:
    words = ("–",) * 2
    if figure is not None:
        value, low, high = (f"{100 * v:.0f}" for v in (figure.value, figure.low, figure.high))
        words = (f"{value} %", f"{low}–{high} %")
    return {
        _("Share"): name,
        _("Value"): words[0],
        _("95 % interval"): words[1],
        "n": figure.n if figure else 0,
    }


# ---------------------------------------------------------------- records


def records_part(workspace: Workspace, everybody: list[Person]) -> None:
    """Report, class average, roles; one learner's data to take away or to erase."""
    store, course = workspace.store, workspace.course.id
    st.download_button(
        _("Report on the course (HTML)"),
        lambda: report(workspace),
        file_name=f"{course}.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/description:",
    )
    st.toggle(
        _("Learners see the class average beside their own figures"),
        value=bool(store.choice(course, "show_average", False)),
        key="show-average",
        on_change=safely(
            lambda: store.choose(course, "show_average", st.session_state["show-average"])
        ),
    )
    if session.role() == "designer" and account.configured():
        _roles(workspace)
    _one_learners_data(workspace, everybody)


def _one_learners_data(workspace: Workspace, everybody: list[Person]) -> None:
    """Take away or erase all that is kept about one learner."""
    store, course = workspace.store, workspace.course.id
    st.subheader(_("One learner's data: export or erase"))
    person = one_of(workspace, everybody, "record-of")
    if person is None:
        return
    with st.container(horizontal=True):
        st.download_button(
            _("Report (HTML)"),
            lambda: report(workspace, person.pseudonym),
            file_name=f"{person.pseudonym}.html",
            mime="text/html",
            on_click="ignore",
        )
        st.download_button(
            _("Export as JSON"),
            lambda: pd.Series(export_learner(store, course, person.pseudonym)).to_json(
                force_ascii=False
            ),
            file_name=f"{person.pseudonym}.json",
            on_click="ignore",
        )
        with st.popover(_("Erase")):
            st.caption(_("All rows about this learner go. There is no undo."))
            if st.button(_("Erase {name} now", name=escaped(people.shown(person)))):
                gone = erase_learner(store, course, person.pseudonym)
                session.flash(_n("{n} row erased", "{n} rows erased", gone))
                st.rerun()


def one_of(workspace: Workspace, everybody: list[Person], key: str) -> Person | None:
    """A learner chosen from a list; in a class too large for one, by name or pseudonym."""
    if len(everybody) <= people.LISTED:
        known = {person.pseudonym: person for person in everybody}
        who = st.selectbox(
            _("Learner"), list(known), format_func=lambda name: people.shown(known[name]), key=key
        )
        return known.get(who)
    who = st.text_input(_("Learner: name or pseudonym"), key=key).strip()
    try:
        return find_learner(workspace.store, workspace.course.id, who) if who else None
    except EngineError as error:
        st.warning(escaped(error_text(error)))
        return None


def _roles(workspace: Workspace) -> None:
    names: dict[Role | None, str] = {
        "designer": _("designer"),
        "instructor": _("teacher"),
        "learner": _("learner"),
        None: _("none"),
    }
    with st.expander(_("Who may teach or build this course"), icon=":material/badge:"):
        given = roles_of(workspace.store, workspace.course.id)
        rows = [{_("Address"): who, _("Role"): names[role]} for who, role in given.items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True)
        with st.form("role", border=False):
            who = st.text_input(_("Address"))
            choices: list[Role | None] = [*ROLES, None]
            role = st.selectbox(_("Role"), choices, format_func=names.__getitem__)
            if st.form_submit_button(_("Give this role")):
                give_role(workspace.store, workspace.course.id, who, role)
                st.rerun()
