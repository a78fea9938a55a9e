"""Does the exported file say what the tuned model says? Asked before anybody else finds out.

Two questions, because each alone is blind to something. The file's tensors are read back and
compared with the tuned weights: this finds one wrong tensor, which an answer may hide. And both
models answer the same prompts: this finds a wrong tokenizer, template or convention. The tuned
model runs in transformers, the GGUF in OpenVINO GenAI; both in fp32 arithmetic, greedily, and with
their own chat template and tokenizer. What OpenVINO cannot run is answered by
transformers' own reader of GGUF files (weights) and our reader of their tokenizers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import WorkFailed
from engine.llm.pipeline import EXACT
from engine.models.convert import gguf_family
from engine.models.folder import read_config
from engine.models.rows import from_gguf
from engine.models.tokenizer import load_tokenizer, prompt_ids
from engine.models.vocabulary import read_tokenizer
from engine.schema import Value
from engine.settings import Settings
from engine.train.threads import Threads

PROMPTS = (
    "What is the capital of France?",
    "Explain in one sentence what a variable is.",
    "What is 7 + 5?",
    "Define the term photosynthesis.",
    "Why is the sky blue?",
    "List three fruits.",
    "What does a computer program do?",
    "Translate 'good morning' into French.",
    "What is the difference between a list and a tuple?",
    "Who wrote Romeo and Juliet?",
)
FIRST_TOKENS = 0.8
LEADING_TOKENS = 0.4
TENSOR_ERROR = 0.02
"""What a faithful file must reach, over 10 prompts of 32 tokens.

Q8_0 rounds every weight by up to 0.4 % of its block's largest, which moves a matrix by about 0.5 %
of its norm and flips a token only where two candidates are nearly equal; after one flip the rest
of an answer may differ without being worse. So first tokens must agree on 8 of 10 prompts, two
fifths of all tokens must stand before the first flip, and no tensor may be off by over 2 %.
Measured on a student after one epoch: first 0.9, leading 0.6. With the rows of all attn_k in the
wrong order: 0.0 and 0.0; of one layer's attn_q only: 0.9 and 0.41, but that tensor is off by 100 %.
"""


class PromptComparison(Value):
    """One prompt's two answers: their text, and how many leading tokens agree."""

    prompt: str
    tuned: str
    exported: str
    tokens: int
    agree: int
    same_prompt: bool


class ParityReport(Value):
    """What was found on all prompts.

    ``agreeing`` of ``prompts`` begin alike. Shares: ``exact`` of equal answers, ``first`` of equal
    first tokens, ``leading`` of the tokens that stand before an answer's first difference.
    ``same_prompts``: both sides read the same token ids, so the chat template is the same.
    ``worst_tensor`` is off by ``tensor_error``: the norm of the difference by its own norm.
    """

    prompts: int
    agreeing: int
    exact: float
    first: float
    leading: float
    same_prompts: bool
    worst_tensor: str
    tensor_error: float
    answers: tuple[PromptComparison, ...]

    @property
    def passed(self) -> bool:
        """Whether the file may be published."""
        good = self.first >= FIRST_TOKENS and self.leading >= LEADING_TOKENS
        return self.same_prompts and good and self.tensor_error <= TENSOR_ERROR


def parity(
    merged_folder: Path,
    gguf: Path,
    prompts: Sequence[str] = PROMPTS,
    *,
    settings: Settings,
    max_tokens: int = 32,
) -> ParityReport:
    """Compare the tuned model with its exported file.

    Raises:
        WorkFailed: code ``export.parity``: they differ; the report's figures are in its values.
    """
    import torch

    Threads(settings)
    tuned = _by_transformers(merged_folder, prompts, max_tokens)
    if runs_in_openvino(gguf):
        exported = _by_openvino(gguf, prompts, max_tokens, torch.get_num_threads())
    else:
        exported = _by_transformers(merged_folder, prompts, max_tokens, gguf)
    report = compare(prompts, tuned, exported, worst_tensor(merged_folder, gguf))
    if not report.passed:
        raise WorkFailed(
            f"The exported file does not answer like the tuned model: first tokens agree on "
            f"{report.first:.0%} of the prompts, {report.leading:.0%} of tokens before the first "
            f"difference, same prompts: {report.same_prompts}, {report.worst_tensor} is off by "
            f"{report.tensor_error:.1%}.",
            code="export.parity",
            next="Do not publish this file. Export again; if it fails again, report it.",
            first=report.first,
            leading=report.leading,
            same_prompts=report.same_prompts,
            tensor=report.worst_tensor,
            tensor_error=report.tensor_error,
        )
    return report


def runs_in_openvino(gguf: Path) -> bool:
    """Whether OpenVINO GenAI 2026.4 builds this architecture from a GGUF file."""
    from gguf import GGUFReader

    return gguf_family(GGUFReader(gguf)).runtime == "openvino"


def worst_tensor(merged_folder: Path, gguf: Path) -> tuple[str, float]:
    """The tensor of the file that is furthest from the tuned weights, and how far (relative)."""
    import numpy as np
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.torch import load_file

    weights = load_file(merged_folder / "model.safetensors")
    config = read_config(merged_folder)
    worst = ("", 0.0)
    reader = GGUFReader(gguf)
    family = gguf_family(reader)
    for tensor in reader.tensors:
        wanted = weights[family.transformers_name(tensor.name)].float().numpy()
        found = dequantize(tensor.data, tensor.tensor_type)
        found = from_gguf(family, tensor.name, found, config)
        error = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
        worst = max(worst, (tensor.name, error), key=lambda pair: pair[1])
    return worst


class ModelAnswer(Value):
    """One program's side of a prompt: the ids it read, the ids it wrote, and their text."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    text: str


def compare(
    prompts: Sequence[str],
    tuned: Sequence[ModelAnswer],
    exported: Sequence[ModelAnswer],
    worst: tuple[str, float] = ("", 0.0),
) -> ParityReport:
    """The report on two sides of the same prompts."""
    answers = tuple(
        PromptComparison(
            prompt=prompt,
            tuned=one.text,
            exported=other.text,
            tokens=max(len(one.answer), len(other.answer)),
            agree=_leading(one.answer, other.answer),
            same_prompt=one.prompt == other.prompt,
        )
        for prompt, one, other in zip(prompts, tuned, exported, strict=True)
    )
    count = len(answers)
    return ParityReport(
        prompts=count,
        agreeing=sum(a.agree > 0 or a.tokens == 0 for a in answers),
        exact=sum(a.agree == a.tokens for a in answers) / count,
        first=sum(a.agree > 0 or a.tokens == 0 for a in answers) / count,
        leading=sum(a.agree for a in answers) / max(1, sum(a.tokens for a in answers)),
        same_prompts=all(a.same_prompt for a in answers),
        worst_tensor=worst[0],
        tensor_error=worst[1],
        answers=answers,
    )


def _leading(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens agree before the first difference."""
    flips = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(flips, min(len(one), len(other)))


def _by_transformers(
    folder: Path, prompts: Sequence[str], max_tokens: int, gguf: Path | None = None
) -> list[ModelAnswer]:
    """The answers of the model in ``folder``, or of the weights and the tokenizer in ``gguf``."""
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM

    if gguf:
        reader = GGUFReader(gguf)
        tokenizer = read_tokenizer(reader, gguf_family(reader))
    else:
        tokenizer = load_tokenizer(folder)
    place, options = (gguf.parent, {"gguf_file": gguf.name}) if gguf else (folder, {})
    model = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **options).eval()
    ids = [prompt_ids(tokenizer, [{"role": "user", "content": text}]) for text in prompts]
    width = max(map(len, ids))
    padding = tokenizer.eos_token_id
    batch = torch.tensor([[padding] * (width - len(row)) + row for row in ids])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
    out = model.generate(
        input_ids=batch,
        attention_mask=mask,
        max_new_tokens=max_tokens,
        do_sample=False,
        pad_token_id=padding,
    )
    answers = [_to_end(row[width:].tolist(), tokenizer.eos_token_id) for row in out]
    return [
        ModelAnswer(prompt=tuple(read), answer=answer, text=tokenizer.decode(list(answer)))
        for read, answer in zip(ids, answers, strict=True)
    ]


def _by_openvino(
    gguf: Path, prompts: Sequence[str], max_tokens: int, threads: int
) -> list[ModelAnswer]:
    import openvino_genai

    options = EXACT | {"INFERENCE_NUM_THREADS": threads}
    try:
        pipe = openvino_genai.LLMPipeline(str(gguf), "CPU", **options)
    except RuntimeError as error:
        raise WorkFailed(
            f"The exported file cannot be loaded: {str(error).strip()[-200:]}",
            code="export.parity",
            next="Do not publish this file. Export again; if it fails again, report it.",
        ) from error
    tokenizer = pipe.get_tokenizer()
    config = pipe.get_generation_config()
    config.max_new_tokens, config.do_sample = max_tokens, False
    return [_ask(pipe, tokenizer, config, prompt) for prompt in prompts]


def _ask(pipe: Any, tokenizer: Any, config: Any, prompt: str) -> ModelAnswer:
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    read = tokenizer.encode(text, add_special_tokens=False)
    written = pipe.generate(read, config).tokens[0]
    answer = _to_end(list(written), tokenizer.get_eos_token_id())
    return ModelAnswer(
        prompt=tuple(read.input_ids.data[0].tolist()),
        answer=answer,
        text=tokenizer.decode(list(answer)),
    )


def _to_end(ids: list[int], end: int) -> tuple[int, ...]:
    """The answer without its end mark and what follows."""
    return tuple(ids[: ids.index(end)] if end in ids else ids)
