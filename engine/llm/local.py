"""A transformers folder as ``Chat``: for students that OpenVINO cannot run from a GGUF file.

Slower than ``embedded`` (which batches continuously), but it runs every architecture that was
trained. Questions are answered in batches of equal settings; a second thread waits its turn.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadAnswer, Missing, TeacherBroken, TeacherError, TeacherRefused
from engine.installed import need_trainer
from engine.llm import Answer, Request
from engine.llm.content import check_schema, usable_text
from engine.llm.outcome import settled
from engine.models.precision import faster_precision
from engine.models.tokenizer import PLAIN_STOP, is_plain, load_tokenizer, prompt_ids
from engine.settings import Settings

if TYPE_CHECKING:
    import torch


class Local:
    """``Chat`` by a model folder in this process, on CUDA where there is one.

    Loads at the first question.

    Args:
        settings: ``threads`` limits the cores used.
        folder: The model, such as a run's merged student.
        model: Name for the answer cache; default is the folder's name and a digest of its weights.
        batch: Most questions at a time.
        context: Longest prompt and answer together, in tokens.

    Raises:
        Missing: there is no such model, or transformers is not installed.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        model: str = "",
        batch: int = 16,
        context: int = 8192,
    ) -> None:
        need_trainer()
        if not (folder / "config.json").is_file():
            raise Missing(f"There is no model in {folder}.", code="model.missing")
        self.settings = settings
        self.folder = folder
        self.batch = batch
        self.context = context
        self._model = model or _name_of(folder)
        self._loading = threading.Lock()
        self._lock = threading.Lock()  # one computation at a time: two would only slow each other
        self._net: Any = None
        self._tokenizer: Any = None
        self._ends: set[int] = set()

    @property
    def model(self) -> str:
        """Name of the model, with a digest of its weights."""
        return self._model

    def load(self) -> None:
        """Load the model now rather than at the first question.

        Raises:
            TeacherRefused: transformers cannot load the folder.
        """
        self._loaded()

    def ask(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | TeacherError]]:
        """See ``Chat.ask``; up to ``batch`` questions are answered together.

        Raises:
            TeacherRefused: see ``load``.
        """
        source = enumerate(requests)
        while chunk := list(islice(source, self.batch)):
            groups: dict[tuple[float, int], list[tuple[int, Request]]] = {}
            for index, request in chunk:
                seed = request.seed if request.temperature else 0
                groups.setdefault((request.temperature, seed), []).append((index, request))
            for group in groups.values():
                yield from self._answer(group)

    def stream(self, request: Request) -> Iterator[str]:
        """See ``Chat.stream``; the model stops as soon as the reader does.

        Raises:
            BadAnswer: the prompt is too long, or the answer empty.
        """
        ids: list[int] = []
        told = ""
        for token in self._steps(self._prompt(request), request):
            ids.append(token)
            text = self._text(ids)
            if not text.endswith("\ufffd") and len(text) > len(told):  # half a character waits
                yield text[len(told) :]
                told = text
        usable_text(told)

    # ------------------------------------------------------------ the model

    def _loaded(self) -> Any:
        with self._loading:
            return self._net or self._load()

    def _load(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
        cuda = torch.cuda.is_available()
        try:
            self._tokenizer = load_tokenizer(self.folder)
            self._net = AutoModelForCausalLM.from_pretrained(
                self.folder,
                dtype=torch.bfloat16 if cuda else getattr(torch, faster_precision()),
                device_map={"": "cuda" if cuda else "cpu"},
                use_safetensors=True,
            ).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise TeacherRefused(
                f"Transformers cannot load {self.folder.name}: {str(error).strip()[-200:]}",
                code="model.load",
                next="Train the student again, or use another base model.",
            ) from error
        ends = self._net.generation_config.eos_token_id
        named = ends if isinstance(ends, list) else [ends]
        self._ends = {e for e in [*named, self._tokenizer.eos_token_id] if e is not None}

        return self._net

    def _prompt(self, request: Request) -> list[int]:
        self._loaded()
        if request.answer_schema is not None:
            check_schema(request.answer_schema)
        messages = [message.model_dump() for message in request.messages]
        ids = prompt_ids(self._tokenizer, messages)
        if len(ids) + 16 > self.context:
            raise BadAnswer(
                f"The prompt has {len(ids)} tokens; the model takes {self.context}.",
                code="teacher.too_long",
                next="Use shorter passages, or a model with a longer context.",
            )
        return ids

    def _answer(
        self, group: Sequence[tuple[int, Request]]
    ) -> Iterator[tuple[int, Answer | TeacherError]]:
        began = time.monotonic()
        ready: list[tuple[int, Request, list[int]]] = []
        for index, request in group:
            try:
                ready.append((index, request, self._prompt(request)))
            except BadAnswer as error:
                yield index, error
        try:
            with self._lock:
                written = self._generate(ready) if ready else []
        except RuntimeError as error:
            broken = TeacherBroken(f"The model failed: {error}", code="model.failed")
            yield from ((index, broken) for index, _, _ in ready)
            return
        seconds = time.monotonic() - began
        for (index, request, prompt), ids in zip(ready, written, strict=True):
            yield index, self._outcome(request, len(prompt), ids, seconds)

    def _generate(self, ready: Sequence[tuple[int, Request, list[int]]]) -> list[list[int]]:
        """The new tokens of each prompt, up to and with its end mark; padded on the left."""
        import torch

        prompts = [prompt for _, _, prompt in ready]
        first = ready[0][1]
        width = max(map(len, prompts))
        padding = self._tokenizer.pad_token_id
        gaps = [width - len(prompt) for prompt in prompts]
        pairs = list(zip(prompts, gaps, strict=True))
        device = self._net.device
        if first.temperature:
            torch.manual_seed(first.seed)
        with torch.inference_mode():
            out = self._net.generate(
                input_ids=torch.tensor([[padding] * g + p for p, g in pairs], device=device),
                attention_mask=torch.tensor(
                    [[0] * g + [1] * len(p) for p, g in pairs], device=device
                ),
                max_new_tokens=max(request.max_tokens for _, request, _ in ready),
                do_sample=first.temperature > 0,
                temperature=first.temperature or None,
                top_p=None,
                top_k=None,
                pad_token_id=padding,
                eos_token_id=sorted(self._ends),
            )
        return [self._to_end(row[width:].tolist()) for row in out]

    def _to_end(self, ids: list[int]) -> list[int]:
        at = next((at for at, token in enumerate(ids) if token in self._ends), len(ids) - 1)
        return ids[: at + 1]

    def _outcome(
        self, request: Request, prompt: int, ids: list[int], seconds: float
    ) -> Answer | TeacherError:
        ids = ids[: request.max_tokens]
        text = self._text(ids)
        ended = (bool(ids) and ids[-1] in self._ends) or self._runs_on(ids)
        return settled(request, text, prompt, len(ids), seconds, cut=not ended)

    def _steps(self, prompt: list[int], request: Request) -> Iterator[int]:
        """One new token after the other, the end mark left out."""
        import torch

        net = self._loaded()
        chance = torch.Generator().manual_seed(request.seed)
        read = torch.tensor([prompt], device=net.device)
        cache, ids = None, []
        for _ in range(min(request.max_tokens, self.context - len(prompt))):
            with self._lock, torch.inference_mode():
                out = net(input_ids=read, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            token = _pick(out.logits[0, -1].float().cpu(), request.temperature, chance)
            ids.append(token)
            if token in self._ends or self._runs_on(ids):
                return
            yield token
            read = torch.tensor([[token]], device=net.device)

    def _runs_on(self, ids: list[int]) -> bool:
        """Whether an untrained base has begun to ask itself the next question."""
        plain = is_plain(self._tokenizer)
        return plain and PLAIN_STOP in self._tokenizer.decode(ids, skip_special_tokens=True)

    def _text(self, ids: list[int]) -> str:
        text = str(self._tokenizer.decode(ids, skip_special_tokens=True)) if ids else ""
        return text.partition(PLAIN_STOP)[0] if is_plain(self._tokenizer) else text


def _pick(logits: torch.Tensor, temperature: float, chance: torch.Generator) -> int:
    import torch

    if temperature <= 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=chance))


def _name_of(folder: Path) -> str:
    """The folder's name and a digest of 64 samples of each of its weight files."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(str(size).encode())
        with path.open("rb") as file:
            for part in range(64):
                file.seek(size * part // 64)
                digest.update(file.read(65536))
    return f"{folder.name}-{digest.hexdigest()}"
