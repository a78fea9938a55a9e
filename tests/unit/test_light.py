"""Without the trainer's packages: teaching and learning work, training says what to install."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.installed import TRAINER, need_trainer
from tests.unit.test_packaging import TRAINER as DISTRIBUTIONS

ROOT = Path(__file__).parents[2]
BLOCKED = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {TRAINER!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from engine.cli import main
"""


def run(home, *arguments):
    """``coursewright`` in a process in which nothing of the trainer can be imported."""
    script = f"{BLOCKED}\nsys.exit(main({['--json', '--home', str(home), *map(str, arguments)]!r}))"
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert "Traceback" not in found.stderr, found.stderr
    return found.returncode, json.loads(found.stdout)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A home with the course ``c``, read and distilled without the trainer."""
    home = tmp_path_factory.mktemp("home")
    book = ROOT / "data/sample_course/textbook_en.md"
    assert run(home, "new", "c", "--language", "en")[0] == 0
    assert run(home, "add", "c", book)[0] == 0
    status, made = run(home, "distil", "c")
    assert status == 0 and made["pairs"] > 20
    return home


def test_a_learner_asks_and_gets_the_books_words(course):
    status, reply = run(course, "ask", "c", "What is a cell membrane?")
    assert status == 0
    assert "thin layer" in json.dumps(reply)


def test_answers_are_graded(course, tmp_path):
    sample = ROOT / "data/sample_course"
    assert run(course, "learners", "import", "c", sample / "roster.csv")[0] == 0
    files = [f"--{name}={sample / name}.jsonl" for name in ("items", "answers", "graded")]
    status, made = run(course, "grade", *files, "--out", tmp_path / "grades.jsonl")
    assert status == 0, made
    assert (tmp_path / "grades.jsonl").read_text(encoding="utf-8").count("\n") > 10


def test_a_report_is_written(course, tmp_path):
    assert run(course, "report", "c", "--out", tmp_path / "r.html")[0] == 0
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", ["train", "align", "build"])
def test_training_says_what_to_install(course, verb):
    status, answer = run(course, verb, "c")
    assert status == 1
    assert answer["error"]["code"] == "trainer.missing"
    assert answer["error"]["next"] == "Install it with: pip install coursewright"


def test_a_student_of_transformers_says_it_too(monkeypatch, tmp_path, settings):
    from engine.errors import Missing
    from engine.llm.local import Local

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Missing) as caught:
        Local(settings, tmp_path)
    assert (caught.value.code, caught.value.values) == ("trainer.missing", {"absent": "torch"})


def test_here_the_trainer_is_installed():
    need_trainer()
    assert set(TRAINER) == DISTRIBUTIONS
