"""Our training beside the plain TRL example, on the same rows, in turns.

    python tests/bench/training.py --data book.tex --home HOME [--threads N] [--quality]

Rows are the glossary entries of a LaTeX textbook. TRL runs as in its own examples: ``SFTTrainer``
with its defaults (the model by name, 8 rows a batch, padded, bf16 autocast, gradient checkpointing,
loss on completions in chunks) and ``LoraConfig(r=32, all-linear)``; once more without gradient
checkpointing, which is its quickest. Counted are real tokens of the rows, never padding; ours
counts a prefix that rows share once per row, as TRL does; ``computed_share`` says how many of them
we computed. ``--quality`` also compares the validation loss after equal epochs and rates.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from pathlib import Path

from engine.models.bases import SMOLLM2, base_folder
from engine.progress import silent
from engine.settings import Settings
from engine.train import Recipe, TrainingRow
from engine.train.packing import pack, plan
from engine.train.rows import Encoded, encode

WORDINGS = ("What is meant by {}?", "Define the term {}.", "In programming, what is {}?")
UNSEEN = "Please explain: {}"


def facts(path: Path) -> list[tuple[str, str]]:
    """Terms and definitions of the book's glossaries, without LaTeX."""
    text = path.read_text(encoding="latin-1")
    found = []
    for glossary in re.findall(r"section\{Glossary\}(.*?)\\end\{description\}", text, re.S):
        items = re.findall(r"\\item\[(.*?):?\]\s*(.*?)(?=\\item\[|\Z)", glossary, re.S)
        found += [(plain(term), plain(words)) for term, words in items]
    return [(term, words) for term, words in found if 3 < len(words.split()) < 70]


def plain(text: str) -> str:
    """LaTeX as words."""
    text = re.sub(r"\\index\{(?:[^{}]|\{[^{}]*\})*\}", "", text)
    text = re.sub(r"\\[a-zA-Z]+\{([^{}]*)\}", r"\1", text)
    return " ".join(re.sub(r"[{}$\\]|``|''", "", text).split())


class Ours:
    """Our loop's own steps."""

    name = "ours"

    def __init__(self, folder: Path, rows: list[TrainingRow], recipe: Recipe) -> None:
        import torch

        from engine.train.loop import Loop
        from engine.train.student import load_student
        from engine.train.threads import Threads

        student = load_student(folder, recipe)
        self.rows = encode(rows, student.tokenizer, recipe.max_length).rows
        threads = Threads(Settings(home=folder, threads=torch.get_num_threads()))
        out = Path(tempfile.mkdtemp())
        self.loop = Loop(student, self.rows, [], recipe, out, silent, threads)
        self.at = 0

    def step(self) -> tuple[int, float]:
        """Tokens and seconds of one optimiser step."""
        chosen = [self.rows[i] for i in self.loop.steps[self.at]]
        begin = time.perf_counter()
        self.loop._update(chosen, self.loop.recipe.learning_rate)
        self.at += 1
        return sum(len(row.ids) for row in chosen), time.perf_counter() - begin

    def model(self):
        return self.loop.student.model


class Trl:
    """``SFTTrainer``, stopped after every step by a clock of its own."""

    def __init__(
        self, folder: Path, rows: list[TrainingRow], recipe: Recipe, *, checkpointing: bool
    ) -> None:
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import AutoTokenizer
        from trl import SFTConfig, SFTTrainer

        self.name = "trl" if checkpointing else "trl without gradient checkpointing"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        data = Dataset.from_list([conversation(row) for row in rows])
        config = SFTConfig(
            output_dir=tempfile.mkdtemp(),
            learning_rate=recipe.learning_rate,
            num_train_epochs=recipe.epochs,
            gradient_checkpointing=checkpointing,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        self.trainer = SFTTrainer(
            model=str(folder),
            args=config,
            train_dataset=data,
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear"
            ),
        )
        self.trainer.create_optimizer_and_scheduler(10_000)
        self.trainer.current_gradient_accumulation_steps = 1
        self.batches = iter(self.trainer.get_train_dataloader())

    def step(self) -> tuple[int, float]:
        """Tokens and seconds of one optimiser step, as the trainer's inner loop does it."""
        batch = next(self.batches)
        begin = time.perf_counter()
        self.trainer.training_step(self.trainer.model, batch)
        self.trainer.accelerator.clip_grad_norm_(self.trainer.model.parameters(), 1.0)
        self.trainer.optimizer.step()
        self.trainer.model.zero_grad()
        return int(batch["attention_mask"].sum()), time.perf_counter() - begin

    def model(self):
        return self.trainer.model


def conversation(row: TrainingRow) -> dict[str, list[dict[str, str]]]:
    """A row as TRL's prompt-completion conversation (its loss is on the completion too)."""
    return {
        "prompt": [{"role": "user", "content": row.question}],
        "completion": [{"role": "assistant", "content": row.answer}],
    }


def speed(folder: Path, rows: list[TrainingRow], recipe: Recipe, rounds: int, steps: int) -> dict:
    """Median tokens/s of each, steps taken in turns so that all meet the same machine."""
    sides = [
        Ours(folder, rows, recipe),
        Trl(folder, rows, recipe, checkpointing=True),
        Trl(folder, rows, recipe, checkpointing=False),
    ]
    rates: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds + 1):
        for side in sides:
            taken = [side.step() for _ in range(steps)]
            if number:  # the first round warms up
                rates[side.name].append(sum(t for t, _ in taken) / sum(s for _, s in taken))
    median = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {
        name: [ours / other for ours, other in zip(rates["ours"], rates[name], strict=True)]
        for name in median
    }
    return {
        "tokens_per_second": {k: round(v, 1) for k, v in median.items()},
        "ratio_median_min_max": {
            k: [round(f(v), 2) for f in (statistics.median, min, max)] for k, v in ratios.items()
        },
        "computed_share": round(computed_share(sides[0].rows, recipe), 3),
    }


def computed_share(rows: tuple[Encoded, ...], recipe: Recipe) -> float:
    """Tokens that we compute by the rows' tokens: the rest are shared prefixes."""
    steps = plan([len(row.ids) for row in rows], recipe.batch_tokens, 1, 0)
    batches = [pack([rows[i] for i in step]) for step in steps]
    return sum(b.ids.shape[1] for b in batches) / sum(b.tokens for b in batches)


def quality(folder: Path, rows: list[TrainingRow], held: list[TrainingRow], recipe: Recipe) -> dict:
    """Validation loss (unseen wording) after ``recipe.epochs`` of each, both with a linear rate.

    Given are TRL's own batches (8 rows a step) and ours at about the same size.
    """
    from transformers import AutoTokenizer

    same = recipe.model_copy(update={"batch_tokens": 480, "schedule": "linear", "warmup": 0.0})
    ours = Ours(folder, rows, same)
    ours.loop.run()
    trl = Trl(folder, rows, same, checkpointing=True)
    trl.trainer.optimizer = trl.trainer.lr_scheduler = None
    trl.trainer.train()
    encoded = encode(held, AutoTokenizer.from_pretrained(folder), 1024).rows
    losses = {"ours": plain_loss_of(ours, encoded), "trl": plain_loss(trl.model(), encoded)}
    return {"epochs": recipe.epochs, "validation_loss": losses}


def plain_loss_of(ours: Ours, rows: tuple[Encoded, ...]) -> float:
    """Of our student, by our own packed loss."""
    import torch

    with torch.no_grad():
        total = sum(
            float(ours.loop.student.loss([row])[0]) * (len(row.ids) - row.start) for row in rows
        )
    return total / sum(len(row.ids) - row.start for row in rows)


def plain_loss(model, rows: tuple[Encoded, ...]) -> float:
    """Mean loss over the learned tokens, row by row, in the model's own precision."""
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad():
        for row in rows:
            ids, labels = torch.tensor([row.ids]), torch.tensor([row.labels])
            total += float(model(input_ids=ids, labels=labels).loss) * (len(row.ids) - row.start)
    return total / sum(len(row.ids) - row.start for row in rows)


def main() -> None:
    """Print one JSON document."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a LaTeX book with glossaries")
    parser.add_argument("--home", type=Path, required=True, help="where the base model is kept")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0, help="of both; 0: one per core")
    parser.add_argument("--quality", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    folder = base_folder(SMOLLM2, Settings(home=options.home))
    pairs = facts(options.data)
    rows = [TrainingRow(question=w.format(t), answer=d) for w in WORDINGS for t, d in pairs][
        : options.rows
    ]
    result = {"rows": len(rows)}
    result |= speed(folder, rows, Recipe(epochs=50), options.rounds, options.steps)
    if options.quality:
        held = [
            TrainingRow(question=UNSEEN.format(t), answer=d)
            for t, d in pairs[: options.rows // 3 : 2]
        ]
        result |= quality(folder, rows, held, Recipe(epochs=2, learning_rate=1e-3))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
