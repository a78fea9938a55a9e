"""One answer is right, and one concept known, in every room alike."""

import pandas as pd
import pytest

from engine.classroom import CourseKnowledge, ladder
from engine.classroom.view import _concept
from engine.concepts import Concept
from engine.grade import Grade, Item, Submission
from engine.learner import ConceptState
from engine.learner.path import next_steps
from engine.levels import FIRM
from engine.report import error_kinds, mistakes
from engine.schema import Course
from engine.settings import Settings
from engine.steps import Workspace
from engine.steps.gradebook import GradedSubmission, add_items, add_submissions, record_grades
from engine.store import Store
from engine.tutor.replies import is_right

SHARES = {0.5: False, 0.55: False, 0.59: False, 0.6: True, 0.7: True, 0.75: True}
LEVELS = {
    0.4: "far",
    0.5: "near",
    0.6: "near",
    0.7: "near",
    0.74: "near",
    0.75: "firm",
    0.8: "firm",
}


@pytest.fixture
def workspace(tmp_path):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    yield Workspace(settings, store, course)
    store.close()


@pytest.mark.parametrize("share", SHARES)
def test_tutor_gradebook_and_report_agree_on_what_is_right(workspace, share):
    item = Item(item_id="i", question="Why?", type="short", references=("So.",), concept="X")
    answer = Submission(answer_id="a", item_id="i", learner="s-1", answer="Because.")
    grade = Grade(answer_id="a", score=share * item.top, confidence=1.0, status="accepted")
    marked = GradedSubmission(submission=answer, grade=grade, decided=True)
    add_items(workspace, [item])
    add_submissions(workspace, [answer])
    record_grades(workspace, [item], [marked])
    [event] = workspace.store.events("c")
    said = {
        "tutor": is_right(grade.model_copy(update={"score": share})),
        "gradebook": bool(event["correct"]),
        "mistakes": not mistakes([item], [marked]),
        "error kinds": not error_kinds([item], [marked]),
    }
    assert set(said.values()) == {SHARES[share]}, said


@pytest.mark.parametrize("level", LEVELS)
def test_path_class_and_screens_agree_on_what_is_firm(level, workspace, monkeypatch):
    from pages.learn.parts import charts
    from pages.teach.parts import reteach

    concept = Concept(name="X", sections=("s",))
    state = ConceptState(concept="X", answered=4, learnt=level, mastery=level, low=0, high=1)
    knowledge = CourseKnowledge(workspace.store, "c")
    monkeypatch.setattr(knowledge, "graph", lambda: [concept])
    monkeypatch.setattr(knowledge, "states", lambda me, now: {"X": state})
    row = _concept("X", pd.Series([level]))
    goal = charts.levels({"X": state}, "p", "c").to_dict()["datasets"].values()
    assert {"x": FIRM} in [cell for rows in goal for cell in rows], "the chart draws the goal"
    rung = ladder(pd.DataFrame({"X": [level]}))["X"]
    firm = {
        "path": not next_steps([concept], {"X": state}, 0.0),
        "class": bool(row.firm),
        "ladder": bool(rung["mastered"]),
        "tutor's weak concepts": "X" not in knowledge.weak("s-1"),
        "map": reteach._colour(level) == reteach._colour(1.0),
    }
    assert set(firm.values()) == {LEVELS[level] == "firm"}, firm
    near = {
        bool(row.firm or row.near),
        not rung["far"],
        reteach._colour(level) != reteach._colour(0),
    }
    assert near == {LEVELS[level] != "far"}
