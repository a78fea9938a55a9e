"""The teacher learns what this student learns from: direct preference optimisation.

Rafailov et al., 2023 (arXiv 2305.18290), as ARTE uses it: the prompt has the style erased, the
chosen reply is the rationale with the best preference score, the rejected one that with the worst.
Questions are chosen (arm ``question``), not trained on: a teacher of this size writes none.
TRL trains a LoRA on a CPU; a killed run goes on from its last checkpoint.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.align.items import ChoiceItem
from engine.align.plan import AlignPlan
from engine.align.preference import Scored
from engine.align.rationales import naive, prompt_of
from engine.models.tokenizer import load_tokenizer
from engine.progress import Report
from engine.publish.merge import merge
from engine.schema import Language, Progress, Value
from engine.settings import Settings
from engine.train.backends import has_cuda
from engine.train.checkpoint import write_folder

BATCH = 4
RANK = 16


class Preferred(Value):
    """One lesson for the teacher."""

    prompt: str
    chosen: str
    rejected: str


def pairs_of(
    drafts: Mapping[str, ChoiceItem], scored: Sequence[Scored], language: Language
) -> list[Preferred]:
    """Best against worst rationale of each draft; a draft whose rationales score alike has none."""
    by_draft: dict[str, list[Scored]] = {}
    for one in scored:
        by_draft.setdefault(one.rationale.item, []).append(one)
    found = []
    for name, own in by_draft.items():
        best, worst = max(own, key=lambda s: s.score), min(own, key=lambda s: s.score)
        if best.score > worst.score and best.rationale.text and worst.rationale.text:
            texts = {"chosen": best.rationale.text, "rejected": worst.rationale.text}
            found.append(
                Preferred(prompt=prompt_of(drafts[name], naive(language), language), **texts)
            )
    return found


def train_teacher(
    base: Path,
    pairs: Sequence[Preferred],
    plan: AlignPlan,
    folder: Path,
    settings: Settings,
    report: Report,
) -> Path:
    """The transformers folder of the teacher after one epoch over ``pairs``.

    Args:
        base: The teacher's transformers folder.
        pairs: What to learn.
        plan: ``beta``, rate and seed.
        folder: Where adapter and merged model go; a finished one there is returned at once.
        settings: How many threads to use.
        report: Told every step; may raise ``Cancelled``.
    """
    merged = folder / "merged"
    if merged.exists():
        return merged
    steps = folder / "steps"
    steps.mkdir(parents=True, exist_ok=True)

    def fill(target: Path) -> None:
        trainer = _trainer(base, pairs, plan, steps, settings, report)
        last = _last_checkpoint(steps)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
        trainer.model.save_pretrained(str(target))

    adapter = write_folder(folder / "adapter", fill)
    shutil.rmtree(steps, ignore_errors=True)
    return merge(base, adapter, merged)


def _trainer(
    base: Path,
    pairs: Sequence[Preferred],
    plan: AlignPlan,
    steps: Path,
    settings: Settings,
    report: Report,
) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, PrinterCallback
    from trl import DPOTrainer

    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(plan.seed)
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=_arguments(plan, steps),
        train_dataset=Dataset.from_list([_conversation(pair) for pair in pairs]),
        processing_class=load_tokenizer(base),
        peft_config=LoraConfig(
            r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[_teller(report)],
    )
    trainer.remove_callback(PrinterCallback)  # stdout belongs to the command's result
    return trainer


def _arguments(plan: AlignPlan, steps: Path) -> Any:
    from trl import DPOConfig

    return DPOConfig(
        output_dir=str(steps),
        beta=plan.beta,
        learning_rate=plan.dpo_rate,
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        warmup_steps=0.1,  # a share of all steps
        lr_scheduler_type="cosine",
        max_length=512,
        seed=plan.seed,
        use_cpu=not has_cuda(),
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_steps=2,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
    )


def _conversation(pair: Preferred) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": pair.prompt}],
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
    }


def _last_checkpoint(steps: Path) -> Path | None:
    """The newest checkpoint that is whole: the trainer writes its state last."""
    whole = [f for f in steps.glob("checkpoint-*") if (f / "trainer_state.json").exists()]
    return max(whole, key=lambda f: int(f.name.rsplit("-", 1)[1]), default=None)


def _teller(report: Report) -> Any:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        """Tells each step; a cancelled report leaves the trainer here."""

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            report(Progress(stage="align.dpo", done=state.global_step, total=state.max_steps))

    return Teller()
