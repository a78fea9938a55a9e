"""The exam shows the student with and without the chosen prompt, and beside an earlier run."""

import json

import pytest

from engine.cli import main
from engine.distil import DistilPlan
from engine.errors import Missing
from engine.exam import EARLIER, EXAM, START, Contrast, EarlierRun
from engine.llm.scripted import Scripted
from engine.prompts import AnswerPrompt, choose_prompt, start_prompt
from engine.schema import Course, Figure
from engine.settings import Settings
from engine.steps import DISTIL, READ, TAKE_EXAM, TRAIN, Workspace, beside
from engine.steps import exam as step
from engine.steps.beside import comparable_runs, contrast_words, earlier_run
from engine.steps.books import ReadPlan
from engine.steps.exam import ExamPlan, exam_costs
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.train import Recipe
from engine.workspace import RUNS, TRAINED
from tests.app.conftest import BOOK, make_student

CHOSEN = AnswerPrompt(
    system="You are the chosen voice.", layout="Book: {passages}\nAsked: {question}"
)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A course with a corpus, a current run ``now`` and an earlier one ``before``."""
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    (tmp_path / "garden.md").write_text(BOOK, encoding="utf-8")
    own = Workspace(settings, store, course)
    READ(own, ReadPlan(files=(str(tmp_path / "garden.md"),)))
    DISTIL(own, DistilPlan(pairs=60))
    _trained(own, "before")
    _trained(own, "now", lessons=12)
    store.save("c", TRAINED, make_student(run="now", lessons=12), inputs=_version(store))
    answers = {pair.question: pair.answer for pair in store.pairs("c")}
    asked = []

    def student(workspace, folder):
        """Right where it is asked by the chosen prompt, or is the run of today."""

        def answer(request):
            text = request.messages[-1].content
            asked.append((folder.name, request.messages))
            question = next(q for q in sorted(answers, key=len, reverse=True) if q in text)
            book = "Asked:" in text or "passages" in text
            knows = "Asked:" in text if book else folder.name == "now"
            return answers[question] if knows else "No idea at all."

        return Scripted(answer, folder.name)

    monkeypatch.setattr(step, "student_chat", student)
    monkeypatch.setattr(beside, "student_chat", student)
    monkeypatch.setattr(step, "base_chat", lambda workspace: Scripted(lambda r: "Hm.", "base"))
    yield own, asked
    store.close()


def _version(store):
    return TRAIN.inputs(store, "c", TrainPlan())


def _trained(workspace, run, inputs=None, **changes):
    store = workspace.store
    (workspace.folder / "runs" / run / "student").mkdir(parents=True, exist_ok=True)
    found = make_student(run=run, **changes)
    store.save("c", RUNS, found, inputs=inputs or _version(store), name=run)


def contrasts(store):
    found = store.saved("c", EXAM).value
    return {(c.what, c.part, c.book): c.difference for c in found.contrasts}


def test_without_a_chosen_prompt_nobody_sits_beside_the_student(workspace):
    own, _ = workspace
    choose_prompt(own.store, "c", start_prompt("en"))  # the start, chosen, is the start
    found = TAKE_EXAM(own)
    assert {row.model for row in found.rows} == {"base", "student", "lookup", "book"}
    assert not found.contrasts and found.earlier is None


def test_the_chosen_prompt_stands_in_the_rows_with_the_book_and_beside_the_start(workspace):
    own, asked = workspace
    choose_prompt(own.store, "c", CHOSEN)
    found = TAKE_EXAM(own)
    by_book = [
        talk for _, talk in asked if "\n\n" in talk[-1].content or "Book:" in talk[-1].content
    ]
    chosen = [talk for talk in by_book if talk[0].content == CHOSEN.system]
    assert len(chosen) * 2 == len(by_book) > 0  # the others: the same questions by the start
    assert all(talk[1].content.startswith("Book: ") for talk in chosen)
    assert START in {row.model for row in found.rows}
    gains = contrasts(own.store)
    assert gains and all(what == "prompt" and book for what, _, book in gains)
    assert all(gain.value > 0.5 for gain in gains.values())
    assert all(gain.low > 0 for gain in gains.values() if gain.n >= 5)


def test_an_earlier_run_sits_beside_the_student_where_it_is_asked_for(workspace):
    own, _ = workspace
    found = TAKE_EXAM(own, ExamPlan(beside="newest", book=False))
    assert found.earlier == EarlierRun(run="before", lessons=12, lessons_before=0)
    assert found.earlier.shows_lessons
    gains = contrasts(own.store)
    assert {(what, book) for what, _, book in gains} == {("run", False)}
    assert all(gain.value > 0.5 for gain in gains.values())
    assert EARLIER in {row.model for row in found.rows}
    assert found.baselines  # the baselines are still those without a trained model


def test_only_runs_on_the_same_pairs_and_base_are_comparable(workspace):
    own, _ = workspace
    _trained(own, "stale", inputs="another corpus")
    _trained(own, "other-base", recipe=Recipe(base="gemma3-270m"))
    _trained(own, "longer", recipe=Recipe(epochs=9))
    _trained(own, "gone")
    (own.folder / "runs" / "gone" / "student").rmdir()
    runs = {run.run: run for run in comparable_runs(own)}
    assert set(runs) == {"longer", "before"} and not runs["longer"].shows_lessons
    assert earlier_run(own, "newest").run == "longer"
    for name in ("stale", "other-base", "gone", "now"):
        with pytest.raises(Missing) as caught:
            earlier_run(own, name)
        assert caught.value.code == "exam.no_run"


def test_a_run_is_comparable_by_its_pairs_whatever_else_it_was_made_from(workspace):
    own, _ = workspace
    now = make_student(run="now", lessons=12, pairs="P")
    own.store.save("c", TRAINED, now, inputs="pairs and lessons")
    _trained(own, "bare", inputs="pairs alone", pairs="P")
    _trained(own, "others", inputs="pairs and lessons", pairs="Q")
    assert [run.run for run in comparable_runs(own)] == ["bare"]


def test_who_sits_beside_is_part_of_the_estimate(workspace):
    own, _ = workspace
    alone = exam_costs(own, ExamPlan()).calls
    assert exam_costs(own, ExamPlan(beside="before")).calls == alone * 3 / 2
    choose_prompt(own.store, "c", CHOSEN)
    assert exam_costs(own, ExamPlan()).calls == alone * 5 / 4


def test_the_command_line_says_the_difference_in_words(workspace, capsys):
    own, _ = workspace
    home = str(own.settings.home)
    assert main(["--home", home, "--quiet", "exam", "c", "--beside", "before"]) == 0
    said = capsys.readouterr().out
    assert "the earlier run before, which had 0 lessons against 12: token F1 +" in said
    assert main(["--home", home, "--json", "exam", "c", "--beside", "nowhere"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "exam.no_run"


@pytest.mark.parametrize(
    ("low", "n", "words"),
    [
        (0.1, 40, "better than by the start prompt"),
        (-0.5, 40, "worse than by the start prompt"),
        (-0.1, 40, "no different beyond chance from the start prompt"),
        (0.1, 3, "too few questions"),
    ],
)
def test_a_contrast_in_words(low, n, words):
    figure = Figure(value=low + 0.1, low=low, high=low + 0.2, n=n)
    contrast = Contrast(what="prompt", part="natural", book=True, difference=figure)
    assert words in contrast_words(contrast, None)
