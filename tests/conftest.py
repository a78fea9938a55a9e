"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.settings import Settings

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
