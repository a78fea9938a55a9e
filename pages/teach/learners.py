import tempfile
import time
from pathlib import Path

import streamlit as st
from streamlit.typing import UploadedFile

from engine.learner import Event, import_roster, pseudonym, read_log, record
from pages.shared import concept_map, session
from pages.shared.frame import heading
from pages.shared.i18n import _, _n
from pages.teach.parts import class_view

workspace = session.workspace()
course = workspace.course
store, settings = session.store(), session.settings()
heading(_("Students"), _("Who needs me, on what, now?"))


def saved(upload: UploadedFile) -> Path:
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


knowledge = session.knowledge(course.id)
anybody = knowledge.anybody()
with st.expander(_("Class list and answers"), icon=":material/upload:", expanded=not anybody):
    left, right = st.columns(2)
    roster = left.file_uploader(
        _("Class list: CSV with a column “name”"), type=["csv"], key="roster"
    )
    bring = left.button(
        _("Import the class list"),
        disabled=roster is None,
        type="secondary" if anybody else "primary",
    )
    if bring and roster is not None:
        added = import_roster(settings, store, course.id, saved(roster))
        session.flash(_n("{n} learner on the list", "{n} learners on the list", len(added)))
        st.rerun()
    log = right.file_uploader(
        _("Answers: CSV with learner, item, skill, correct and timestamp"), type=["csv"], key="log"
    )
    if right.button(_("Import the answers"), disabled=log is None) and log is not None:
        with st.spinner(_("Reading the answers and tracing what the class knows …")):
            count = bring_log(saved(log))
            knowledge.view()  # now, while somebody waits for the import anyway
        session.flash(_n("{n} answer read", "{n} answers read", count))
        st.rerun()
if not anybody:
    st.info(_("Import a class list or a log of answers above; the class appears here."))
    st.stop()

view = knowledge.view()
class_view.tiles(view)
PARTS = {
    "class": _("Class"),
    "concepts": _("Concepts"),
    "questions": _("Items"),
    "grading": _("Grading"),
    "records": _("Records"),
}
part = st.segmented_control(
    _("View"),
    list(PARTS),
    format_func=PARTS.__getitem__,
    default="class",
    required=True,
    key="class-view",
    label_visibility="collapsed",
)
if part == "class":
    shown = {*view.learners, *(person.learner for person in view.risky)}
    class_view.class_part(course.id, view, knowledge.names(shown))
elif part == "concepts":
    concept_map.editor(course.id)
elif part == "questions":
    class_view.questions_part(workspace, view)
elif part == "grading":
    class_view.grading_part(workspace)
else:
    class_view.records_part(workspace, knowledge.people())
