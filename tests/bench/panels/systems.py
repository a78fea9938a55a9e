"""Who answers a panel: two systems without any model, the student twice, and the tutor twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.exam.baselines import nearest_sentence
from engine.lesson import Lesson, answer_by, ask
from engine.llm.scripted import Scripted
from engine.tutor import Conversation, Turn, nearest_pairs
from tests.bench.panels.panel import Question
from tests.bench.panels.teacher import explains

System = Callable[[Question], Turn]
NAMES = ("lookup", "book", "student", "student-book", "tutor", "tutor-teacher")


class Skipped(Exception):
    """The course lacks what this system needs; the text says what."""


def system(name: str, lesson: Lesson) -> System:
    """The system of this name at this course.

    Raises:
        Skipped: the course has no student model, or no training pairs.
    """
    makers = {"lookup": _lookup, "book": _book, "tutor": _tutor, "tutor-teacher": _guided}
    if name in makers:
        return makers[name](lesson)
    return _student(lesson, use_book=name == "student-book")


def _lookup(lesson: Lesson) -> System:
    """The answer to the nearest question that was trained on; no model, and it never declines."""
    pairs = lesson.pairs()
    if not pairs:
        raise Skipped("the course has no training pairs")

    def answer(question: Question) -> Turn:
        found = nearest_pairs(question.question, pairs, 1)
        return Turn(answer=found[0].answer if found else "", model="lookup")

    return answer


def _book(lesson: Lesson) -> System:
    """The sentence of the best passages that is nearest in meaning; no model, never declines."""
    index = lesson.index()

    def answer(question: Question) -> Turn:
        return Turn(answer=nearest_sentence(question.question, index), model="book")

    return answer


def _student(lesson: Lesson, *, use_book: bool) -> System:
    student = lesson.student()
    if student is None:
        raise Skipped("the course has no student model")

    def answer(question: Question) -> Turn:
        pieces = answer_by(lesson, student, question.question, use_book=use_book)
        return Turn(answer="".join(pieces).strip(), model=student.model)

    return answer


def _guided(lesson: Lesson) -> System:
    """The tutor with a scripted connected model (see ``teacher``)."""
    language = lesson.workspace.course.language
    chat = Scripted(lambda request: explains(request, language), model="scripted-teacher")
    return _tutor(replace(lesson, guide=lambda: chat))


def _tutor(lesson: Lesson) -> System:
    """The tutor as it comes; a follow-up goes on in the conversation that it follows."""
    talks: dict[str, Conversation] = {}

    def answer(question: Question) -> Turn:
        talk = talks[question.follows] if question.follows else Conversation()
        talks[question.id], said = ask(lesson, talk, question.question)
        return said

    return answer
