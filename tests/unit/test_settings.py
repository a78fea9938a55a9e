"""Settings: the environment over the file over the defaults; what is wrong is named."""

import time
from dataclasses import FrozenInstanceError

import pytest

from engine.cli import main
from engine.errors import BadInput
from engine.settings import Settings, load


def test_the_environment_goes_over_the_file_and_both_over_the_defaults(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text('threads = 3\nmax_pages = 10\ndesigners = "a@b.org"\n')
    monkeypatch.setenv("COURSEWRIGHT_THREADS", "2")
    monkeypatch.setenv("COURSEWRIGHT_DESIGNERS", "")  # empty is as if it were not set
    found = load(tmp_path)
    assert (found.threads, found.max_pages, found.designers) == (2, 10, "a@b.org")
    assert found.max_upload == 200 * 2**20
    assert found.home == tmp_path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("THREADS", "abc", "COURSEWRIGHT_THREADS is 'abc': Input should be a valid integer"),
        ("THREADS", "-1", "COURSEWRIGHT_THREADS is '-1'"),
        ("MAX_PAGES", "0", "COURSEWRIGHT_MAX_PAGES is '0'"),
    ],
)
def test_a_bad_value_of_the_environment_is_named(tmp_path, monkeypatch, name, value, said):
    monkeypatch.setenv(f"COURSEWRIGHT_{name}", value)
    with pytest.raises(BadInput) as caught:
        load(tmp_path)
    assert caught.value.code == "settings.value"
    assert said in caught.value.message
    assert f"Correct COURSEWRIGHT_{name}" in caught.value.next


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        ("threads = 'many'", "settings.value", "threads in "),
        ("thraeds = 2", "settings.unknown", "unknown setting: thraeds"),
        ("home = '/elsewhere'", "settings.unknown", "unknown setting: home"),
        ("threads = = 2", "settings.toml", "not valid TOML"),
    ],
)
def test_a_bad_file_is_named(tmp_path, written, code, said):
    (tmp_path / "config.toml").write_text(written)
    with pytest.raises(BadInput) as caught:
        load(tmp_path)
    assert caught.value.code == code
    assert said in caught.value.message and "config.toml" in caught.value.message
    assert caught.value.next


def test_the_command_line_says_it_with_status_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWRIGHT_THREADS", "abc")
    assert main(["--home", str(tmp_path), "jobs"]) == 1
    assert "COURSEWRIGHT_THREADS is 'abc'" in capsys.readouterr().err


def test_other_variables_with_our_prefix_are_not_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWRIGHT_SHOTS", "/tmp/pictures")
    assert load(tmp_path).threads == 0


def test_settings_made_by_hand_read_nothing_and_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWRIGHT_THREADS", "7")
    started = time.perf_counter()
    made = [Settings(home=tmp_path) for _ in range(1000)]
    assert time.perf_counter() - started < 0.1
    assert made[0].threads == 0
    with pytest.raises(FrozenInstanceError):
        made[0].threads = 1
