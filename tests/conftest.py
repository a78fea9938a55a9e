"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.settings import Settings
from tests import postgres

os.environ.setdefault("HF_HUB_OFFLINE", "1")
"""Tests run as on a machine without a model hub; those of the hub bring one of their own."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; tests that need it skip where it is missing."""
    beside = Path(__file__).parents[1].parent / "shared" / "data"
    inside = Path(__file__).parents[1] / "shared" / "data"
    given = os.environ.get("COURSEWRIGHT_TEST_DATA")
    for folder in (Path(given) if given else beside, beside, inside):
        if folder.is_dir():
            return folder
    pytest.skip("no real data: set COURSEWRIGHT_TEST_DATA to the folder shared/data")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with an empty home folder."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of the tests' own; tests that need it skip where there is none."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'psycopg[binary]'")
    folder = postgres.binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server on this machine: install the package postgresql")
    with postgres.server(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'rows.db'}"
    else:
        with postgres.database(request.getfixturevalue("postgres_server")) as url:
            yield url
