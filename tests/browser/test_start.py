"""``coursewright app`` as a person starts it, in a folder full of files with our names.

Without more it runs this very tree; ``.ci/run`` runs it again on the wheel, installed into a fresh
environment: ``COURSEWRIGHT_COMMAND`` names the command.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest

from pages.shared import launch
from tests.browser.test_browser import CHROMIUM, FLAGS, ROOT, free_port, wait_for_port

COMMAND = shlex.split(os.environ.get("COURSEWRIGHT_COMMAND", ""))
OWN = [sys.executable, "-P", "-m", "engine"]


@pytest.fixture
def hostile(tmp_path):
    """A working folder in which every name of ours means something else."""
    folder = tmp_path / "hostile"
    for name in ("app.py", "engine.py", "engine/__init__.py", "pages/__init__.py", "pages/home.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"raise SystemExit({name!r} + ' was picked up')\n")
    (folder / "pages/shared").mkdir()
    (folder / "pages/shared/launch.py").write_text("raise SystemExit('picked up')\n")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit/config.toml").write_text('[server]\naddress = "0.0.0.0"\n')
    return folder


def start(folder, home, port):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COURSEWRIGHT_")}
    if COMMAND:
        environment.pop("PYTHONPATH", None)
    else:
        environment["PYTHONPATH"] = str(ROOT)
    environment["COURSEWRIGHT_HOME"] = str(home)
    command = [*(COMMAND or OWN), "app", "--port", str(port)]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)


def listeners(port):
    """Addresses on which anybody listens at this port."""
    found = psutil.net_connections("tcp")
    return {c.laddr.ip for c in found if c.status == "LISTEN" and c.laddr.port == port}


def text_of(address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("text=How plants live", timeout=60_000)
        page.wait_for_timeout(500)
        words = page.inner_text("body")
        styled = page.evaluate(
            "() => [getComputedStyle(document.querySelector('.stApp')).backgroundColor,"
            " getComputedStyle(document.querySelector('.stApp')).fontFamily]"
        )
        browser.close()
    return words, styled


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_it_opens_from_a_hostile_folder_on_this_machine_only_and_ends_cleanly(hostile, tmp_path):
    port = free_port()
    process = start(hostile, tmp_path / "home", port)
    try:
        wait_for_port(port, process)
        words, (background, font) = text_of(f"http://127.0.0.1:{port}")
        assert "picked up" not in words
        assert background == "rgb(253, 253, 251)" and font.startswith("Inter")
        assert listeners(port) == {"127.0.0.1"}
        family = [p.pid for p in psutil.Process(process.pid).children(recursive=True)]
        assert len(family) >= 2
    finally:
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, errors
    assert not listeners(port)
    assert not any(psutil.pid_exists(pid) for pid in family), errors


def test_a_port_in_use_is_said_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, tmp_path / "home", port)
        errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert errors.strip() == (
        f"Port {port} is in use or not allowed. "
        "Stop what runs there, or try another: coursewright app --port 8502"
    )


def flattened(table, prefix=""):
    """``{"server.address": ...}`` of nested tables."""
    found = {}
    for name, value in table.items():
        inner = isinstance(value, dict)
        found |= flattened(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return found


def test_the_launcher_and_the_checkouts_configuration_say_the_same():
    written = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert flattened(written) == launch.OPTIONS


def test_streamlit_knows_every_option_and_takes_its_value():
    from streamlit import config
    from streamlit.web.cli import main

    context = main.commands["run"].make_context("streamlit", launch.arguments(8599)[1:])
    for name, value in launch.OPTIONS.items():
        assert name in config.get_config_options()
        assert context.params[name.replace(".", "_")] == value, name
    assert Path(context.params["target"]) == ROOT / "app.py"
    assert len(context.params["secrets_files"]) == 3
