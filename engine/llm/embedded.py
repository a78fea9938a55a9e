"""A model inside this process, without a server: GGUF files by OpenVINO GenAI on the CPU.

By default SmolLM2-135M-Instruct (see ``engine.models``); also a course's published student. All
requests of all threads share one pipeline, which advances every one of them by a token a step.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.errors import BadAnswer, Missing, TeacherError
from engine.llm import Answer, Request
from engine.llm.content import check_schema
from engine.llm.outcome import settled
from engine.llm.pipeline import Pipeline, Run
from engine.models import smollm2_q8_gguf
from engine.progress import Report, silent
from engine.settings import Settings

DEFAULT_MODEL = "smollm2-135m-instruct-q8_0"
PIECE_SECONDS = 0.04  # a reader sees 25 pieces a second; more only costs time

News = queue.SimpleQueue[Run]


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
        self._pipe: Pipeline | None = None

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
        self._loaded()

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """See ``Chat.ask``; up to ``streams`` requests advance together.

        Raises:
            Missing, TeacherRefused, WorkFailed: see ``load``.
        """
        pipe = self._loaded()
        source = enumerate(requests)
        news: News = queue.SimpleQueue()
        running: dict[Run, tuple[int, Request, float]] = {}
        more = True
        try:
            while more or running:
                while more and len(running) < self.streams:
                    item = next(source, None)
                    more = item is not None
                    if item is not None:
                        try:
                            run = self._begin(pipe, item[1], news)
                            running[run] = (*item, time.monotonic())
                        except BadAnswer as error:
                            yield item[0], error
                if running:
                    ended = news.get()
                    index, request, began = running.pop(ended)
                    yield index, _outcome(pipe.tokenizer, ended, request, began)
        finally:
            pipe.cancel(list(running))

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``; the model stops as soon as the reader does.

        Raises:
            BadAnswer: the prompt is too long, or the answer empty.
            TeacherBroken: the model failed.
        """
        news: News = queue.SimpleQueue()
        began = time.monotonic()
        pipe = self._loaded()
        run = self._begin(pipe, request, news, every_token=True)
        pieces = _Pieces(pipe.tokenizer)
        try:
            while not run.ended:
                news.get()
                if piece := pieces.next(run.ids):
                    yield piece
                    began = _breathe(began)
            if piece := pieces.next(run.ids):
                yield piece
        finally:
            if not run.ended:
                pipe.cancel([run])
        outcome = _outcome(pipe.tokenizer, run, request, began)
        if isinstance(outcome, TeacherError) and outcome.code != "teacher.length":
            raise outcome

    # ------------------------------------------------------------ the pipeline

    def _loaded(self) -> Pipeline:
        with self._lock:
            if self._pipe is None or self._pipe.broken:  # after a failure, load afresh
                path = self._gguf or smollm2_q8_gguf(self.settings, self._report)
                if not path.is_file():
                    raise Missing(f"There is no model file {path}.", code="model.missing")
                self._pipe = Pipeline(
                    path,
                    streams=self.streams,
                    cache_gb=self.cache_gb,
                    threads=self.settings.threads,
                )
            return self._pipe

    def _begin(
        self, pipe: Pipeline, request: Request, news: News, *, every_token: bool = False
    ) -> Run:
        """Hand a request to the pipeline.

        Raises:
            BadAnswer: the prompt leaves no room for an answer, or the schema cannot be kept to.
        """
        if request.answer_schema is not None:
            check_schema(request.answer_schema)  # a wrong one would bring the whole pipeline down
        messages = [message.model_dump() for message in request.messages]
        prompt = pipe.tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        ids = pipe.tokenizer.encode(prompt, add_special_tokens=False).input_ids
        length = int(ids.shape[1])
        if length + 16 > self.context:
            raise BadAnswer(
                f"The prompt has {length} tokens; the model takes {self.context}.",
                code="teacher.too_long",
                next="Use shorter passages, or a model with a longer context.",
            )
        config = _configured(pipe.config(), request, self.context - length)
        run = Run(ids, config, news, every_token)
        pipe.submit(run)
        return run


def _outcome(tokenizer: Any, run: Run, request: Request, began: float) -> Answer | TeacherError:
    if run.error is not None:
        return run.error
    text = _decoded(tokenizer, run.ids)
    seconds = time.monotonic() - began
    return settled(request, text, run.prompt_tokens, len(run.ids), seconds, cut=run.cut)


def _configured(config: Any, request: Request, room: int) -> Any:
    """The generation config of a request, with room for ``room`` tokens."""
    import openvino_genai

    config.max_new_tokens = min(request.max_tokens, room)
    config.do_sample = request.temperature > 0
    if config.do_sample:
        config.temperature = request.temperature
        config.rng_seed = request.seed
    if request.answer_schema is not None:
        structure = openvino_genai.StructuredOutputConfig()
        structure.json_schema = json.dumps(request.answer_schema)
        config.structured_output_config = structure
    return config


class _Pieces:
    """The text of a growing answer, piece by piece, each token decoded about twice.

    A token's text may depend on the one before it (spaces, halves of a character), so a piece is
    the difference between two decodings that begin at the same settled token.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._settled = 0  # first token of the window
        self._told = 0  # tokens whose text was given out

    def next(self, ids: list[int]) -> str:
        """The text of the tokens that are new since the last call; "" while half a character."""
        end = len(ids)  # the list grows while we read
        if end == self._told:
            return ""
        before = _decoded(self._tokenizer, ids[self._settled : self._told])
        text = _decoded(self._tokenizer, ids[self._settled : end])
        if text.endswith("\ufffd") or len(text) <= len(before):
            return ""
        self._settled, self._told = self._told, end
        return text[len(before) :]


def _decoded(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True)) if ids else ""


def _breathe(began: float) -> float:
    """Wait until ``PIECE_SECONDS`` after ``began``, so that a piece holds what came meanwhile."""
    time.sleep(max(0.0, began + PIECE_SECONDS - time.monotonic()))
    return time.monotonic()


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
