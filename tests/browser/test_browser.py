"""One run in a real browser: upload, distil, fine-tune a few steps, examine, chat; with pictures.

Pictures go to ``tests/browser/out`` (not committed), or to ``COURSEWRIGHT_SHOTS``.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.tiny_student import models_folder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]
ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("COURSEWRIGHT_SHOTS", Path(__file__).parent / "out"))
SCREENS = ("", "course", "corpus", "prompts", "student", "exam", "publish")
SCREENS += ("assignments", "students", "tutor", "progress")
PATIENCE = 420_000  # ms: two busy cores may take minutes for a few training steps
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The application as a new user starts it; only the model folder is shared with other tests."""
    home = tmp_path_factory.mktemp("home")
    models = models_folder() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models)
    port = free_port()
    command = [sys.executable, "-m", "engine", "--home", str(home), "app", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        assert process.poll() is None, "the application ended"
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    raise AssertionError("the application did not come up")


@pytest.fixture(scope="module")
def page(address):
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = browser.new_page(viewport={"width": 1440, "height": 1000})
        found.set_default_timeout(PATIENCE)
        yield found
        browser.close()


def settle(page) -> None:
    """Until Streamlit has drawn: the title stands and nothing runs."""
    page.wait_for_selector("h1")
    page.wait_for_timeout(600)
    page.wait_for_selector('[data-testid="stStatusWidget"]', state="detached")
    page.wait_for_timeout(400)


def shoot(page, name: str) -> None:
    settle(page)
    page.screenshot(path=str(SHOTS / f"{name}.png"))


def click(page, label: str) -> None:
    page.get_by_role("button", name=label, exact=False).first.click()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_from_a_book_to_a_model_that_answers(page, address, tmp_path):
    book = tmp_path / "plants.md"
    book.write_text(
        (ROOT / "data/sample_course/textbook_en.md").read_text(encoding="utf-8"), encoding="utf-8"
    )
    page.goto(address)
    settle(page)
    page.get_by_label("Title").fill("Plants")
    page.get_by_label("Title").press("Enter")
    click(page, "Create the course")
    page.wait_for_selector("h1:has-text('Course')")
    page.set_input_files('input[type="file"]', str(book))
    click(page, "Read 1 file")
    page.wait_for_selector("text=Continue to the corpus")
    shoot(page, "course-en-1440")
    click(page, "Continue to the corpus")
    page.wait_for_selector("h1:has-text('Corpus')")
    click(page, "Make the corpus")
    page.wait_for_selector("text=Continue to the student model")
    shoot(page, "corpus-en-1440")
    click(page, "Continue to the student model")
    page.wait_for_selector("h1:has-text('Student model')")
    settle(page)
    page.get_by_text("quick", exact=True).first.click()
    settle(page)
    page.get_by_text("Advanced").first.click()
    page.get_by_label("Epochs (empty: as the effort says)").fill("0.2")
    page.get_by_label("Epochs (empty: as the effort says)").press("Enter")
    settle(page)
    page.get_by_role("button", name="Fine-tune", exact=False).first.click()
    page.wait_for_selector("text=The finished student")
    shoot(page, "student-en-1440")
    click(page, "Continue to the exam")
    page.wait_for_selector("h1:has-text('Exam')")
    click(page, "Examine")
    page.wait_for_selector("text=All figures, with 95 % intervals")
    shoot(page, "exam-en-1440")
    click(page, "Continue to publish")
    page.wait_for_selector("h1:has-text('Publish')")
    shoot(page, "publish-en-1440")
    click(page, "Try the tutor")
    page.wait_for_selector("h1:has-text('Tutor')")
    settle(page)
    page.get_by_placeholder("Ask about the course").fill("What is photosynthesis?")
    page.get_by_placeholder("Ask about the course").press("Enter")
    page.wait_for_selector('[data-testid="stChatMessage"] >> text=1 ·')
    shoot(page, "tutor-en-1440")
    answer = page.locator('[data-testid="stChatMessage"]').nth(1).inner_text()
    assert len(answer) > 20
    course = page.url.split("course=")[1].split("&")[0]
    look_at_all(page, address, course)


def look_at_all(page, address: str, course: str) -> None:
    """Every screen in both languages at two widths, and nothing that says error."""
    for language in ("en", "zh"):
        for width, height in ((1440, 1000), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            for name in SCREENS:
                page.goto(f"{address}/{name}?course={course}&lang={language}")
                shoot(page, f"{name or 'home'}-{language}-{width}")
                assert not page.query_selector('[data-testid="stException"]'), name
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} scrolls sideways at {width}: {wide}"


@pytest.mark.timeout(120)
def test_a_deep_link_on_a_cold_server_goes_through_the_frame(page, address):
    """Streamlit's own pages/ routing would show the screen without its frame."""
    page.goto(f"{address}/tutor?course=sample&lang=zh")
    page.wait_for_selector("h1:has-text('辅导员')")
    assert not page.query_selector('[data-testid="stException"]')
