"""The steps of a course's making, each one call: what the command line runs and the worker queues.

A step reads its inputs from the store, calls one verb, and writes the verb's result back. Steps are
idempotent: run again, they do only what is missing. ``STEPS`` names them for ``engine.jobs``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.course import make_passages
from engine.distil import DistilPlan, distil
from engine.errors import BadInput, EngineError, Missing
from engine.progress import Report, silent
from engine.schema import Course, Document, Pair, Progress, content_id
from engine.settings import Settings
from engine.store import Result, Store

if TYPE_CHECKING:
    from engine.llm import Chat
    from engine.search import Index


@dataclass(frozen=True)
class Room:
    """What a step works with: one installation, one course."""

    settings: Settings
    store: Store
    course: Course

    @property
    def folder(self) -> Path:
        """The course's artefacts."""
        return self.settings.course_folder(self.course.id)


Step = Callable[[Room, dict[str, Any], Report], dict[str, Any]]


# ---------------------------------------------------------------------- books


def read_books(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Read the files in ``plan["files"]`` into the course, then make passages and their index.

    A file that cannot be read does not stop the others; its error stands in the result.

    Raises:
        EngineError: none of the files could be read; the first one's error.
    """
    from engine.documents import read_all

    known = set(room.store.document_ids(room.course.id))
    added: list[Document] = []
    repeated: list[str] = []
    failed: list[tuple[Path, EngineError]] = []
    for path, outcome in read_all([Path(f) for f in plan["files"]], room.settings, report):
        if isinstance(outcome, Document):
            if outcome.id in known:
                repeated.append(outcome.title)
            else:
                added.append(outcome)
            _keep_file(room, path, outcome)
            room.store.add_document(room.course.id, outcome)
        else:
            failed.append((path, outcome))
    if failed and not added and not known:
        raise failed[0][1]
    index_books(room, report)
    return {
        "added": [d.id for d in added],
        "repeated": repeated,
        "failed": [{"file": path.name, **error.as_dict()} for path, error in failed],
    }


def _keep_file(room: Room, path: Path, document: Document) -> None:
    """Keep a PDF beside the course: its pages are shown again."""
    if path.is_file() and path.suffix.lower() == ".pdf":
        target = room.folder / "books" / f"{document.id}.pdf"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".part")
            partial.write_bytes(path.read_bytes())
            partial.replace(target)


def index_books(room: Room, report: Report = silent) -> None:
    """Passages of all books, and their search index."""
    documents = room.store.documents(room.course.id)
    passages = make_passages(documents)
    room.store.replace_passages(room.course.id, passages)
    open_index(room, report)
    room.store.save_result(
        room.course.id,
        Result(
            stage="books",
            inputs=content_id([d.id for d in documents]),
            data={
                "books": len(documents),
                "sections": sum(len(d.sections) for d in documents),
                "passages": len(passages),
                "tokens": sum(p.tokens for p in passages),
            },
        ),
    )


def remove_book(room: Room, document: str) -> None:
    """Take a book out of the course, with its passages; pairs stay until the corpus is remade."""
    room.store.remove_document(room.course.id, document)
    (room.folder / "books" / f"{document}.pdf").unlink(missing_ok=True)
    index_books(room)


def open_index(room: Room, report: Report = silent) -> Index:
    """The course's search index (built where it is missing)."""
    from engine.search import Index

    return Index.build(room.store.passages(room.course.id), room.folder / "index", report)


# ---------------------------------------------------------------------- corpus


def make_corpus(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Distil with the saved teacher; ``plan`` is a ``DistilPlan``."""
    wanted = DistilPlan.model_validate(plan)
    result = distil(
        room.course,
        wanted,
        chat=teacher_chat(room.settings, room.store, wanted.teacher),
        store=room.store,
        report=report,
    )
    return result.model_dump(mode="json")


def teacher_chat(settings: Settings, store: Store, kind: str) -> Chat | None:
    """The teacher of this kind, wrapped in the ledger; None for the extractive one."""
    if kind == "extractive":
        return None
    from engine.llm.teacher import connect, load_choice

    choice = load_choice(store)
    if kind != choice.kind:
        choice = choice.model_copy(update={"kind": kind})
    return connect(choice, settings, store)


def training_pairs(store: Store, course: str, split: str) -> list[Pair]:
    """The pairs of a split that people did not reject."""
    return [pair for pair in store.pairs(course, split=split) if pair.status != "rejected"]


# ---------------------------------------------------------------------- student


def train_student(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Fine-tune by the recipe in ``plan``, then write the file that answers (merged, Q8_0).

    With ``finish`` in the plan an unfinished run ends with its best adapter so far.
    """
    from engine.publish import publish_local
    from engine.train import Recipe, Row, keep, train

    recipe = Recipe.model_validate({k: v for k, v in plan.items() if k != "finish"})
    rows = {
        split: [
            Row(question=pair.question, answer=pair.answer)
            for pair in training_pairs(room.store, room.course.id, split)
        ]
        for split in ("train", "validation")
    }
    if len(rows["train"]) < 8:
        raise Missing(
            "There are not enough pairs to train on.",
            code="train.no_pairs",
            next="Make a corpus first: at least a few dozen pairs.",
        )
    version = room.store.corpus_version(room.course.id, "train", "validation")
    name = content_id(version, recipe.model_dump(mode="json"))
    folder = room.folder / "runs" / name
    trained = (
        keep(folder)
        if plan.get("finish")
        else train(
            rows["train"], rows["validation"], recipe, folder, settings=room.settings, report=report
        )
    )
    published = publish_local(folder, folder / "student", settings=room.settings, report=report)
    data = {
        "run": name,
        "recipe": recipe.model_dump(mode="json"),
        "training": trained.model_dump(mode="json"),
        "published": published.model_dump(mode="json"),
        "panel": _panel(room, folder),
    }
    room.store.save_result(room.course.id, Result(stage="train", inputs=version, data=data))
    room.store.save_result(
        room.course.id, Result(stage="run", name=name, inputs=version, data=data)
    )
    return {"run": name, **trained.model_dump(mode="json")}


def _panel(room: Room, folder: Path) -> list[dict[str, str]]:
    """Eight fixed questions with the book's answer, the base's and the student's."""
    from engine.llm import Request, user

    pairs = training_pairs(room.store, room.course.id, "validation")[:8]
    requests = [
        Request(messages=user(p.question), max_tokens=80, may_be_cut=True, purpose="panel")
        for p in pairs
    ]
    rows = [{"question": p.question, "book": p.answer} for p in pairs]
    for name, chat in (("base", base_chat(room)), ("student", student_chat(room, folder))):
        for i, outcome in chat.ask(requests):
            rows[i][name] = getattr(outcome, "text", "")
    return rows


def base_chat(room: Room) -> Chat:
    """The student's base model as it comes, answering from the embedded runtime."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger

    return Ledger(Embedded(room.settings), room.store)


def student_chat(room: Room, folder: Path) -> Chat:
    """The fine-tuned student of a run folder."""
    from engine.llm.embedded import Embedded
    from engine.llm.ledger import Ledger

    return Ledger(Embedded(room.settings, gguf=_gguf(folder)), room.store)


def _gguf(folder: Path) -> Path:
    found = sorted((folder / "student").glob("*.gguf"))
    if not found:
        raise Missing(
            "This run has no finished student.",
            code="student.missing",
            next="Fine-tune the student model first.",
        )
    return found[0]


def current_run(room: Room) -> Path | None:
    """Folder of the run that the course uses now, if there is one."""
    result = room.store.result(room.course.id, "train")
    return room.folder / "runs" / result.data["run"] if result else None


# ---------------------------------------------------------------------- exam, export


def take_exam(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Examine base and student, closed book and with retrieval."""
    from engine.exam import examine

    folder = current_run(room)
    models: dict[str, Chat] = {"base": base_chat(room)}
    if folder is not None:
        models["student"] = student_chat(room, folder)
    wanted = plan.get("models") or list(models)
    documents = room.store.documents(room.course.id)
    result = examine(
        {name: chat for name, chat in models.items() if name in wanted},
        training_pairs(room.store, room.course.id, "exam"),
        index=open_index(room) if plan.get("rag", True) else None,
        chapters=chapter_of(documents),
        report=report,
    )
    run = folder.name if folder else ""
    data = result.model_dump(mode="json") | {"run": run}
    if not plan.get("models"):
        inputs = run + room.store.corpus_version(room.course.id, "exam")
        room.store.save_result(room.course.id, Result(stage="exam", inputs=inputs, data=data))
    return data if plan.get("models") else {"questions": result.questions, **result.verdicts}


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


def export_student(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Write the current student as ``plan["format"]`` into ``plan["out"]``."""
    from engine.publish import export

    folder = current_run(room)
    if folder is None:
        raise _no_student()
    out = Path(plan.get("out") or room.folder / "exports" / folder.name / plan["format"])
    files = export(folder, plan["format"], out, settings=room.settings, report=report)
    data = {"format": plan["format"], "folder": str(out), "files": [str(f) for f in files]}
    room.store.save_result(
        room.course.id,
        Result(stage="publish", name=plan["format"], inputs=folder.name, data=data),
    )
    return data


def serve_student(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """Serve the current student on 127.0.0.1 until stopped (``report`` raises ``Cancelled``)."""
    from engine.llm.embedded import Embedded
    from engine.publish.serve import make_app, serving

    folder = current_run(room)
    if folder is None:
        raise _no_student()
    chat = Embedded(room.settings, gguf=_gguf(folder))
    report(Progress(stage="serve", message="Loading the student"))
    chat.load()
    port = int(plan.get("port", 8600))
    app = make_app(chat, room.store, room.course.id, per_minute=plan.get("per_minute", 120))
    with serving(app, port):
        while True:
            report(Progress(stage="serve", message=f"http://127.0.0.1:{port}/v1"))
            time.sleep(1.0)


def _no_student() -> Missing:
    return Missing(
        "There is no student model yet.",
        code="student.missing",
        next="Fine-tune the student model first.",
    )


def build(room: Room, plan: dict[str, Any], report: Report = silent) -> dict[str, Any]:
    """All steps in order with their defaults; finished ones are passed by."""
    from engine.train import preset

    minutes: dict[str, float] = {}
    result: dict[str, Any] = {}
    teacher = str(plan.get("teacher", "extractive"))
    distil_plan = DistilPlan(teacher=teacher, **plan.get("distil", {})).model_dump(mode="json")
    recipe = preset(plan.get("effort", "normal")).model_dump(mode="json")
    steps: list[tuple[str, Step, dict[str, Any]]] = [("distil", make_corpus, distil_plan)]
    if room.course.language == "en":
        steps += [("train", train_student, recipe), ("exam", take_exam, {})]
    for name, step, step_plan in steps:
        started = time.monotonic()
        result[name] = step(room, step_plan, report)
        minutes[name] = (time.monotonic() - started) / 60
    return {"minutes": minutes, **result}


STEPS: Mapping[str, Step] = {
    "read": read_books,
    "distil": make_corpus,
    "train": train_student,
    "exam": take_exam,
    "export": export_student,
    "serve": serve_student,
    "build": build,
}


# ---------------------------------------------------------------------- running one


def run_step(
    settings: Settings, kind: str, course: str, plan: dict[str, Any], report: Report = silent
) -> dict[str, Any]:
    """Run a step in this process.

    Raises:
        BadInput: there is no such step.
        EngineError: whatever the step raises.
    """
    if kind not in STEPS:
        raise BadInput(f"There is no step “{kind}”.", code="step.unknown")
    store = Store(settings.database)
    try:
        return STEPS[kind](Room(settings, store, store.course(course)), plan, report)
    finally:
        store.close()
