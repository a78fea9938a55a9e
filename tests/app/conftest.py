"""A home with one small course, at each degree of readiness, for tests of the screens."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.distil import DistilPlan
from engine.exam import Baseline, ExamReport, ExamRow, Gain, Graded
from engine.judge import Scores
from engine.learner import Event, pseudonym, record
from engine.optimise import Optimised, OptimisePlan
from engine.optimise.recombine import combine
from engine.optimise.run import FOUND
from engine.optimise.values import Candidate, Examined, Round, Sample, Standing, Trial, standing
from engine.prompts import start_prompt
from engine.publish import ParityReport, Published
from engine.schema import Course, Figure
from engine.settings import Settings
from engine.steps import DISTIL, GRADE, READ, TAKE_EXAM, TRAIN, Workspace
from engine.steps.books import ReadPlan
from engine.steps.exam import EXAM, ExamPlan
from engine.steps.gradebook import add_items, add_submissions
from engine.steps.grading import GradePlan
from engine.steps.publish import EXPORTS, Exported
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.train import Recipe, TrainingResult
from engine.workspace import RUNS, TRAINED, TrainedStudent
from tests.unit.grading_data import ITEMS, answers

ROOT = Path(__file__).parents[2]
BOOK = """# Garden book

## Soil

Soil is a mixture of minerals, water and remains of plants. Good soil is dark because it holds many
remains of plants. To improve poor soil, you can add compost in spring. If you water a plant too
much, its roots lack air and rot slowly.

## Seeds

A seed is a small body from which a new plant can grow. Seeds are dry because water would wake them
too early. When the seed takes up water, the young root breaks through its coat first.

## Light

Light is the energy that a leaf turns into sugar. Unlike shade plants, sun plants need six hours of
direct light a day. To compare two places, you can count the hours of direct light.
"""


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory):
    """A course ``c`` with book, corpus, a finished (made-up) student, exam and export."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    store = Store(settings.database)
    course = Course(id="c", title="Garden", language="en")
    store.add_course(course)
    store.add_course(Course(id="empty", title="Empty", language="zh"))
    book = home / "garden.md"
    book.write_text(BOOK, encoding="utf-8")
    workspace = Workspace(settings, store, course)
    READ(workspace, ReadPlan(files=(str(book),)))
    DISTIL(workspace, DistilPlan(pairs=60))
    _pretend_results(store, home)
    _pretend_search(store)
    _class_of_four(settings, store)
    _assignment(workspace)
    store.close()
    return home


def _assignment(workspace: Workspace) -> None:
    """Thirty answers that a person graded, and four that the grader did."""
    add_items(workspace, ITEMS)
    add_submissions(workspace, answers(30))
    plain = [s.model_copy(update={"label": None}) for s in answers(4, seed=9)]
    add_submissions(workspace, [*plain[:3], plain[3].model_copy(update={"answer": ""})])
    GRADE(workspace, GradePlan())


def _pretend_search(store: Store) -> None:
    """A finished prompt search of two prompts, with figures made up."""
    start = Candidate(prompt=start_prompt("en"), origin="start")
    other = combine(
        {"place": "after", "role": "none", "ground": "only", "length": "one", "form": "none"}, "en"
    )

    def row(name: str, quality: float, length: float) -> Standing:
        trials = [
            Trial(pair=str(i), answer="a", quality=quality + i % 3, length=length, score=quality)
            for i in range(9)
        ]
        return standing(name, trials)

    rows = (row(other.id, 6.0, 1.2), row(start.id, 4.0, 6.0))
    gains = dict.fromkeys(("score", "quality", "length", "penalty"), rows[0].score)
    sample = Sample(question="What is soil?", reference="A mixture.", answer="Earth.", score=5.0)
    found = Optimised(
        plan=OptimisePlan(),
        model="m",
        judge="reference",
        candidates=(start, other),
        rounds=(
            Round(number=1, pool="search", questions=9, standings=rows),
            Round(number=2, pool="validation", questions=9, standings=rows),
        ),
        start=start.id,
        best=other.id,
        frontier=(other.id,),
        samples={start.id: (sample,), other.id: (sample,)},
        exam=(Examined(part="reworded", before=rows[1], after=rows[0], gains=gains),),
        done=True,
    )
    version = store.corpus_version("c", "train", "validation")
    store.save("c", FOUND, found, inputs=version, name="s1")


def _class_of_four(settings: Settings, store: Store) -> None:
    """Four learners with a few answers each."""
    rows = [
        Event(
            learner=pseudonym(settings, "c", f"L{i}"),
            item=f"item {j}",
            concept=("Soil", "Seeds")[j % 2],
            correct=(i + j) % 3 > 0,
            at=1.79e9 + 1000 * j + i,
        )
        for i in range(4)
        for j in range(6)
    ]
    record(store, "c", rows)


def make_student(**changes) -> TrainedStudent:
    """A student as training writes it, with figures made up."""
    training = TrainingResult(
        folder=Path("runs/r1"),
        best="best",
        steps=10,
        epochs=1.0,
        tokens=30_000,
        seconds=60.0,
        tokens_per_second=500.0,
        loss=0.5,
        val_loss=0.4,
        val_token_accuracy=0.9,
        curve=(),
        stopped_early=False,
        truncated_share=0.0,
        rows=40,
        validation_rows=4,
        recipe=Recipe(),
        backend="peft",
        reason="",
        precision="bf16",
    )
    parity = ParityReport(
        prompts=10,
        agreeing=10,
        exact=1.0,
        first=1.0,
        leading=1.0,
        same_prompts=True,
        worst_tensor="",
        tensor_error=0.0,
        answers=(),
    )
    student = TrainedStudent(
        run="r1",
        recipe=Recipe(),
        training=training,
        published=Published(merged=Path("merged"), merged_bytes=1, parity=parity),
        panel=({"question": "q", "book": "a", "base": "b", "student": "s"},),
    )
    return student.model_copy(update=changes)


def pretend_exam(store: Store) -> ExamReport:
    """An exam of base and student, with figures made up."""
    figure = Figure(value=0.5, low=0.4, high=0.6, n=12)
    scores = Scores(f1=0.1, rouge_l=0.1, cosine=0.2, length=1.0)
    return ExamReport(
        run="r1",
        rows=tuple(
            ExamRow(
                part="reworded",
                model=model,
                book=False,
                figures=dict.fromkeys(Scores.model_fields, figure),
            )
            for model in ("base", "student")
        ),
        gains=(Gain(part="reworded", book=False, metric="f1", difference=figure),),
        verdicts={"reworded": "better"},
        baselines={
            "reworded": Baseline(part="reworded", model="lookup", book=False, difference=figure)
        },
        chapters={"Soil": figure},
        answers=tuple(
            Graded(pair=p.id, model="student", book=False, answer="x", scores=scores)
            for p in store.pairs("c")[:3]
        ),
        questions={"reworded": 12},
    )


def _pretend_results(store: Store, home: Path) -> None:
    """Results as training, exam and export write them, with figures made up."""
    student = make_student()
    store.save("c", TRAINED, student, inputs=TRAIN.inputs(store, "c", TrainPlan()))
    store.save("c", RUNS, student, name="r1")
    store.save("c", EXAM, pretend_exam(store), inputs=TAKE_EXAM.inputs(store, "c", ExamPlan()))
    file = home / "courses" / "c" / "runs" / "r1" / "student" / "student.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"GGUF")
    export = Exported(format="gguf", folder=str(home), files=(str(file),))
    store.save("c", EXPORTS, export, inputs="r1", name="gguf")


@pytest.fixture(autouse=True)
def nothing_unforeseen(request, caplog):
    """An error that nobody foresaw is shown politely, but it is a fault of the screen's."""
    yield
    if "unforeseen" not in request.fixturenames:
        found = [r for r in caplog.get_records("call") if r.name == "pages.shared.failures"]
        assert not found, found[0].exc_info[1]


@pytest.fixture
def screen(monkeypatch):
    """``screen(home, page, language, course)``: that page, run once."""

    def run(home: Path, page: str, language: str, course: str | None) -> AppTest:
        monkeypatch.setenv("COURSEWRIGHT_HOME", str(home))
        st.cache_resource.clear()
        st.cache_data.clear()
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state["lang"] = language
        if course:
            app.session_state["course"] = course
        app.run()
        if page:
            app.switch_page(str(ROOT / "pages" / page)).run()
        return app

    return run
