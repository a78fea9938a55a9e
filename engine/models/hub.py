"""A model of the Hugging Face hub: fetched whole, safetensors only, into the hub's own cache."""

from __future__ import annotations

import functools
import queue
import threading
from pathlib import Path

from engine.errors import EngineError, Missing, WorkFailed
from engine.progress import Report
from engine.schema import Progress

PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "README.md"]


REACH_SECONDS = 3.0
"""How long the hub may take to say that it is there."""


def reachable() -> bool:
    """Whether the hub answers now; asked once a process, and never with ``HF_HUB_OFFLINE`` set."""
    from huggingface_hub import constants

    return not constants.HF_HUB_OFFLINE and _answers(constants.ENDPOINT)


@functools.cache
def _answers(endpoint: str) -> bool:
    """Whether anything answers there, in ``REACH_SECONDS`` at most (a name server may hang)."""
    from huggingface_hub import get_session

    news: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask() -> None:
        try:
            get_session().head(endpoint, timeout=REACH_SECONDS)
            news.put(True)
        except Exception:  # whatever it is: the hub is not there for us
            news.put(False)

    threading.Thread(target=ask, name="hub", daemon=True).start()
    try:
        return news.get(timeout=REACH_SECONDS)
    except queue.Empty:
        return False


def cached_folder(name: str, revision: str = "") -> Path | None:
    """The folder of a model that was fetched before, or None.

    Its name is the revision (a commit of the repository); without one the newest fetched.
    """
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(name, "config.json", revision=revision or None)
    except (ImportError, ValueError):
        return None
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder and any(folder.glob("*.safetensors")) else None


def fetch_repository(name: str, report: Report, revision: str = "") -> Path:
    """The folder of ``owner/model``, fetched; at ``revision``, or the newest.

    Raises:
        Missing: the hub has no such model.
        WorkFailed: it is locked behind terms, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    report(Progress(stage="model.fetch", message=f"Fetching {name} from the hub"))
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=PATTERNS))
    except Exception as error:
        raise _hub_error(name, error) from error


def _hub_error(name: str, error: Exception) -> EngineError:
    """What the hub's error means for the user."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return WorkFailed(
            f"The model {name} is locked until its terms are accepted on the hub.",
            code="hub.gated",
            next=f"Accept them at https://huggingface.co/{name}, run “hf auth login” here, and "
            "try again; or give a local folder.",
            base=name,
        )
    if isinstance(error, RepositoryNotFoundError):
        return Missing(
            f"The hub has no model {name}, or it is private.",
            code="hub.missing",
            next="Check the name; for a private model run “hf auth login” here first.",
            base=name,
        )
    reason = (
        str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    )
    return WorkFailed(
        f"The model hub cannot be reached, so {name} could not be fetched: {reason}",
        code="hub.unreachable",
        next="Check the connection (HF_ENDPOINT names a mirror); or download the model on another "
        "machine and give its folder.",
        base=name,
        reason=reason,
    )
