"""The durable queue, seen from outside: its clients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.settings import Settings
from engine.steps import step_named

WORKFLOW = "run_job"
VERSION = "1"


def workflow_id(job: str, attempt: int) -> str:
    """The queue's name of an attempt at a job."""
    return f"{job}.{attempt}"


_clients: dict[str, Any] = {}


@contextlib.contextmanager
def client_of(settings: Settings) -> Iterator[Any]:
    """One client per database and process; a client opens connections, so it is kept."""
    url = settings.jobs_database
    if url not in _clients:
        from dbos import DBOSClient, run_dbos_database_migrations

        run_dbos_database_migrations(system_database_url=url)
        _clients[url] = DBOSClient(system_database_url=url)
    yield _clients[url]


def enqueue(settings: Settings, kind: str, job: str, attempt: int) -> None:
    """Put an attempt at a job into its queue."""
    with client_of(settings) as client:
        options: Any = {
            "workflow_name": WORKFLOW,
            "queue_name": step_named(kind).queue,
            "workflow_id": workflow_id(job, attempt),
            "app_version": VERSION,
        }
        client.enqueue(options, str(settings.home), job, attempt)
