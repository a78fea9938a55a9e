"""The exam of base and student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import Missing
from engine.llm.costs import Estimate, embedded_minutes, endpoint_minutes, estimate_of
from engine.models.bases import SMOLLM2
from engine.progress import Report, silent
from engine.prompts import chosen_prompt, prompt_version
from engine.schema import Document
from engine.steps.room import (
    Room,
    base_chat,
    connected_chat,
    current_base,
    current_run,
    open_index,
    student_chat,
    training_pairs,
)
from engine.store import Result, Store

if TYPE_CHECKING:
    from engine.llm import Chat


def take_exam(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Examine base and student, closed book and with retrieval.

    ``plan`` may name the ``models`` (base, student, teacher); by default these are the first two,
    with ``teacher`` true the connected teacher beside them.
    """
    from engine.exam import examine

    folder = current_run(room)
    models: dict[str, Chat] = {"base": base_chat(room)}
    if folder is not None:
        models["student"] = student_chat(room, folder)
    if plan.get("teacher") or "teacher" in plan.get("models", ()):
        models["teacher"] = _teacher(room)
    wanted = plan.get("models") or list(models)
    documents = room.store.documents(room.course.id)
    result = examine(
        {name: chat for name, chat in models.items() if name in wanted},
        training_pairs(room.store, room.course.id, "exam"),
        index=open_index(room) if plan.get("rag", True) else None,
        chapters=chapter_of(documents),
        prompt=chosen_prompt(room.store, room.course.id, room.course.language),
        report=report,
    )
    run = folder.name if folder else ""
    data = result.model_dump(mode="json") | {"run": run}
    if not plan.get("models"):
        inputs = exam_inputs(room.store, room.course.id, run)
        room.store.save_result(room.course.id, Result(stage="exam", inputs=inputs, data=data))
    return data if plan.get("models") else {"questions": result.questions, **result.verdicts}


def _teacher(room: Room) -> Chat:
    """The connected teacher.

    Raises:
        Missing: none is connected; the book's own sentences sit no exam.
    """
    chat = connected_chat(room)
    if chat is None:
        raise Missing(
            "No teacher model is connected that could be examined.",
            code="exam.no_teacher",
            next="Run: coursewright teacher set --base-url URL --model NAME",
        )
    return chat


_ANSWER = 70
"""Tokens of an answer, on average: a base model rambles up to its limit, a student is short."""
_LOCAL_SECONDS = 1.7
"""Seconds for an answer by transformers on two cores (a base of 270 million weights)."""


def exam_costs(room: Room, *, teacher: bool = False) -> Estimate:
    """What the exam of base and student will take, with the connected teacher beside them if so.

    Money is the teacher's, at the prices that were saved with it.
    """
    from engine.llm.teacher import load_choice

    pairs = training_pairs(room.store, room.course.id, "exam")
    passages = room.store.passages(room.course.id)
    mean = sum(p.tokens for p in passages) / max(1, len(passages))
    models = 1 + (current_run(room) is not None)
    prompt = len(pairs) * (40 + 2 * mean + 60)
    calls, completion = 2 * len(pairs), 2.0 * len(pairs) * _ANSWER
    if current_base(room) == SMOLLM2:
        minutes = models * embedded_minutes(prompt, completion)
    else:
        minutes = models * calls * _LOCAL_SECONDS / 60
    money = (0.0, 0.0)
    if teacher:
        price = load_choice(room.store).price
        money = (price.prompt, price.completion)
        minutes += endpoint_minutes(calls)
    paid = estimate_of(calls, prompt, completion, 0.0, money).money
    asked = models + teacher
    found = estimate_of(asked * calls, asked * prompt, asked * completion, minutes)
    return found.model_copy(update={"money": paid})


def exam_inputs(store: Store, course: str, run: str) -> str:
    """Names what an exam is made from: the run, the questions, and a chosen prompt."""
    return run + store.corpus_version(course, "exam") + prompt_version(store, course)


def chapter_of(documents: Sequence[Document]) -> dict[str, str]:
    """Section id to the title of its chapter: the top level, or the next where that is one."""
    found: dict[str, str] = {}
    for document in documents:
        own = {section.id: section for section in document.sections}
        roots = {section.id for section in document.sections if section.parent not in own}
        ends = roots if len(roots) > 1 else set()
        for section in document.sections:
            top = section
            while top.id not in ends and top.parent in own and top.parent not in roots - ends:
                top = own[top.parent]
            found[section.id] = top.title
    return found
