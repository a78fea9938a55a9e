"""The verbs of a lesson: ask the tutor, be asked by the quiz, answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

from engine.errors import BadInput
from engine.grade import Grade
from engine.learner import ConceptState, Event, record
from engine.lesson.lesson import Lesson
from engine.llm import Chat
from engine.prompts import chosen_prompt
from engine.schema import Value
from engine.tutor import (
    Conversation,
    MarkName,
    Material,
    Quiz,
    Turn,
    answer_stream,
    mark_name,
    mark_quiz,
    next_quiz,
    shown_for,
    turn,
)


class Outcome(Value):
    """What came of an answer to the quiz.

    Attributes:
        grade: The score in [0, 1] and the feedback.
        mark: ``unsure`` where the answer says nothing about what the learner knows (it is empty,
            copied, or speaks to the grader); nothing is recorded then.
        event: What was recorded; None for an unsure mark, and where nobody is known to answer.
        before: The concept as it stood before; None where nobody is known to answer.
        after: The concept as it stands now; the same as ``before`` where nothing was recorded.
    """

    grade: Grade
    mark: MarkName
    event: Event | None = None
    before: ConceptState | None = None
    after: ConceptState | None = None


def ask(
    lesson: Lesson,
    talk: Conversation,
    message: str,
    on_text: Callable[[str], None] = lambda _: None,
    *,
    use_book: bool = False,
    student: bool | None = None,
) -> tuple[Conversation, Turn]:
    """One turn of a conversation with the tutor.

    Args:
        lesson: Where.
        talk: The state that the last turn returned, or a new one of some mode.
        message: A new question, or the reply to the tutor's last move; empty asks for more help.
        on_text: Called with each piece of the answer as it is made.
        use_book: Put the passages found into the student model's prompt.
        student: Whether the student model answers where reviewed answers bear it out, else the
            book; None is as the exam found (``Lesson.trusts``), which held it with the book at
            hand; with ``use_book`` it does.

    Returns:
        The state for the next turn, and what the tutor said with its sources.

    Raises:
        BadInput: ``ask.empty``: a conversation cannot open with nothing.
        TeacherError: a connected model does not answer.
    """
    if not (message.strip() or talk.open):
        raise BadInput("The question is empty.", code="ask.empty", next="Type a question.")
    course = lesson.workspace.course
    speaks = use_book or (lesson.trusts() if student is None else student)
    at = Material(
        index=lesson.index(),
        language=course.language,
        pairs=lesson.pairs(),
        chat=lesson.student() if speaks else None,
        guide=lesson.guide(),
        use_book=use_book or (student is None and speaks),
        prompt=chosen_prompt(lesson.workspace.store, course.id, course.language),
        weak=lesson.knowledge.weak(lesson.learner) if lesson.learner else {},
    )
    return turn(talk, message, at, on_text)


def answer_by(
    lesson: Lesson, chat: Chat, question: str, *, use_book: bool = False
) -> Iterator[str]:
    """What another model, such as the student's base, answers to a question, piece by piece."""
    course = lesson.workspace.course
    return answer_stream(
        question,
        shown_for(question, lesson.index()) if use_book else (),
        chat,
        course.language,
        use_book=use_book,
        prompt=chosen_prompt(lesson.workspace.store, course.id, course.language),
    )


def next_question(lesson: Lesson, seen: Collection[str] = (), concept: str = "") -> Quiz | None:
    """The question that the learner should be asked now; None where every one was asked.

    Args:
        lesson: Where; what the learner has answered rightly is not asked again.
        seen: Points (``Pair.point``) that were asked in this sitting.
        concept: Ask about this concept, as long as it has fresh questions.
    """
    knowledge, me = lesson.knowledge, lesson.learner
    right = {e.item for e in knowledge.events(me) if e.correct} if me else set()
    levels = knowledge.mastery(me) if me else {}
    return next_quiz(lesson.pairs(), knowledge.graph(), levels, {*seen, *right}, concept)


def answer(lesson: Lesson, quiz: Quiz, reply: str, *, now: float | None = None) -> Outcome:
    """Mark a reply to the quiz, and record it for the learner.

    Args:
        lesson: Where.
        quiz: The question.
        reply: What the learner wrote.
        now: Seconds since 1970; None is this moment.

    Raises:
        Forbidden: the lesson's store belongs to another learner.
    """
    at = time.time() if now is None else now
    workspace, me = lesson.workspace, lesson.learner
    found, event = mark_quiz(
        quiz, reply, me, language=workspace.course.language, index=lesson.index(), now=at
    )
    mark = mark_name(found)
    if not me:
        return Outcome(grade=found, mark=mark)
    before = lesson.knowledge.states(me, at).get(quiz.concept)
    if event is None:
        return Outcome(grade=found, mark=mark, before=before, after=before)
    record(workspace.store, workspace.course.id, [event])
    after = lesson.knowledge.states(me, at).get(quiz.concept)
    return Outcome(grade=found, mark=mark, event=event, before=before, after=after)
