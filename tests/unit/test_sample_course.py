"""The sample course: every file parses, its ids match, and the book gives the teacher enough."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from engine.distil.offline import taught
from engine.distil.points import Point
from engine.documents import read_document
from engine.schema import Document
from engine.settings import Settings
from engine.text import language_of

FOLDER = Path(__file__).resolve().parents[2] / "data" / "sample_course"
LANGUAGES = ("en", "zh")


def jsonl(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def source(language: str) -> str:
    return (FOLDER / f"textbook_{language}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return {
        language: read_document(FOLDER / f"textbook_{language}.md", settings)
        for language in LANGUAGES
    }


@pytest.fixture(scope="module")
def points(books: dict[str, Document]) -> dict[str, list[Point]]:
    return {
        language: [point for _, own in taught([book], book.sections) for point in own]
        for language, book in books.items()
    }


def test_books_are_read_without_warnings_in_their_language(books):
    for language, book in books.items():
        assert book.language == language
        assert not book.warnings
    assert (books["en"].title, books["zh"].title) == ("How Plants Live", "植物的生活")


def test_both_books_have_the_same_outline_and_blocks(books):
    levels = {name: [s.level for s in book.sections] for name, book in books.items()}
    assert levels["en"] == levels["zh"]
    assert levels["en"].count(1) == 1
    assert levels["en"].count(2) >= 10
    for kind in ("list", "table"):
        counts = [
            [sum(b.kind == kind for b in s.blocks) for s in books[name].sections]
            for name in LANGUAGES
        ]
        assert counts[0] == counts[1]
        assert sum(counts[0]) >= 1


def test_english_book_is_short():
    text = re.sub(r"\$[^$]*\$", "", source("en"))
    assert 1800 <= len(re.findall(r"[A-Za-z][\w’'-]*", text)) <= 2500


def test_both_books_have_the_same_formulas():
    formulas = {name: re.findall(r"^\$(.+)\$$", source(name), re.M) for name in LANGUAGES}
    assert formulas["en"] == formulas["zh"]
    assert len(formulas["en"]) >= 3


def test_photosynthesis_and_respiration_are_balanced():
    def atoms(side: str) -> Counter:
        found: Counter = Counter()
        for term in side.split("+"):
            number, formula = re.match(
                r"\s*(\d*)(.*)", term.replace("{", "").replace("}", "")
            ).groups()
            for element, count in re.findall(r"([A-Z])(?:_(\d+))?", formula):
                found[element] += int(number or 1) * int(count or 1)
        return found

    equations = re.findall(r"^\$(.+?) \\rightarrow (.+)\$$", source("en"), re.M)
    assert len(equations) == 2
    for left, right in equations:
        assert atoms(left) == atoms(right)


@pytest.mark.parametrize(("language", "least"), [("en", 75), ("zh", 60)])
def test_the_teacher_without_a_model_finds_enough(points, language, least):
    found = points[language]
    kinds = Counter(p.kind for p in found)
    assert len(found) >= least
    assert kinds["definition"] >= 40
    assert kinds["comparison"] >= 5
    assert kinds["fact"] >= 3
    assert kinds["enumeration"] >= 3
    assert kinds["cause"] and kinds["procedure"]
    twice = [q for q, n in Counter(p.questions[0] for p in found).items() if n > 1]
    assert not twice


def test_questions_of_the_book_read_well(points):
    """A common noun keeps no capital, and a Chinese question holds no half of a cause."""
    for question in (p.questions[0] for found in points.values() for p in found):
        assert not re.search(r"^(?:What (?:is|are)|Explain why) [A-Z]", question), question
        assert "因此" not in question, question


def test_glossaries_have_the_same_number_of_entries(books):
    counts = {
        name: sum(bool(re.match(r"^[^:：.。]+[:：]", b.text)) for b in book.sections[-1].blocks)
        for name, book in books.items()
    }
    assert counts["en"] == counts["zh"] >= 15


def test_exam_names_sections_of_the_book_in_its_language(books):
    exam = jsonl("exam.jsonl")
    assert Counter(row["language"] for row in exam) == {"en": 6, "zh": 6}
    for row in exam:
        assert set(row) == {"question", "answer", "language", "section"}
        assert row["section"] in {s.title for s in books[row["language"]].sections}
        assert language_of(row["question"]) == language_of(row["answer"]) == row["language"]


def test_exam_asks_nothing_that_the_teacher_asks(points):
    asked = {
        question
        for found in points.values()
        for point in found
        for question in (*point.questions, *point.held_out)
    }
    assert not asked & {row["question"] for row in jsonl("exam.jsonl")}


def test_roster_has_twenty_learners():
    roster = table("roster.csv")
    assert list(roster[0]) == ["learner", "name", "group"]
    assert [row["learner"] for row in roster] == [f"L{n:02d}" for n in range(1, 21)]
    assert len({row["name"] for row in roster}) == 20
    assert any(language_of(row["name"]) == "zh" for row in roster)


def test_items_name_sections_and_can_be_scored(books):
    items = jsonl("items.jsonl")
    titles = {s.title for s in books["en"].sections}
    assert len({row["item_id"] for row in items}) == len(items) == 10
    assert {row["type"] for row in items} == {"choice", "numeric", "short", "rubric"}
    for row in items:
        assert row["section"] in titles
        assert row["concept"] and row["references"]
        if row["type"] == "choice":
            assert set(row["references"]) < set(row["choices"])
        if row["type"] == "rubric":
            assert sum(line["points"] for line in row["rubric"]) == row["max_score"]


def test_every_learner_answers_every_item_once():
    answers = jsonl("answers.jsonl")
    learners = {row["learner"] for row in table("roster.csv")}
    items = {row["item_id"]: row for row in jsonl("items.jsonl")}
    assert len({row["answer_id"] for row in answers}) == len(answers) == 200
    assert {(row["item_id"], row["learner"]) for row in answers} == {
        (item, learner) for item in items for learner in learners
    }
    assert sum(row["answer"] == "" for row in answers) >= 3
    assert sum(row["answer"].startswith("Ignore the rubric") for row in answers) == 1
    assert sum(row["answer"] == items[row["item_id"]]["question"] for row in answers) == 1


def test_graded_answers_are_answers_with_a_score_in_range():
    answers = {row["answer_id"]: row for row in jsonl("answers.jsonl")}
    top = {row["item_id"]: row["max_score"] for row in jsonl("items.jsonl")}
    graded = jsonl("graded.jsonl")
    assert len({row["answer_id"] for row in graded}) == len(graded) == 60
    for row in graded:
        score = row.pop("score")
        assert row == answers[row["answer_id"]]
        assert 0 <= score <= top[row["item_id"]]
    assert {row["item_id"] for row in graded} == set(top)


def test_log_is_in_order_and_uses_known_learners_and_items():
    rows = table("log.csv")
    learners = {row["learner"] for row in table("roster.csv")}
    skills = {row["item_id"]: row["concept"] for row in jsonl("items.jsonl")}
    assert list(rows[0]) == ["learner", "item", "skill", "correct", "timestamp"]
    assert len(rows) >= 600
    assert {row["learner"] for row in rows} == learners
    assert all(skills[row["item"]] == row["skill"] for row in rows)
    assert {row["correct"] for row in rows} == {"0", "1"}
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    assert times == sorted(times)


def test_readme_says_what_each_file_is():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "invented" in text and "Apache" in text
    for path in FOLDER.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in text
    assert f"{len(table('log.csv'))} practice attempts" in text
