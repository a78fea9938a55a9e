"""Which model the student is made from: ours, a folder on this machine, or a hub's name."""

from typing import NamedTuple

import streamlit as st

from engine.errors import EngineError
from engine.models.bases import (
    Base,
    accept_terms,
    facts,
    family_of_base,
    known,
    pending_terms,
    recommended,
)
from engine.schema import Language
from pages.shared import session
from pages.shared.i18n import _, error_text, language_name
from pages.shared.literal import escaped

_FOLDER, _HUB = "folder", "hub"


class Picked(NamedTuple):
    """The base that the widgets name, if it can be used, and whether it may be fetched."""

    base: str | None = None
    allowed: bool = False


def pick(language: Language) -> Picked:
    """Draw the widgets; the base is None while they name none that can be used."""
    best = recommended(language)
    labels = {base.id: base.title for base in known()}
    labels[best] = _("{name} (recommended)", name=labels[best])
    labels[_FOLDER] = _("A model folder on this machine …")
    labels[_HUB] = _("A model of the Hugging Face hub …")
    chosen = st.selectbox(
        _("Base model"),
        list(labels),
        index=list(labels).index(best),
        format_func=labels.__getitem__,
        key="base",
        help=_("The small model that is taught this course."),
    )
    named = _named(chosen)
    return _card(named, language) if named else Picked()


def _named(chosen: str) -> str:
    """The base's id: the choice itself, or what is typed for a folder or a hub."""
    if chosen == _FOLDER:
        return st.text_input(
            _("Folder with config.json, tokenizer and .safetensors weights"),
            placeholder="/models/Qwen3-0.6B",
            key="base-folder",
        ).strip()
    if chosen == _HUB:
        return st.text_input(
            _("Name on the hub"), placeholder="Qwen/Qwen3-0.6B", key="base-hub"
        ).strip()
    return chosen


def _card(base: str, language: Language) -> Picked:
    """What is known of the base, and its terms where somebody has to accept them."""
    try:
        found = facts(base, session.settings())
    except EngineError as error:
        st.error(escaped(error_text(error)), icon=":material/error:")
        return Picked()
    st.caption(escaped(" · ".join(_described(found))))
    if found.languages and language not in found.languages:
        st.warning(
            _(
                "This base does not speak the course's language. Without a fitting student the "
                "tutor answers with the book's own sentences."
            ),
            icon=":material/translate:",
        )
    family = family_of_base(base)
    if family is None:
        st.caption(
            _(
                "From this base no GGUF file can be written (Ollama, LM Studio). The student "
                "answers through transformers, which is slower."
            )
        )
    elif family.runtime == "transformers":
        st.caption(
            _(
                "A GGUF file can be written from this base (Ollama, LM Studio), but here the "
                "student answers through transformers, which is slower."
            )
        )
    return Picked(base, _accepted(found))


def _described(base: Base) -> list[str]:
    size = f"{base.parameters / 1e6:,.0f}"
    return [
        _("{n} million parameters", n=size)
        if base.measured
        else _("about {n} million parameters", n=size),
        _(" and ").join(language_name(one) for one in base.languages) or _("languages unknown"),
        _("licence: {name}", name=base.licence or _("unknown, look at its model card")),
        _("to be fetched: {n} MB", n=f"{base.download / 1e6:,.0f}")
        if base.download
        else _("is on this machine")
        if base.measured
        else _("to be fetched"),
    ]


def _accepted(base: Base) -> bool:
    """Whether its terms are accepted; else they are shown, and asked for."""
    terms = pending_terms(base.id, session.settings())
    if not terms:
        return True
    st.info(
        _(
            "This model comes under terms of its own. They allow commercial use, forbid some uses, "
            "and have to be passed on with every model made from it. Read them first: {terms}",
            terms=terms,
        ),
        icon=":material/gavel:",
    )
    if st.checkbox(_("I have read these terms and accept them"), key=f"terms-{base.id}"):
        accept_terms(base.id, session.settings())
        st.rerun()
    return False
