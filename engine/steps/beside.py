"""Who sits the exam beside the student, to show what one thing brought: a prompt, lessons."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import Missing
from engine.exam import EARLIER, START, Contrast, EarlierRun, Sitter, verdict_of
from engine.prompts import chosen_prompt, prompt_version, start_prompt
from engine.store import Saved
from engine.train import Mixture, Recipe
from engine.workspace import (
    RUNS,
    TRAINED,
    TrainedStudent,
    Workspace,
    finished_run,
    student_chat,
)


def beside_student(
    workspace: Workspace, earlier: EarlierRun | None, *, book: bool
) -> Iterator[Sitter]:
    """The student by the start prompt, where another was chosen, and that of an earlier run.

    Args:
        workspace: Whose student.
        earlier: The earlier run, if one was asked for.
        book: Whether the book is at hand; from memory a student is asked without any prompt.
    """
    store, course = workspace.store, workspace.course
    if book and prompt_version(store, course.id):
        student = student_chat(workspace, finished_run(workspace))
        yield Sitter(START, student, True, start_prompt(course.language))
    if earlier is not None:
        before = student_chat(workspace, workspace.folder / "runs" / earlier.run)
        chosen = chosen_prompt(store, course.id, course.language)
        for at_hand in (False, True) if book else (False,):
            yield Sitter(EARLIER, before, at_hand, chosen)


def comparable_runs(workspace: Workspace) -> list[EarlierRun]:
    """Earlier runs that may sit beside the student, newest first.

    Only runs of the same base on the same training pairs: on other pairs one may have been trained
    on what is asked today.
    """
    store, course = workspace.store, workspace.course.id
    now = store.saved(course, TRAINED)
    if now is None:
        return []
    found = []
    for saved in reversed(store.all_saved(course, RUNS)):
        run, same = saved.value, _pairs(saved) == _pairs(now)
        there = (workspace.folder / "runs" / run.run / "student").is_dir()
        if run.run != now.value.run and same and there and _base(run) == _base(now.value):
            found.append(
                EarlierRun(
                    run=run.run,
                    lessons=now.value.lessons,
                    lessons_before=run.lessons,
                    recipe=_recipe(run) != _recipe(now.value),
                )
            )
    return found


def _pairs(saved: Saved[TrainedStudent]) -> str:
    """What a student learned its pairs from; those of older versions have no other name for it."""
    return saved.value.pairs or saved.inputs


def _recipe(student: TrainedStudent) -> tuple[Recipe, Mixture | None]:
    return student.recipe, student.mixture


def _base(student: TrainedStudent) -> str:
    return student.recipe.base


def earlier_run(workspace: Workspace, name: str) -> EarlierRun:
    """The comparable run of this name; ``newest`` is the first of them.

    Raises:
        Missing: there is none.
    """
    runs = comparable_runs(workspace)
    found = next((run for run in runs if name in (run.run, "newest")), None)
    if found is None:
        raise Missing(
            f"There is no run “{name}” that can sit beside the student: it would have to be of the "
            "same base and trained on the same pairs.",
            code="exam.no_run",
            next="Choose one of: " + (", ".join(run.run for run in runs) or "none so far"),
            run=name,
        )
    return found


def contrast_words(contrast: Contrast, earlier: EarlierRun | None) -> str:
    """A contrast as a sentence, for the command line."""
    figure = contrast.difference
    without = "the start prompt"
    if contrast.what == "run" and earlier is not None:
        without = f"the earlier run {earlier.run}, which had {earlier.lessons_before} lessons"
        without += f" against {earlier.lessons}"
        without += " and another recipe" if earlier.recipe else ""
    says = {
        "better": "better than by" if contrast.what == "prompt" else "better than",
        "worse": "worse than by" if contrast.what == "prompt" else "worse than",
        "noise": "no different beyond chance from",
        "few": "on too few questions for a verdict against",
    }[verdict_of(figure)]
    book = "with the book" if contrast.book else "from memory"
    return (
        f"{contrast.part}, {book}: the student answers {says} {without}: token F1 "
        f"{figure.value:+.3f} [{figure.low:+.3f}, {figure.high:+.3f}], n = {figure.n}"
    )
