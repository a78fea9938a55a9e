"""What went wrong, said in the person's language with what to do next, and never as a traceback.

A callback of a widget runs before the script, so what it raises would replace the whole
application by the framework's own page. ``safely`` keeps it for the frame, which shows it under
the rail; ``shown`` does the same for what is drawn. What nobody foresaw is logged under a short
number, and the person gets that number instead of the machine's words.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from engine.errors import EngineError
from pages.shared.i18n import _, error_text
from pages.shared.literal import escaped

_log = logging.getLogger(__name__)
_KEPT, _NOW = "failure", "failed-now"


def safely(callback: Callable[..., None]) -> Callable[..., None]:
    """The callback; what it raises is shown by the frame when the page is drawn after it."""

    def run(*args: Any) -> None:
        try:
            callback(*args)
        except Exception as error:
            st.session_state[_KEPT] = _described(error)

    return run


@contextmanager
def shown() -> Iterator[None]:
    """Show what the block raises, in the place where it was drawing, and go on after the block."""
    try:
        yield
    except Exception as error:
        _show(_described(error))
        again = f"again-{secrets.token_hex(4)}"  # two fragments may fail on one page
        st.button(_("Try again"), key=again, icon=":material/refresh:")  # any click draws anew


def show_kept() -> None:
    """Show what a callback raised before this drawing, if one did."""
    failure = st.session_state.pop(_KEPT, None)
    st.session_state[_NOW] = failure is not None
    if failure:
        _show(failure)


def just_now() -> bool:
    """Whether the callback before this drawing failed: then a button does not lead on."""
    return bool(st.session_state.get(_NOW))


def polled(seconds: float | None, draw: Callable[[], None]) -> None:
    """Draw now and again every so many seconds, apart from the rest of the page."""

    @st.fragment(run_every=seconds)
    def run() -> None:
        with shown():
            draw()

    run()


def _described(error: Exception) -> dict[str, Any]:
    """An error as ``error_text`` reads it; one that nobody foresaw is logged under a number."""
    if isinstance(error, EngineError):
        return error.as_dict() | {"values": error.values}
    number = secrets.token_hex(3)
    _log.error("Unforeseen error %s", number, exc_info=error)
    return {"unforeseen": number}


def _show(failure: dict[str, Any]) -> None:
    """The error, and what to do where it does not say that itself."""
    if number := failure.get("unforeseen"):
        said = _(
            "Something went wrong that we did not foresee. What was saved is kept. Try again; if "
            "it happens once more, give the number {number} to whoever runs this installation: "
            "the log says there what happened.",
            number=number,
        )
    else:
        said = error_text(failure)
        if not failure["next"]:
            said = f"{said} {_('Change what you gave, or try again; what was saved is kept.')}"
    st.error(escaped(said), icon=":material/error:")
