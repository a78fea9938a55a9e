"""Who is here. Without sign-in configured (local mode) one person does everything."""

import streamlit as st

from engine.classroom import Role, role_of
from engine.settings import Settings
from engine.store import Store
from pages.shared.i18n import _
from pages.shared.literal import escaped


def configured() -> bool:
    """Whether ``.streamlit/secrets.toml`` has an ``[auth]`` section (OpenID Connect)."""
    return bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)


def email() -> str | None:
    """The address of the signed-in person; None in local mode."""
    return str(st.user.email) if configured() and st.user.is_logged_in else None


def gate() -> None:
    """Nobody gets past here without signing in, where signing in is configured."""
    if not configured() or st.user.is_logged_in:
        return
    st.title("Coursewright")
    st.info(_("Please sign in to go on."), icon=":material/login:")
    if st.button(_("Sign in"), type="primary", icon=":material/login:"):
        st.login()
    st.stop()


def role(settings: Settings, store: Store, course: str) -> Role | None:
    """The role in a course; in local mode everybody is its designer."""
    who = email()
    return "designer" if who is None else role_of(settings, store, course, who)


def sign_out() -> None:
    """A button in the rail, where somebody is signed in."""
    if who := email():
        st.sidebar.caption(escaped(who))
        if st.sidebar.button(_("Sign out"), icon=":material/logout:"):
            st.logout()
