"""A learner's turn over HTTP: the verbs of ``engine.lesson`` for a learning platform.

``POST /v1/lessons/ask``, ``/v1/lessons/question`` and ``/v1/lessons/answer``. A platform holds a
key of the course and names its learners by their ids on the class list; where it names none,
nothing is known and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import EngineError, Missing, TeacherError
from engine.learner import pseudonym
from engine.lesson import Lesson, answer, ask, next_question
from engine.settings import Settings
from engine.store import Store
from engine.tutor import Conversation, Mode
from engine.tutor.quiz import Quiz, concept_of

_LONGEST = 8000


class _Body(BaseModel):
    """What all requests share; unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")

    learner: str = Field(default="", max_length=200)


class AskBody(_Body):
    """A message to the tutor; ``conversation`` is what the last turn returned, or left out."""

    message: str = Field(max_length=_LONGEST)
    mode: Mode = "explain"
    conversation: Conversation | None = None


class QuestionBody(_Body):
    """``seen`` holds ids of questions that were asked before, ``concept`` is a wish."""

    seen: list[str] = Field(default=[], max_length=10_000)
    concept: str = Field(default="", max_length=400)


class ReplyBody(_Body):
    """A reply to a question by its id."""

    question: str = Field(max_length=64)
    reply: str = Field(max_length=_LONGEST)


Open = Callable[[str], Lesson]
"""Opens the lesson of a learner by pseudonym; an empty one is nobody's."""


def lesson_routes(open_lesson: Open, settings: Settings, store: Store, course: str) -> APIRouter:
    """The routes; mount them behind the course's keys."""
    routes = APIRouter(prefix="/v1/lessons")

    def lesson_of(learner: str) -> Lesson:
        return open_lesson(_known(settings, store, course, learner))

    @routes.post("/ask")
    def ask_tutor(body: AskBody) -> dict[str, Any]:
        talk = body.conversation or Conversation(mode=body.mode)
        with _as_http():
            talk, said = ask(lesson_of(body.learner), talk, body.message)
        sources = [source.model_dump(mode="json") for source in said.sources]
        return {
            "answer": said.answer,
            "sources": sources,
            "refused": said.refused,
            "conversation": talk.model_dump(mode="json"),
        }

    @routes.post("/question")
    def question(body: QuestionBody) -> dict[str, Any]:
        with _as_http():
            found = next_question(lesson_of(body.learner), body.seen, body.concept)
        if found is None:
            raise HTTPException(404, "There is no question of this course left to ask.")
        return {"id": found.pair.point, "question": found.pair.question, "concept": found.concept}

    @routes.post("/answer")
    def mark(body: ReplyBody) -> dict[str, Any]:
        with _as_http():
            lesson = lesson_of(body.learner)
            found = answer(lesson, _quiz(lesson, body.question), body.reply)
        return {
            "mark": found.mark,
            "feedback": found.grade.feedback,
            "mastery": found.after.mastery if found.after else None,
        }

    return routes


def _known(settings: Settings, store: Store, course: str, learner: str) -> str:
    """The pseudonym of a learner on the class list."""
    if not learner.strip():
        return ""
    me = pseudonym(settings, course, learner)
    if not any(row["pseudonym"] == me for row in store.learners(course)):
        raise HTTPException(404, "No learner of this id is on the class list.")
    return me


def _quiz(lesson: Lesson, point: str) -> Quiz:
    pair = next((pair for pair in lesson.pairs() if pair.point == point), None)
    if pair is None:
        raise HTTPException(404, "This course has no question of this id.")
    return Quiz(pair=pair, concept=concept_of(pair, lesson.knowledge.graph()))


@contextmanager
def _as_http() -> Iterator[None]:
    """Turn the engine's errors into HTTP's, with their sentence and what to do next."""
    try:
        yield
    except EngineError as error:
        status = 503 if isinstance(error, TeacherError) else 400
        status = 404 if isinstance(error, Missing) else status
        raise HTTPException(status, f"{error.message} {error.next}".strip()) from error
