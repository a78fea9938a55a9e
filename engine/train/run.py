"""``train``: rows in, the best adapter out; the same call again resumes or returns at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.models.bases import Origin, base_weights, earlier_origin
from engine.progress import Report
from engine.schema import Progress, Value, content_id
from engine.settings import Settings
from engine.train import checkpoint
from engine.train.backends import choose_backend
from engine.train.checkpoint import TrainingPoint, TrainingState
from engine.train.estimate import remember_speed
from engine.train.loop import Loop
from engine.train.recipe import Recipe
from engine.train.rows import Encoding, TrainingRow, encode
from engine.train.student import Student, load_student
from engine.train.threads import Threads
from engine.train.unsloth import import_unsloth, load_unsloth

RESULT = "result.json"
MANIFEST = "run.json"
_WORTH_NOTING = 20_000  # tokens; a shorter run says little of the machine's speed


class Manifest(Value):
    """What a run folder was started with; a run never goes on with anything else."""

    recipe: Recipe
    rows: str
    validation_rows: str
    count: int
    validation_count: int
    backend: str = ""
    reason: str = ""
    precision: str = ""
    truncated_share: float = 0.0
    origin: Origin | None = None


class TrainingResult(Value):
    """What came of a run.

    ``folder`` is the run's; ``best`` the best adapter's name in it. ``tokens`` counts real tokens
    (each row's own, no padding); ``seconds`` all sittings without loading; losses are in nats per
    learned token. ``truncated_share`` is the share of rows cut or dropped for their length.
    ``parts`` is more than 1 where memory ran out: each step was computed in so many parts.
    ``origin`` says which weights of the base it began with.
    """

    folder: Path
    best: str
    steps: int
    epochs: float
    tokens: int
    seconds: float
    tokens_per_second: float
    loss: float
    val_loss: float | None
    val_token_accuracy: float | None
    curve: tuple[TrainingPoint, ...]
    stopped_early: bool
    truncated_share: float
    rows: int
    validation_rows: int
    recipe: Recipe
    backend: str
    reason: str
    precision: str
    parts: int = 1
    origin: Origin | None = None

    @property
    def adapter(self) -> Path:
        """Folder of the best adapter, in PEFT's format."""
        return self.folder / self.best


def train(
    rows: Sequence[TrainingRow],
    validation_rows: Sequence[TrainingRow],
    recipe: Recipe,
    folder: Path,
    *,
    settings: Settings,
    report: Report,
    resume: bool = True,
) -> TrainingResult:
    """Fine-tune the recipe's base on ``rows`` in ``folder``, or go on where that stopped.

    Args:
        rows: What to learn; only the answers are learned.
        validation_rows: Decide which adapter is the best and when to stop; may be empty.
        recipe: All choices.
        folder: The run's own folder; a finished run there returns its result at once.
        settings: Where base models are kept, and how many threads to use.
        report: Told every step and check; may raise ``Cancelled``.
        resume: False refuses a folder in which a run was begun.

    Raises:
        BadInput: no rows, other rows or another recipe than this folder was started with.
        Cancelled: the user stopped; calling again goes on, ``keep`` takes the best so far.
        WorkFailed: the loss diverged or memory ran out.
    """
    if not rows:
        raise BadInput(
            "There is nothing to learn: no training rows.",
            code="train.no_rows",
            next="Accept some pairs of the corpus first.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        manifest = _manifest(rows, validation_rows, recipe, folder, resume)
        if not (folder / RESULT).exists():
            _sitting(rows, validation_rows, manifest, folder, settings, report)
        return keep(folder)


def keep(folder: Path) -> TrainingResult:
    """The result of a run; an interrupted run ends here, with its best adapter so far.

    Raises:
        Missing: there is no checkpoint yet.
    """
    if (folder / RESULT).exists():
        text = (folder / RESULT).read_text(encoding="utf-8")
        result = TrainingResult.model_validate_json(text)
        origin = result.origin or earlier_origin(result.recipe.base)
        return result.model_copy(update={"folder": folder, "origin": origin})
    found = checkpoint.latest(folder)
    if found is None:
        raise Missing(
            "This run has nothing to keep yet.",
            code="train.nothing",
            next="Let it run until its first checkpoint.",
        )
    result = _result(folder, checkpoint.load_state(found), _read_manifest(folder))
    write_json(folder / RESULT, result, indent=1, durable=True)
    return result


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time in a run folder; the lock goes with its process."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise BadInput(
            "This run is already in progress.",
            code="train.busy",
            next="Wait for it, or cancel it first.",
        ) from error


def _manifest(
    rows: Sequence[TrainingRow],
    validation_rows: Sequence[TrainingRow],
    recipe: Recipe,
    folder: Path,
    resume: bool,
) -> Manifest:
    """The folder's manifest: the stored one if it is of the same run, else a new one."""
    wanted = Manifest(
        recipe=recipe,
        rows=content_id([row.model_dump() for row in rows]),
        validation_rows=content_id([row.model_dump() for row in validation_rows]),
        count=len(rows),
        validation_count=len(validation_rows),
    )
    if not (folder / MANIFEST).exists():
        return wanted
    stored = _read_manifest(folder)
    if changed := _changes(stored, wanted):
        raise BadInput(
            f"This run was started with something else: {'; '.join(changed)}.",
            code="train.changed",
            next="Start a new run, or go back to what it was started with.",
            changed=", ".join(changed),
        )
    if not resume:
        raise BadInput(
            "A run was already begun in this folder.",
            code="train.begun",
            next="Resume it, or start a new run in another folder.",
        )
    return stored


def _changes(stored: Manifest, wanted: Manifest) -> list[str]:
    """What differs, as ``name: old -> new``."""
    old, new = stored.recipe.model_dump(), wanted.recipe.model_dump()
    changed = [
        f"recipe.{name}: {old[name]} -> {new[name]}" for name in new if old[name] != new[name]
    ]
    if stored.rows != wanted.rows:
        changed.append(f"rows: {stored.count} -> {wanted.count} rows, other content")
    if stored.validation_rows != wanted.validation_rows:
        counts = f"{stored.validation_count} -> {wanted.validation_count}"
        changed.append(f"validation rows: {counts} rows, other content")
    return changed


def _read_manifest(folder: Path) -> Manifest:
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    origin = manifest.origin or earlier_origin(manifest.recipe.base)
    return manifest.model_copy(update={"origin": origin})


def _sitting(
    rows: Sequence[TrainingRow],
    validation_rows: Sequence[TrainingRow],
    manifest: Manifest,
    folder: Path,
    settings: Settings,
    report: Report,
) -> None:
    """Load, encode, write the manifest down, and train to the end."""
    recipe = manifest.recipe
    report(Progress(stage="train.load", message="Loading the base model"))
    choice = choose_backend(recipe)
    threads = Threads(settings)
    student, origin = _load(choice.name, manifest, settings, report)
    encoding = encode(_spoken_to(rows, recipe), student.tokenizer, recipe.max_length)
    validation = encode(_spoken_to(validation_rows, recipe), student.tokenizer, recipe.max_length)
    _refuse_nothing(encoding)
    complete = {
        "backend": choice.name,
        "reason": choice.reason,
        "precision": student.precision,
        "truncated_share": encoding.truncated_share,
        "origin": origin,
    }
    write_json(folder / MANIFEST, manifest.model_copy(update=complete), indent=1, durable=True)
    state = Loop(student, encoding.rows, validation.rows, recipe, folder, report, threads).run()
    if state.tokens > _WORTH_NOTING:
        remember_speed(recipe, choice.name, state.tokens / state.seconds, settings)


def _spoken_to(rows: Sequence[TrainingRow], recipe: Recipe) -> list[TrainingRow]:
    """The rows with the recipe's system prompt where they have none of their own."""
    return [row if row.system else row.model_copy(update={"system": recipe.system}) for row in rows]


def system_of(folder: Path) -> str:
    """The system prompt that a run's student was trained with; empty for the template's own."""
    return _read_manifest(folder).recipe.system if (folder / MANIFEST).exists() else ""


def _load(
    backend: str, manifest: Manifest, settings: Settings, report: Report
) -> tuple[Student, Origin]:
    """The student with a fresh adapter, and where its base's weights came from."""
    if backend == "unsloth":
        import_unsloth()
    recipe = manifest.recipe
    folder, origin = base_weights(recipe.base, settings, report, manifest.origin)
    load = load_unsloth if backend == "unsloth" else load_student
    return load(folder, recipe, manifest.precision), origin


def _refuse_nothing(encoding: Encoding) -> None:
    if not encoding.rows:
        raise BadInput(
            "Every question is longer than the maximum length.",
            code="train.too_long",
            next="Use a larger maximum length.",
        )


def _result(folder: Path, state: TrainingState, manifest: Manifest) -> TrainingResult:
    best = next((p for p in state.curve if state.best.endswith(f"-{p.step:06d}")), None)
    return TrainingResult(
        folder=folder,
        best=state.best,
        steps=state.step,
        epochs=state.epochs,
        tokens=state.tokens,
        seconds=state.seconds,
        tokens_per_second=state.tokens / state.seconds,
        loss=best.loss if best else state.recent_loss / state.recent_steps,
        val_loss=best.val_loss if best else None,
        val_token_accuracy=best.val_token_accuracy if best else None,
        curve=state.curve,
        stopped_early=state.stopped_early,
        truncated_share=manifest.truncated_share,
        rows=manifest.count,
        validation_rows=manifest.validation_count,
        recipe=manifest.recipe,
        backend=manifest.backend,
        reason=manifest.reason,
        precision=manifest.precision,
        parts=state.parts,
        origin=manifest.origin,
    )
