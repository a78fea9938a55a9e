from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.typing import UploadedFile

from engine import jobs as queue
from engine.course import taught_sections
from engine.documents import SUFFIXES
from engine.installed import ocr_installed
from engine.language import rules
from engine.schema import Document, Section
from engine.steps import READ
from engine.steps.books import BooksRead, ReadPlan, remove_book
from pages.build.parts.reading import notices
from pages.shared import concept_map, session
from pages.shared.frame import go, heading
from pages.shared.i18n import _, _n, error_text, warning_text
from pages.shared.job_board import board
from pages.shared.literal import escaped, written

workspace = session.workspace()
course = workspace.course
stage = session.stages(course.id)["course"]
heading(_("Course"), _("What did it understand of my books?"), stage)


def take(files: Sequence[UploadedFile], ocr: bool) -> None:
    """Keep the uploads as files and hand them to the worker."""
    folder = workspace.folder / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[str] = []
    for upload in files:
        path = folder / Path(upload.name).name
        path.write_bytes(upload.getbuffer())
        paths.append(str(path))
    queue.start(workspace, READ, ReadPlan(files=tuple(paths), ocr=ocr))


documents = session.knowledge(course.id).documents()
with st.expander(_("Add a book"), icon=":material/upload_file:", expanded=not documents):
    limit = session.settings().max_upload // 2**20
    uploads = st.file_uploader(
        _("PDF, DOCX, PPTX, EPUB, HTML, Markdown or plain text; up to {n} MB each", n=limit),
        type=[suffix.lstrip(".") for suffix in SUFFIXES],
        accept_multiple_files=True,
        max_upload_size=limit,
        key=f"upload-{st.session_state.get('uploads', 0)}",
    )
    ocr = st.toggle(
        _("Read scanned and damaged pages by text recognition (OCR)"),
        disabled=not ocr_installed(),
        help=_("About two seconds a page. English and Chinese, on this machine.")
        if ocr_installed()
        else _("Not installed here. Install it with: pip install 'coursewright[ocr]'"),
        key="read-ocr",
    )
    if st.button(
        _n("Read {n} file", "Read {n} files", len(uploads)) if uploads else _("Choose files first"),
        type="primary" if not documents else "secondary",
        disabled=not uploads,
        icon=":material/menu_book:",
    ):
        take(uploads, ocr)
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
        st.rerun()

live = board(course.id, ("read",))
newest = next((job for job in session.jobs_of(course.id) if job.kind == "read"), None)
outcome = (newest and queue.result_of(newest, READ)) or BooksRead()
for row in outcome.failed:
    said = escaped(error_text(row.model_dump()))
    st.warning(f"**{escaped(row.file)}**: {said}", icon=":material/warning:")
for title in outcome.repeated:
    st.info(
        _("“{title}” was in this course already.", title=escaped(title)), icon=":material/info:"
    )

if not documents:
    if not live:
        st.info(_("Add your first book above; its table of contents appears here."))
    st.stop()


def tree(document: Document) -> pd.DataFrame:
    columns = {
        _("Section"): [
            "\u2003" * (section.level - 1) + section.title for section in document.sections
        ],
        _("Page"): [section.page_start or None for section in document.sections],
        _("Characters"): [len(section.text) for section in document.sections],
    }
    if not document.pages:
        del columns[_("Page")]
    return pd.DataFrame(columns)


def show(document: Document, section: Section) -> None:
    """The page image beside its extracted text."""
    pdf = workspace.folder / "books" / f"{document.id}.pdf"
    text_side = st.container()
    if pdf.exists() and section.page_start:
        image_side, text_side = st.columns(2, gap="medium")
        pages = list(range(section.page_start, max(section.page_start, section.page_end) + 1))
        page = pages[0]
        if len(pages) > 1:
            page = image_side.select_slider(_("Page"), pages, key=f"page-{section.id}")
        image_side.image(
            session.page_png(str(pdf), page), width="stretch", alt=_("Page {n} of the book", n=page)
        )
    with text_side.container(height=640, border=True):
        st.markdown(f"#### {escaped(section.title)}")
        for block in section.blocks:
            if block.kind in ("code", "table"):
                st.code(block.text, language=None)
            else:
                st.markdown(written(block.text))
        if not section.blocks:
            st.caption(_("Nothing stands directly under this heading."))


document = documents[0]
if len(documents) > 1:
    names = {d.id: d for d in documents}
    document = names[st.selectbox(_("Book"), list(names), format_func=lambda i: names[i].title)]

cells = st.columns(4)
cells[0].metric(_("Sections"), len(document.sections))
cells[1].metric(_("Pages"), document.pages or "–")
cells[2].metric(_("Characters"), f"{sum(len(s.text) for s in document.sections):,}")
cells[3].metric(_("Language"), rules(document.language).name)
if document.warnings:
    with st.expander(
        _n("{n} warning", "{n} warnings", len(document.warnings)),
        icon=":material/warning:",
        expanded=False,
    ):
        for warning in document.warnings:
            st.markdown(f"- {escaped(warning_text(warning))}")
notices(workspace, documents, document)
if document.language != course.language:
    st.warning(
        _("This book is in another language than the course. Passages are used as they are."),
        icon=":material/translate:",
    )

VIEWS = {"contents": _("Table of contents"), "concepts": _("Concepts")}
view = st.segmented_control(
    _("View"),
    list(VIEWS),
    format_func=VIEWS.__getitem__,
    default="contents",
    required=True,
    key="course-view",
    label_visibility="collapsed",
)
if view == "concepts":
    concept_map.editor(course.id)
else:
    chosen = st.dataframe(
        tree(document),
        hide_index=True,
        height=320,
        on_select="rerun",
        selection_mode="single-row",
        key=f"tree-{document.id}",
        placeholder="–",
        alt=_("Table of contents with pages"),
    )
    rows = chosen["selection"]["rows"]
    taught = {section.id for section in taught_sections([document])}
    first = next((i for i, s in enumerate(document.sections) if s.id in taught), 0)
    show(document, document.sections[rows[0] if rows else first])

with st.container(horizontal=True):
    if st.button(_("Continue to the corpus"), type="primary", icon=":material/arrow_forward:"):
        go("build/corpus.py")
    with st.popover(_("Remove this book"), icon=":material/delete:"):
        st.caption(_("Its pairs stay until the corpus is made again."))
        if st.button(_("Remove “{title}”", title=escaped(document.title))):
            remove_book(workspace, document.id)
            st.rerun()
