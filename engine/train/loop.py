"""Our training loop: packed batches, checks at regular points, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import Cancelled, WorkFailed
from engine.progress import Report
from engine.schema import Progress
from engine.train import checkpoint
from engine.train.checkpoint import TrainingPoint, TrainingState
from engine.train.packing import fill, plan
from engine.train.parts import fitting, is_out_of_memory, learned, out_of_memory
from engine.train.recipe import Recipe
from engine.train.rows import Encoded
from engine.train.student import Student
from engine.train.threads import Threads

CHECKPOINTS = 10
"""At least so many checkpoints per run."""


@dataclass
class Loop:
    """One sitting at a run. ``folder`` holds log, checkpoints and best adapter."""

    student: Student
    rows: Sequence[Encoded]
    validation: Sequence[Encoded]
    recipe: Recipe
    folder: Path
    report: Report
    threads: Threads
    state: TrainingState = field(default_factory=TrainingState)
    step_seconds: float = 0.0
    check_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Lay out all steps, and take up the newest checkpoint."""
        import torch

        recipe, lengths = self.recipe, [len(row.ids) for row in self.rows]
        self.steps = plan(lengths, recipe.batch_tokens, recipe.epochs, recipe.seed)
        self.rate_of = learning_rates(recipe, len(self.steps))
        self.epoch_tokens = sum(lengths)
        per_epoch = math.ceil(len(self.steps) / recipe.epochs)
        self.every = check_interval(len(self.steps), per_epoch, recipe.checks)
        self.parameters = [p for _, p in checkpoint.trainable(self.student.model)]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        torch.manual_seed(recipe.seed)
        if found := checkpoint.latest(self.folder):
            self.state = checkpoint.load_checkpoint(found, self.student.model, self.optimizer)
        checkpoint.cut_log(self.folder / checkpoint.LOG, self.state.step)

    def run(self) -> TrainingState:
        """Train to the end, to early stopping, or until ``report`` raises ``Cancelled``.

        Raises:
            Cancelled: after a checkpoint; the best adapter so far is kept.
            WorkFailed: the loss is no longer a number, or memory ran out.
        """
        try:
            with _memory_errors():
                while not self._finished():
                    if self._due():
                        self._check()
                    else:
                        self._step()
        except Cancelled:
            self._keep()
            raise
        return self.state

    def _finished(self) -> bool:
        at_end = self.state.step >= len(self.steps)
        return self.state.stopped_early or (at_end and not self._due())

    def _due(self) -> bool:
        """Whether this step's check is still to be made (also after a resume just before it)."""
        step, curve = self.state.step, self.state.curve
        if step == 0 or (curve and curve[-1].step == step):
            return False
        return step % self.every == 0 or step == len(self.steps)

    def _step(self) -> None:
        self.threads.adapt()
        begin, state = time.perf_counter(), self.state
        rows = [self.rows[i] for i in self.steps[state.step]]
        tokens = sum(len(row.ids) for row in rows)
        rate = self.rate_of(state.step)
        loss = self._update(rows, rate)
        seconds = time.perf_counter() - begin
        self.step_seconds = _smooth(self.step_seconds, seconds)
        self.state = self.state.model_copy(
            update={
                "step": state.step + 1,
                "epochs": (state.tokens + tokens) / self.epoch_tokens,
                "tokens": state.tokens + tokens,
                "seconds": state.seconds + seconds,
                "recent_loss": state.recent_loss + loss,
                "recent_steps": state.recent_steps + 1,
            }
        )
        point = self._point(loss, rate, tokens / seconds)
        if not self._due():  # else the check writes this step's line, with its measurements
            self._log(point)
        self._tell(point)

    def _update(self, rows: Sequence[Encoded], rate: float) -> float:
        """One optimiser step; returns the batch's loss."""
        import torch

        self.student.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        value, _ = self._computed(rows, train=True)
        if not math.isfinite(value):
            raise WorkFailed(
                f"The loss is no longer a number at step {self.state.step + 1}.",
                code="train.diverged",
                next="Use a smaller learning rate.",
                step=self.state.step + 1,
            )
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return value

    def _computed(self, rows: Sequence[Encoded], *, train: bool) -> tuple[float, int]:
        """Loss and right tokens of one batch, in smaller parts from now on if memory runs out."""
        parts = self.state.parts
        loss, right, fitted = fitting(self.student, rows, parts, self._tell_parts, train=train)
        if fitted > parts:
            self.state = self.state.model_copy(update={"parts": fitted})
        return loss, right

    def _tell_parts(self, parts: int) -> None:
        message = "Out of memory: half the batch, twice the accumulation. " + _in_parts(parts)
        self.report(Progress(stage="train.halved", done=self.state.step, message=message))

    def _check(self) -> None:
        """Measure on validation rows, keep the adapter if it is the best, write a checkpoint."""
        begin, state = time.perf_counter(), self.state
        val_loss, accuracy = self._measure()
        judged = state.recent_loss / max(1, state.recent_steps) if val_loss is None else val_loss
        better = val_loss is None or state.best_loss is None or judged < state.best_loss
        stale = 0 if better else state.stale + 1
        rate = self.rate_of(state.step - 1)
        point = self._point(
            state.recent_loss / max(1, state.recent_steps), rate, state.tokens / state.seconds
        ).model_copy(update={"val_loss": val_loss, "val_token_accuracy": accuracy})
        seconds = time.perf_counter() - begin
        self.check_seconds = _smooth(self.check_seconds, seconds)
        self.state = state.model_copy(
            update={
                "seconds": state.seconds + seconds,
                "recent_loss": 0.0,
                "recent_steps": 0,
                "stale": stale,
                "best": self._save_best() if better else state.best,
                "best_loss": judged if better else state.best_loss,
                "stopped_early": bool(self.recipe.patience) and stale >= self.recipe.patience,
                "curve": (*state.curve, point),
            }
        )
        self._log(point)
        self._checkpoint()
        self._tell(point)

    def _measure(self) -> tuple[float | None, float | None]:
        """Loss (nats) and accuracy over the learned tokens of the validation rows."""
        import torch

        if not self.validation:
            return None, None
        lengths = [len(row.ids) for row in self.validation]
        batches = list(fill(lengths, self.recipe.batch_tokens, range(len(lengths))))
        total, right, count = 0.0, 0, 0
        self.student.model.eval()
        with torch.no_grad():
            for number, chosen in enumerate(batches):
                rows = [self.validation[i] for i in chosen]
                loss, correct = self._computed(rows, train=False)
                total += loss * learned(rows)
                right += correct
                count += learned(rows)
                self.report(Progress(stage="train.check", done=number + 1, total=len(batches)))
        return total / count, right / count

    def _save_best(self) -> str:
        name = f"best-{self.state.step:06d}"
        checkpoint.write_folder(self.folder / name, self.student.save)
        return name

    def _checkpoint(self) -> None:
        checkpoint.save_checkpoint(self.folder, self.state, self.student.model, self.optimizer)

    def _keep(self) -> None:
        """Write down where we are; a run cancelled before its first check keeps what it has."""
        state = self.state
        if not state.step:
            return
        if not state.best:
            self.state = state.model_copy(update={"best": self._save_best()})
        self._checkpoint()

    def _point(self, loss: float, rate: float, speed: float) -> TrainingPoint:
        return TrainingPoint(
            step=self.state.step,
            epoch=self.state.epochs,
            loss=loss,
            learning_rate=rate,
            tokens_per_second=speed,
            eta_seconds=self._eta(),
        )

    def _eta(self) -> float:
        """Seconds to the last step if nothing stops it early: steps and checks still to do."""
        left = len(self.steps) - self.state.step
        checks = math.ceil(left / self.every)
        return left * self.step_seconds + checks * self.check_seconds

    def _log(self, point: TrainingPoint) -> None:
        with (self.folder / checkpoint.LOG).open("a", encoding="utf-8") as log:
            log.write(point.model_dump_json() + "\n")

    def _tell(self, point: TrainingPoint) -> None:
        metrics = {
            name: value for name, value in point.model_dump().items() if isinstance(value, float)
        }
        self.report(
            Progress(
                stage="train",
                done=point.step,
                total=len(self.steps),
                metrics=metrics,
                message=_in_parts(self.state.parts),
            )
        )


def check_interval(steps: int, per_epoch: int, checks: int) -> int:
    """Steps between checks: ``checks`` per epoch, but at least ``CHECKPOINTS`` per run."""
    return max(1, min(math.ceil(per_epoch / checks), steps // CHECKPOINTS))


def learning_rates(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """The rate of each step (from 0): linear warm-up, then the recipe's schedule to 0.

    Transformers' own schedules, of which the very first step would have the rate 0: while warming
    up we are one step ahead, so that step 0 has its share and the last one of the warm-up the full
    rate.
    """
    import torch
    from transformers import get_scheduler

    warm = math.ceil(recipe.warmup * steps)
    name = "constant_with_warmup" if recipe.schedule == "constant" else recipe.schedule
    stand_in = torch.optim.SGD([torch.zeros(1)], lr=recipe.learning_rate)
    [share] = get_scheduler(name, stand_in, warm, max(steps, warm + 1)).lr_lambdas
    return lambda step: recipe.learning_rate * float(share(step + (step < warm)))


def _in_parts(parts: int) -> str:
    return f"Each step is computed in {parts} parts, of the same rows" if parts > 1 else ""


def _smooth(old: float, new: float) -> float:
    return new if old == 0.0 else 0.8 * old + 0.2 * new


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Say what to do when memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise out_of_memory() from error
        raise
