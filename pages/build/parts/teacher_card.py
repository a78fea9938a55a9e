"""The teacher card: which model writes the pairs, and *Connect a teacher* with a probe in words."""

import streamlit as st

from engine.llm.ledger import Price
from engine.llm.probe import ProbeReport, probe
from engine.llm.teacher import (
    PRESETS,
    TeacherChoice,
    forget_kept_key,
    key_of,
    load_choice,
    save_choice,
)
from pages.shared import session
from pages.shared.failures import safely, shown
from pages.shared.i18n import _, code_text
from pages.shared.literal import escaped


def teacher_card() -> None:
    """Show the chosen teacher and the dialog that changes it."""
    choice = load_choice(session.store())
    with st.container(border=True):
        st.markdown(f"**{_('Teacher model')}**")
        if choice.kind == "extractive":
            st.caption(
                _(
                    "Offline: pairs are made from the book's own sentences. A connected teacher "
                    "adds reasoning, comparison across sections and better wording."
                )
            )
        else:
            st.caption(escaped(f"{choice.model or _('embedded model')} · {choice.base_url}"))
        with st.container(horizontal=True):
            if st.button(_("Connect a teacher"), icon=":material/link:"):
                _connect()
            if choice.kind != "extractive" and st.button(_("Work offline")):
                offline = choice.model_copy(
                    update={"kind": "extractive"}
                )  # the key can be forgotten
                save_choice(session.store(), session.settings(), offline)
                st.rerun()
            if choice.key_kept is not None:
                st.button(
                    _("Forget the API key"),
                    key="forget-key",
                    icon=":material/key_off:",
                    help=_("It is kept on this machine; the teacher needs it again later."),
                    on_click=safely(_forget_key),
                )


def _forget_key() -> None:
    forget_kept_key(session.store(), session.settings())
    session.flash(_("The API key is forgotten."))


@st.dialog("Teacher · 教师模型", width="large")
def _connect() -> None:
    with shown():
        _connection()


def _connection() -> None:
    """Address, model and key of an endpoint; try it, and use it."""
    preset = st.selectbox(
        _("Service"), list(PRESETS), format_func=lambda name: PRESETS[name].title, key="service"
    )
    own = PRESETS[preset]
    saved = load_choice(session.store())
    url = st.text_input(_("Address"), own.base_url or saved.base_url, key=f"url-{preset}")
    model = st.text_input(_("Model"), saved.model, key="model-name")
    key = st.text_input(
        _("Key (kept on this machine only; leave empty if none is needed)"),
        type="password",
        key="api-key",
        placeholder=own.api_key_env,
    )
    left, right = st.columns(2)
    price_in = left.number_input(_("Price per million question tokens"), 0.0, key="price-in")
    price_out = right.number_input(_("Price per million answer tokens"), 0.0, key="price-out")
    choice = TeacherChoice(
        kind="endpoint",
        base_url=url.strip(),
        model=model.strip(),
        key_kept=saved.key_kept if saved.base_url == url.strip() else None,
        price=Price(prompt=price_in, completion=price_out),
    )
    with st.container(horizontal=True):
        try_it = st.button(_("Try it"), icon=":material/network_check:")
        save = st.button(_("Use this teacher"), type="primary", disabled=not (url and model))
    if try_it:
        with st.spinner(_("Asking the service …")):
            given = key or key_of(choice, session.settings())
            _show(probe(choice.base_url, choice.model, given))
    if save:
        save_choice(session.store(), session.settings(), choice, api_key=key)
        st.rerun()


def _show(report: ProbeReport) -> None:
    icons = {"ok": ":material/check_circle:", "failed": ":material/cancel:"}
    names = {
        "models": _("List of models"),
        "model": _("This model"),
        "chat": _("Answers"),
        "json": _("Answers as JSON"),
        "context": _("Context size"),
        "limits": _("Rate limits"),
        "streaming": _("Streaming"),
    }
    for check in report.checks:
        mark = icons.get(check.status, ":material/help:")
        words = code_text("errors", check.code, check.message) if check.code else check.message
        st.markdown(f"{mark} **{names[check.name]}**: {escaped(f'{words} {check.next}')}")
    if report.models:
        st.caption(_("Models: {names}", names=escaped(", ".join(report.models[:12]))))
    if report.usable:
        st.success(_("This service can be the teacher."))
    else:
        st.error(_("This service cannot be the teacher yet; see what failed above."))
