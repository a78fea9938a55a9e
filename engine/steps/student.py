"""The student: fine-tune, write the file that answers, ask it a few fixed questions."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.corpus import Gate, held_back
from engine.errors import Missing
from engine.progress import Report, silent
from engine.schema import content_id
from engine.steps.room import Room, base_chat, student_chat, training_pairs
from engine.store import Result

if TYPE_CHECKING:
    from engine.train import Recipe, Row


def train_student(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Fine-tune by the recipe in ``plan``, then write the file that answers (merged, Q8_0).

    With ``finish`` in the plan an unfinished run ends with its best adapter so far.
    """
    from engine.publish import publish_local
    from engine.train import keep, train

    recipe = _recipe(plan)
    train_rows, validation_rows, held = rows_to_train(room)
    version = room.store.corpus_version(room.course.id, "train", "validation")
    name = _name(version, recipe, held)
    folder = room.folder / "runs" / name
    if plan.get("finish"):
        trained = keep(folder)
    else:
        trained = train(
            train_rows, validation_rows, recipe, folder, settings=room.settings, report=report
        )
    published = publish_local(folder, folder / "student", settings=room.settings, report=report)
    data = {
        "run": name,
        "recipe": recipe.model_dump(mode="json"),
        "training": trained.model_dump(mode="json"),
        "published": published.model_dump(mode="json"),
        "held_back": dict(Counter(held.values())),
        "panel": _panel(room, folder, recipe.base),
    }
    for stage, label in (("train", ""), ("run", name)):
        room.store.save_result(
            room.course.id, Result(stage=stage, name=label, inputs=version, data=data)
        )
    return {"run": name, "held_back": data["held_back"], **trained.model_dump(mode="json")}


def discard_student(room: Room, plan: dict[str, Any]) -> None:
    """Throw an unfinished run away; a finished one stays."""
    version = room.store.corpus_version(room.course.id, "train", "validation")
    name = _name(version, _recipe(plan), held_back(room.store.pairs(room.course.id)))
    if room.store.result(room.course.id, "run", name) is None:
        shutil.rmtree(room.folder / "runs" / name, ignore_errors=True)


def _recipe(plan: dict[str, Any]) -> Recipe:
    from engine.train import Recipe

    return Recipe.model_validate({k: v for k, v in plan.items() if k != "finish"})


def _name(version: str, recipe: Recipe, held: Mapping[str, str]) -> str:
    return content_id(version, recipe.model_dump(mode="json"), *([sorted(held)] if held else []))


def rows_to_train(room: Room) -> tuple[list[Row], list[Row], dict[str, Gate]]:
    """Rows to train and to validate on, and what the exam's guard held back of them, by pair.

    Raises:
        Missing: there are too few.
    """
    from engine.train import Row

    pairs = room.store.pairs(room.course.id)
    held = held_back(pairs)
    used = [pair for pair in pairs if pair.status != "rejected" and pair.id not in held]
    train, validation = (
        [Row(question=pair.question, answer=pair.answer) for pair in used if pair.split == split]
        for split in ("train", "validation")
    )
    if len(train) < 8:
        raise Missing(
            "There are not enough pairs to train on.",
            code="train.no_pairs",
            next="Make a corpus first: at least a few dozen pairs.",
        )
    return train, validation, held


def _panel(room: Room, folder: Path, base: str) -> list[dict[str, str]]:
    """Eight fixed questions with the book's answer, the base's and the student's."""
    from engine.llm import Request, user

    pairs = training_pairs(room.store, room.course.id, "validation")[:8]
    requests = [
        Request(messages=user(p.question), max_tokens=80, may_be_cut=True, purpose="panel")
        for p in pairs
    ]
    rows = [{"question": p.question, "book": p.answer} for p in pairs]
    for name, chat in (("base", base_chat(room, base)), ("student", student_chat(room, folder))):
        for i, outcome in chat.ask(requests):
            rows[i][name] = getattr(outcome, "text", "")
    return rows
