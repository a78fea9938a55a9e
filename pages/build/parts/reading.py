"""What the reader of books could not do: damaged text, and books that an older reader read."""

from collections.abc import Sequence

import streamlit as st

from engine import jobs as queue
from engine.documents import damage_of
from engine.installed import ocr_installed
from engine.schema import Document
from engine.steps import READ
from engine.steps.books import ReadPlan, outdated
from engine.workspace import Workspace
from pages.shared.i18n import _, _n


def notices(workspace: Workspace, documents: Sequence[Document], document: Document) -> None:
    """What is left out of the book that is shown, and what reading again would bring."""
    _damage(workspace, document)
    old = outdated(documents)
    if old:
        st.info(
            _n(
                "{n} book was read by an older version: exercises, captions and glossaries are not"
                " told apart in it.",
                "{n} books were read by an older version: exercises, captions and glossaries are"
                " not told apart in them.",
                len(old),
            ),
            icon=":material/update:",
        )
        if st.button(_("Read the books again"), icon=":material/refresh:", key="read-again"):
            _again(workspace, ocr=False)


def _damage(workspace: Workspace, document: Document) -> None:
    found = damage_of(document)
    if not found.share:
        return
    st.warning(
        _(
            "{share} of the text, on {pages} of {all} pages, is unreadable and left out of corpus,"
            " search and quotes.",
            share=f"{found.share:.1%}",
            pages=len(found.pages),
            all=document.pages,
        ),
        icon=":material/broken_image:",
    )
    read = any(warning.code == "pdf.ocr" for warning in document.warnings)
    if found.share <= 0.01 or read or not ocr_installed():
        return
    if st.button(
        _("Read these pages by text recognition (OCR)"),
        icon=":material/document_scanner:",
        key="read-damaged",
    ):
        _again(workspace, ocr=True)


def _again(workspace: Workspace, *, ocr: bool) -> None:
    queue.start(workspace, READ, ReadPlan(files=(), again=True, ocr=ocr))
    st.rerun()
