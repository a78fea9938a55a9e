"""One OpenVINO GenAI pipeline and the one thread that drives it.

Callers hand requests over (``submit``) and are told of new tokens on a queue of their own; only
the driving thread touches the pipeline, so nobody waits for a lock between two steps, and all
requests of all callers advance together. The thread ends when there is nothing left to do.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import BadAnswer, TeacherBroken, TeacherError, TeacherRefused

READING_PAUSE, PAUSE = 0.003, 0.0005
"""Seconds after a step in which other threads may run, with and without somebody who reads along.

OpenVINO GenAI holds Python's lock for the whole of ``step`` (30 ms with 8 requests), and takes it
again at once: without a pause every hand-over between threads of a server waits for a whole step.
"""

EXACT: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""What OpenVINO is told of precision: 32 bits, and activations as they are.

By itself it rounds to bfloat16 where the CPU can, and activations to 8 bits by groups. SmolLM2-135M
then answers «What is the capital of France?» with «L'Étoile, la Cité, ...» on such a CPU, and words
its answers by what else is in the batch: of 28 greedy answers 22 are the same alone and together,
with these settings 27 (``python tests/bench/precision.py``).
"""


@dataclass(eq=False)
class Run:
    """One request under way. The driving thread writes it; its caller reads.

    ``ids`` are the answer's tokens so far; ``ended`` comes after the last of them; ``error`` is
    set where the run ended without an answer; ``cut`` where it ended for its length.
    """

    prompt: Any  # openvino Tensor of shape (1, tokens)
    config: Any
    news: queue.SimpleQueue[Run]
    every_token: bool = False
    ids: list[int] = field(default_factory=list)
    handle: Any = None
    ended: bool = False
    cut: bool = False
    error: TeacherError | None = None

    @property
    def prompt_tokens(self) -> int:
        """Length of the prompt in tokens."""
        return int(self.prompt.shape[1])


class Pipeline:
    """Continuous batching of a GGUF model on the CPU.

    Args:
        path: The model's file.
        streams: Most requests that advance together.
        cache_gb: Memory for the attention cache of all streams, in GiB.
        threads: Cores used; 0 for all.

    Raises:
        TeacherRefused: the file is not a model that OpenVINO can run.
    """

    def __init__(self, path: Path, *, streams: int, cache_gb: int, threads: int = 0) -> None:
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = cache_gb
        scheduler.max_num_seqs = streams
        options = EXACT | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
        try:
            self._pipe = openvino_genai.ContinuousBatchingPipeline(
                str(path), scheduler, "CPU", options
            )
        except RuntimeError as error:
            raise TeacherRefused(
                f"OpenVINO cannot run {path.name}: {str(error).strip()[-200:]}",
                code="model.load",
                next="Use a GGUF file of the llama or qwen family in Q4_0, Q4_1, Q8_0 or F16.",
            ) from error
        self.tokenizer = self._pipe.get_tokenizer()
        self.broken = False
        self._numbers = itertools.count()
        self._inbox: list[Run] = []
        self._leaving: list[Run] = []
        self._running: list[Run] = []
        self._driver: threading.Thread | None = None
        # Guards the hand-over and the thread's life; re-entrant, for a forgotten answer may be
        # cancelled by the garbage collector in whatever thread it runs, this one included.
        self._lock = threading.RLock()

    def config(self) -> Any:
        """A fresh generation config with the model's own defaults."""
        return self._pipe.get_config()

    def submit(self, run: Run) -> None:
        """Take a request in; its caller is told through ``run.news``."""
        with self._lock:
            self._inbox.append(run)
            self._wake()

    def cancel(self, runs: list[Run]) -> None:
        """Drop requests whose callers went away; returns when the pipeline has let them go."""
        if not runs:
            return
        with self._lock:
            self._leaving.extend(runs)
            self._wake()
            if self._driver is threading.current_thread():
                return
        while not all(run.ended for run in runs):
            runs[0].news.get()

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return not (self._inbox or self._running)

    # ------------------------------------------------------------ the driving thread

    def _wake(self) -> None:
        if self._driver is None:
            self._driver = threading.Thread(target=self._drive, name="pipeline")
            self._driver.start()

    def _drive(self) -> None:
        while self._hand_over():
            try:
                if self._pipe.has_non_finished_requests():
                    self._pipe.step()
                told = [run for run in self._running if _read(run)]
            except Exception as error:  # whatever it is: callers wait for their runs to end
                self._fail(error)
                continue
            self._running = [run for run in self._running if not run.ended]
            for run in told:
                if run.ended or run.every_token:
                    run.news.put(run)
            time.sleep(READING_PAUSE if any(run.every_token for run in told) else PAUSE)

    def _hand_over(self) -> bool:
        """Let new requests in and cancelled ones out; False (and no thread) if none is left."""
        with self._lock:
            entering, self._inbox = self._inbox, []
            leaving, self._leaving = self._leaving, []
            if not (entering or leaving or self._running):
                self._driver = None
                return False
        for run in entering:
            self._enter(run)
        for run in leaving:
            self._leave(run)
        return True

    def _enter(self, run: Run) -> None:
        if self.broken:
            _end(run, TeacherBroken("The model failed.", code="model.failed"))
            return
        try:
            run.handle = self._pipe.add_request(next(self._numbers), run.prompt, run.config)
            self._running.append(run)
        except RuntimeError as error:
            refused = BadAnswer(
                f"The model cannot be held to this schema: {str(error).strip()[-200:]}",
                code="teacher.request",
                next="Use a simpler JSON schema.",
            )
            _end(run, refused)

    def _leave(self, run: Run) -> None:
        if run in self._running:
            self._running.remove(run)
            run.handle.cancel()
            if not self._running and self._pipe.has_non_finished_requests():
                self._pipe.step()  # nothing else would let the pipeline drop it
        _end(run)

    def _fail(self, error: Exception) -> None:
        """End every run: the pipeline's state is unknown after an error."""
        self.broken = True
        lost, self._running = self._running, []
        for run in lost:
            _end(run, TeacherBroken(f"The model failed: {error}", code="model.failed"))


def _end(run: Run, error: TeacherError | None = None) -> None:
    run.error = run.error or error
    run.ended = True
    run.news.put(run)


def _read(run: Run) -> bool:
    """Take the new tokens of a request; whether there was anything new."""
    import openvino_genai

    reason = openvino_genai.GenerationFinishReason
    before = len(run.ids)
    while run.handle.can_read():
        for output in run.handle.read().values():
            run.ids.extend(output.generated_ids)
            if output.finish_reason != reason.NONE:
                run.cut = output.finish_reason == reason.LENGTH
    status = run.handle.get_status()
    if status == openvino_genai.GenerationStatus.IGNORED:
        run.error = BadAnswer(
            f"The prompt of {run.prompt_tokens} tokens does not fit into the model's memory.",
            code="teacher.too_long",
            next="Use shorter passages, or give the model more cache.",
        )
    run.ended = bool(status != openvino_genai.GenerationStatus.RUNNING)
    return run.ended or len(run.ids) > before
