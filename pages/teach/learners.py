import tempfile
import time
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.learner import (
    ROLES,
    Event,
    at_risk,
    erase_learner,
    export_learner,
    give_role,
    heat_map,
    import_roster,
    items,
    pseudonym,
    read_log,
    record,
    table_of,
    tiles,
)
from pages.shared import account, charts, people, session
from pages.shared.frame import heading
from pages.shared.i18n import _

room = session.room()
course = room.course
store, settings = session.store(), session.settings()
heading(_("Students"), _("Who needs me, on what, now?"))


ROLE_NAMES = {
    "designer": _("designer"),
    "instructor": _("teacher"),
    "learner": _("learner"),
    None: _("none"),
}


def saved(upload: object) -> Path:
    path = Path(tempfile.mkdtemp()) / Path(upload.name).name
    path.write_bytes(upload.getbuffer())
    return path


def bring_log(path: Path) -> int:
    """Answers of a log as events, under pseudonyms."""
    answers = read_log(path).answers
    start = time.time() - len(answers)
    return record(
        store,
        course.id,
        [
            Event(
                learner=pseudonym(settings, course.id, answer.learner),
                item=answer.item,
                concept=skill,
                correct=bool(answer.correct),
                at=answer.at or start + i,
                source="import",
            )
            for i, answer in enumerate(answers)
            for skill in answer.skills
        ],
    )


events = people.events(course.id)
everybody = people.people(course.id)
with st.expander(_("Class list and answers"), icon=":material/upload:", expanded=not everybody):
    left, right = st.columns(2)
    roster = left.file_uploader(_("Class list: CSV with a column name"), type=["csv"], key="roster")
    if left.button(_("Import the class list"), disabled=roster is None):
        added = import_roster(settings, store, course.id, saved(roster))
        session.flash(_("{n} learner(s) on the list", n=len(added)))
        st.rerun()
    log = right.file_uploader(
        _("Answers: CSV with learner, item, skill, correct and timestamp"), type=["csv"], key="log"
    )
    if right.button(_("Import the answers"), disabled=log is None):
        session.flash(_("{n} answer(s) read", n=bring_log(saved(log))))
        st.rerun()
if not everybody:
    st.info(_("Import a class list or a log of answers above; the class appears here."))
    st.stop()

names = {person.pseudonym: people.shown(person) for person in everybody}
now = time.time()
table = table_of(events)
figures = tiles(table, now, list(names))
cells = st.columns(4)
cells[0].metric(_("Learners"), figures.learners)
cells[1].metric(_("Active in the last week"), figures.active)
cells[2].metric(_("Mean score"), f"{100 * figures.mean:.0f} %" if figures.mean else "–")
cells[3].metric(_("At risk"), figures.at_risk)
REASONS = {
    "few": _("few answers"),
    "falling": _("scores are falling"),
    "wrong": _("many wrong answers"),
    "absent": _("not seen for a while"),
}
risky = at_risk(table, now, list(names))
if risky:
    st.subheader(_("{n} learner(s) may need you", n=len(risky)))
    st.dataframe(
        pd.DataFrame(
            [
                {
                    _("Learner"): names.get(person.learner, person.learner),
                    _("Why"): ", ".join(REASONS.get(r, r) for r in person.reasons),
                    _("Mean score"): None if person.mean is None else round(person.mean, 2),
                    _("Answers"): person.answers,
                }
                for person in risky
            ]
        ),
        hide_index=True,
        alt=_("Learners at risk with reasons"),
    )
if events:
    concepts = sorted({event.concept for event in events})[:40]
    levels = heat_map(events, people.tracer(course.id), concepts, list(names))
    st.subheader(_("Mastery of learners by concept, weakest first"))
    st.altair_chart(
        charts.heat(levels.rename(index=names), _("Learner"), _("Concept"), _("Mastery")),
        alt=_("Heat map of learners by concepts"),
    )
    with st.expander(_("Items: how hard, how telling")):
        st.dataframe(
            items(table)
            .reset_index()
            .rename(
                columns={
                    "item": _("Item"),
                    "answers": _("Answers"),
                    "difficulty": _("Share right"),
                    "discrimination": _("Discrimination"),
                    "learners": _("Learners"),
                }
            )
            .round(2),
            hide_index=True,
        )
if session.role() == "designer" and account.configured():
    with st.expander(_("Who may teach or build this course"), icon=":material/badge:"):
        given = store.choice(course.id, "roles", {})
        st.dataframe(
            pd.DataFrame(
                [{_("Address"): who, _("Role"): ROLE_NAMES[r]} for who, r in given.items()]
            ),
            hide_index=True,
        )
        with st.form("role", border=False):
            who = st.text_input(_("Address"))
            role = st.selectbox(_("Role"), [*ROLES, None], format_func=ROLE_NAMES.get)
            if st.form_submit_button(_("Give this role")):
                give_role(store, course.id, who, role)
                st.rerun()
with st.expander(_("One learner's data: export or erase"), icon=":material/shield_person:"):
    who = st.selectbox(_("Learner"), list(names), format_func=names.get)
    with st.container(horizontal=True):
        st.download_button(
            _("Export as JSON"),
            lambda: pd.Series(export_learner(store, course.id, who)).to_json(force_ascii=False),
            file_name=f"{who[:8]}.json",
            on_click="ignore",
        )
        with st.popover(_("Erase")):
            st.caption(_("All rows about this learner go. There is no undo."))
            if st.button(_("Erase {name} now", name=names[who])):
                session.flash(_("{n} row(s) erased", n=erase_learner(store, course.id, who)))
                st.rerun()
