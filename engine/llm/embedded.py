"""A model inside this process, without a server: GGUF files by OpenVINO GenAI on the CPU.

By default SmolLM2-135M-Instruct (see ``engine.models``); also a course's published student. All
requests of all threads share one pipeline, which advances every one of them by a token a step.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import BadAnswer, Missing, TeacherBroken, TeacherError, TeacherRefused
from engine.llm import Answer, Request
from engine.llm.content import check_schema, find_json, usable_text
from engine.models import smollm2_q8_gguf
from engine.progress import Report, silent
from engine.settings import Settings

DEFAULT_MODEL = "smollm2-135m-instruct-q8_0"


@dataclass
class _Run:
    """One request under way in the pipeline."""

    request: Request
    handle: Any
    prompt_tokens: int
    began: float
    ids: list[int] = field(default_factory=list)
    cut: bool = False
    ignored: bool = False


class Embedded:
    """``Chat`` by a GGUF model in this process.

    Loads at the first question (3 s for the default model; its very first use fetches 93 MB).

    Args:
        settings: ``models`` holds the default model; ``threads`` limits the cores used.
        gguf: Another model's file, such as a published student.
        model: Name for the answer cache; default is the file's name and a digest of its content.
        streams: Most requests at a time.
        context: Longest prompt and answer together, in tokens.
        cache_gb: Memory for the attention cache of all streams, in GiB.
        report: Told about the fetch of the default model.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        gguf: Path | None = None,
        model: str = "",
        streams: int = 32,
        context: int = 8192,
        cache_gb: int = 1,
        report: Report = silent,
    ) -> None:
        self.settings = settings
        self.streams = streams
        self.context = context
        self.cache_gb = cache_gb
        self._gguf = gguf
        self._report = report
        self._model = model or (_name_of(gguf) if gguf else DEFAULT_MODEL)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._pipe: Any = None
        self._tokenizer: Any = None

    @property
    def model(self) -> str:
        """Name of the model, with a digest of the file unless it is the default one."""
        return self._model

    def load(self) -> None:
        """Load the model now rather than at the first question.

        Raises:
            Missing: there is no such file.
            TeacherRefused: the file is not a model that OpenVINO can run.
            WorkFailed: the default model could not be fetched.
        """
        with self._lock:
            self._loaded()

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """See ``Chat.ask``; up to ``streams`` requests advance together.

        Raises:
            Missing, TeacherRefused, WorkFailed: see ``load``.
        """
        source = enumerate(requests)
        with self._running() as running:
            more = True
            while more or running:
                while more and len(running) < self.streams:
                    item = next(source, None)
                    more = item is not None
                    if item is not None:
                        try:
                            running[item[0]] = self._begin(item[1])
                        except BadAnswer as error:
                            yield item[0], error
                yield from self._step(running)

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``; the model stops as soon as the reader does.

        Raises:
            BadAnswer: the prompt is too long, or the answer empty.
            TeacherBroken: the model failed.
        """
        with self._running() as running:
            run = running[0] = self._begin(request)
            told = ""
            while running:
                for _, outcome in self._step(running):
                    if isinstance(outcome, TeacherError) and outcome.code != "teacher.length":
                        raise outcome
                text = self._text(run)
                if not text.endswith("\ufffd") and len(text) > len(told):  # half a character waits
                    yield text[len(told) :]
                    told = text

    # ------------------------------------------------------------ the pipeline

    @contextmanager
    def _running(self) -> Iterator[dict[int, _Run]]:
        """The caller's requests under way; those still there at the end are cancelled."""
        running: dict[int, _Run] = {}
        try:
            yield running
        finally:
            if running:
                with self._lock:
                    for run in running.values():
                        run.handle.cancel()
                    if self._pipe is not None:
                        self._pipe.step()  # lets the pipeline drop them

    def _loaded(self) -> Any:
        if self._pipe is None:
            import openvino_genai

            path = self._gguf or smollm2_q8_gguf(self.settings, self._report)
            if not path.is_file():
                raise Missing(f"There is no model file {path}.", code="model.missing")
            scheduler = openvino_genai.SchedulerConfig()
            scheduler.cache_size = self.cache_gb
            scheduler.max_num_seqs = self.streams
            threads = self.settings.threads
            options = {"INFERENCE_NUM_THREADS": threads} if threads else {}
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
            self._tokenizer = self._pipe.get_tokenizer()
        return self._pipe

    def _begin(self, request: Request) -> _Run:
        """Hand a request to the pipeline.

        Raises:
            BadAnswer: the prompt leaves no room for an answer, or the schema cannot be kept to.
        """
        if request.answer_schema is not None:
            check_schema(request.answer_schema)  # a wrong one would bring the whole pipeline down
        with self._lock:
            pipe = self._loaded()
            messages = [message.model_dump() for message in request.messages]
            prompt = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True)
            ids = self._tokenizer.encode(prompt, add_special_tokens=False).input_ids
            length = int(ids.shape[1])
            if length + 16 > self.context:
                raise BadAnswer(
                    f"The prompt has {length} tokens; the model takes {self.context}.",
                    code="teacher.too_long",
                    next="Use shorter passages, or a model with a longer context.",
                )
            try:
                handle = pipe.add_request(next(self._numbers), ids, self._config(request, length))
            except RuntimeError as error:
                raise BadAnswer(
                    f"The model cannot be held to this schema: {str(error).strip()[-200:]}",
                    code="teacher.request",
                    next="Use a simpler JSON schema.",
                ) from error
            return _Run(request, handle, length, time.monotonic())

    def _config(self, request: Request, prompt: int) -> Any:
        import openvino_genai

        config = self._pipe.get_config()
        config.max_new_tokens = min(request.max_tokens, self.context - prompt)
        config.do_sample = request.temperature > 0
        if config.do_sample:
            config.temperature = request.temperature
            config.rng_seed = request.seed
        if request.answer_schema is not None:
            structure = openvino_genai.StructuredOutputConfig()
            structure.json_schema = json.dumps(request.answer_schema)
            config.structured_output_config = structure
        return config

    def _step(self, running: dict[int, _Run]) -> list[tuple[int, Answer | TeacherError]]:
        """Advance all requests by a token; the outcomes of those that ended, taken out."""
        if not running:
            return []
        with self._lock:
            try:
                if self._pipe.has_non_finished_requests():
                    self._pipe.step()
                ended = [index for index, run in running.items() if _read(run)]
            except RuntimeError as error:
                self._pipe = None  # its state is unknown; the next question loads it afresh
                broken = TeacherBroken(f"The model failed: {error}", code="model.failed")
                lost = list(running)
                running.clear()
                return [(index, broken) for index in lost]
            return [(index, self._outcome(running.pop(index))) for index in ended]

    def _outcome(self, run: _Run) -> Answer | TeacherError:
        if run.ignored:
            return BadAnswer(
                f"The prompt of {run.prompt_tokens} tokens does not fit into the model's memory.",
                code="teacher.too_long",
                next="Use shorter passages, or give the model more cache.",
            )
        if run.cut and not run.request.may_be_cut:
            return BadAnswer(
                f"The answer was cut off after {len(run.ids)} tokens.",
                code="teacher.length",
                next="Allow longer answers, or ask for less at a time.",
            )
        try:
            text = usable_text(self._text(run))
            schema = run.request.answer_schema
            data = None if schema is None else find_json(text, schema)
        except BadAnswer as error:
            return error
        return Answer(
            text=text,
            data=data,
            prompt_tokens=run.prompt_tokens,
            completion_tokens=len(run.ids),
            seconds=time.monotonic() - run.began,
        )

    def _text(self, run: _Run) -> str:
        return str(self._tokenizer.decode(run.ids, skip_special_tokens=True)) if run.ids else ""


def _read(run: _Run) -> bool:
    """Take the new tokens of a request; whether it has ended."""
    import openvino_genai

    reason = openvino_genai.GenerationFinishReason
    while run.handle.can_read():
        for output in run.handle.read().values():
            run.ids.extend(output.generated_ids)
            if output.finish_reason != reason.NONE:
                run.cut = output.finish_reason == reason.LENGTH
    status = run.handle.get_status()
    run.ignored = status == openvino_genai.GenerationStatus.IGNORED
    return bool(status != openvino_genai.GenerationStatus.RUNNING)


def _name_of(gguf: Path) -> str:
    """The file's name and a digest of 64 samples of its content."""
    if not gguf.is_file():
        raise Missing(f"There is no model file {gguf}.", code="model.missing")
    size = gguf.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=4)
    with gguf.open("rb") as file:
        for part in range(64):
            file.seek(size * part // 64)
            digest.update(file.read(65536))
    return f"{gguf.stem}-{digest.hexdigest()}"
