"""A learner's turn over HTTP: behind the course's keys, for learners on the class list."""

import pytest
from fastapi.testclient import TestClient

from engine.learner import pseudonym
from engine.lesson import open_lesson
from engine.llm.scripted import Scripted
from engine.serve.api import make_app
from engine.serve.keys import new_key
from engine.serve.lessons import lesson_routes
from tests.unit.test_lesson import home  # noqa: F401 (a fixture)


@pytest.fixture
def platform(home):  # noqa: F811
    """A learning platform's client with a key, and the course that it talks to."""
    ann = pseudonym(home.settings, "c", "ann")
    home.store.put_learners("c", [{"pseudonym": ann, "name": "Ann", "group": ""}])
    routes = lesson_routes(lambda who: open_lesson(home, who), home.settings, home.store, "c")
    app = make_app(Scripted(str), home.store, "c", per_minute=6000, lessons=routes)
    key = new_key(home.store, "c", "lms")
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client, home
    home.store.erase_learner("c", ann)


def test_a_question_is_answered_with_its_source(platform):
    client, _ = platform
    said = client.post("/v1/lessons/ask", json={"message": "What is soil?"}).json()
    assert "mixture of minerals" in said["answer"] and said["sources"][0]["quote"]
    assert not said["refused"]


def test_a_conversation_goes_on_where_it_stood(platform):
    client, _ = platform
    asked = {"message": "What is soil?", "mode": "hint"}
    first = client.post("/v1/lessons/ask", json=asked).json()
    assert first["conversation"]["step"] == 1
    more = {"message": "", "conversation": first["conversation"]}
    second = client.post("/v1/lessons/ask", json=more).json()
    assert second["conversation"]["step"] != 1 or second["answer"] != first["answer"]


def test_an_answer_is_marked_and_recorded_for_its_learner(platform):
    client, course = platform
    mine = {"learner": "ann"}
    asked = client.post("/v1/lessons/question", json=mine).json()
    pair = next(p for p in course.store.pairs("c") if p.point == asked["id"])
    reply = {"question": asked["id"], "reply": pair.answer, **mine}
    found = client.post("/v1/lessons/answer", json=reply).json()
    assert found["mark"] == "right" and found["feedback"] and 0 < found["mastery"] < 1
    assert len(course.store.events("c")) == 1
    other = client.post("/v1/lessons/question", json=mine).json()
    assert other["id"] != asked["id"], "what was answered rightly is not asked again"


def test_nobody_is_marked_and_nothing_recorded(platform):
    client, course = platform
    asked = client.post("/v1/lessons/question", json={}).json()
    found = client.post(
        "/v1/lessons/answer", json={"question": asked["id"], "reply": "no idea at all"}
    ).json()
    assert found["mark"] != "right" and found["mastery"] is None
    assert course.store.events("c") == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("ask", {"message": " "}, 400),
        ("ask", {"message": "What is soil?", "learner": "mallory"}, 404),
        ("ask", {"message": "x" * 9000}, 422),
        ("ask", {"message": "hi", "role": "teacher"}, 422),
        ("answer", {"question": "no such", "reply": "x"}, 404),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(platform, path, body, status):
    client, _ = platform
    found = client.post(f"/v1/lessons/{path}", json=body)
    assert found.status_code == status and found.json()


def test_without_a_key_there_is_no_lesson(platform):
    client, _ = platform
    for path in ("ask", "question", "answer"):
        found = client.post(f"/v1/lessons/{path}", json={}, headers={"Authorization": "Bearer no"})
        assert found.status_code == 401
