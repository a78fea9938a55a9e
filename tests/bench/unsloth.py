"""Our Unsloth backend beside a plain Unsloth + TRL script: same rows, same model, in turns.

    python tests/bench/unsloth.py --home HOME [--bits 4] [--rounds 3] [--layers 16 --width 2048]

Needs a CUDA device and the extra ``gpu``; says so and ends with status 2 where they lack. The model
is Llama-shaped with random weights (speed and memory do not depend on them) and SmolLM2's
tokenizer; the rows are what the extractive teacher finds in the sample course. Each side runs in a
process of its own, in turns, because Unsloth patches what it is imported into. Counted are real
tokens of the rows in all epochs but the first (which compiles kernels); never padding. The plain
script is Unsloth's own example: ``FastLanguageModel``, then TRL's ``SFTTrainer`` with 8 rows a step;
ours takes steps of as many tokens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.progress import silent
from engine.settings import Settings
from engine.train import Recipe, TrainingRow

ROWS_A_STEP = 8
EPOCHS = 3


def sample_rows(settings: Settings) -> list[TrainingRow]:
    """Questions and answers of the English sample course."""
    from engine.distil.offline import taught
    from engine.documents import read_document
    from engine.sample import FOLDER

    book = read_document(FOLDER / "textbook_en.md", settings)
    points = [point for _, own in taught([book], book.sections) for point in own]
    return [TrainingRow(question=q, answer=p.answer) for p in points for q in p.questions]


def make_model(folder: Path, settings: Settings, layers: int, width: int) -> None:
    """Write a random Llama with SmolLM2's tokenizer to ``folder``, in bfloat16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from engine.models.bases import SMOLLM2, base_folder
    from engine.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(base_folder(SMOLLM2, settings))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=max(1, width // 256),
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def ours(folder: Path, rows: list[TrainingRow], recipe: Recipe) -> tuple[int, float]:
    """Tokens and seconds of our loop's steps after the first epoch."""
    from engine.train.unsloth import import_unsloth, load_unsloth

    import_unsloth()
    from engine.train.loop import Loop
    from engine.train.rows import encode
    from engine.train.threads import Threads

    student = load_unsloth(folder, recipe)
    encoded = encode(rows, student.tokenizer, recipe.max_length).rows
    mean = sum(len(row.ids) for row in encoded) / len(encoded)
    sized = recipe.model_copy(update={"batch_tokens": round(ROWS_A_STEP * mean)})
    out = Path(tempfile.mkdtemp())
    loop = Loop(student, encoded, [], sized, out, silent, Threads(Settings(home=out)))
    first = len(loop.steps) // EPOCHS
    begin, tokens = 0.0, 0
    for number, chosen in enumerate(loop.steps):
        if number == first:
            begin = _now()
        own = [encoded[i] for i in chosen]
        loop._update(own, recipe.learning_rate)
        tokens += sum(len(row.ids) for row in own) if number >= first else 0
    return tokens, _now() - begin


def plain(folder: Path, rows: list[TrainingRow], recipe: Recipe) -> tuple[int, float]:
    """Tokens and seconds of Unsloth's own example after its first epoch."""
    from unsloth import FastLanguageModel  # isort: skip  (it patches what follows)
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from engine.train.unsloth import TARGETS

    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=str(folder),
        max_seq_length=recipe.max_length,
        load_in_4bit=recipe.four_bit,
        load_in_16bit=not recipe.four_bit,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=recipe.rank,
        lora_alpha=int(recipe.alpha),
        target_modules=list(TARGETS),
        use_gradient_checkpointing="unsloth",
    )
    texts = [conversation(tokenizer, row) for row in rows]
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_epoch_end(self, *_, **__) -> None:
            ends.append(_now())

    SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"text": texts}),
        callbacks=[Clock()],
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=ROWS_A_STEP,
            num_train_epochs=EPOCHS,
            learning_rate=recipe.learning_rate,
            max_length=recipe.max_length,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
        ),
    ).train()
    per_epoch = sum(len(tokenizer(text)["input_ids"]) for text in texts)
    return per_epoch * (EPOCHS - 1), ends[-1] - ends[0]


def conversation(tokenizer, row: TrainingRow) -> str:
    """A row as the example's text, by the chat template."""
    said = [("user", row.question), ("assistant", row.answer)]
    messages = [{"role": role, "content": text} for role, text in said]
    return tokenizer.apply_chat_template(messages, tokenize=False)


def _now() -> float:
    """The clock once the device has finished what it was given."""
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def one_side(options: argparse.Namespace) -> dict[str, float]:
    """Run one side in this process: tokens/s and peak memory in GiB."""
    settings = Settings(home=options.home)
    recipe = Recipe(
        base=str(options.model), epochs=EPOCHS, four_bit=options.bits == 4, precision="bfloat16"
    )
    side = ours if options.side == "ours" else plain
    tokens, seconds = side(options.model, sample_rows(settings)[: options.rows], recipe)
    import torch

    return {
        "tokens_per_second": round(tokens / seconds, 1),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 3),
    }


def in_turns(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Both sides, one process after the other, ``rounds`` times."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    given = ["--home", str(options.home), "--bits", str(options.bits), "--rows", str(options.rows)]
    for _ in range(options.rounds):
        for side, rows in found.items():
            command = [sys.executable, __file__, *given, "--side", side, "--model", str(folder)]
            out = subprocess.run(command, capture_output=True, text=True, check=False)
            if out.returncode:
                raise SystemExit(f"{side} failed:\n{out.stderr[-2000:]}")
            rows.append(json.loads(out.stdout.splitlines()[-1]))
    speeds = {side: [row["tokens_per_second"] for row in rows] for side, rows in found.items()}
    ratios = [one / other for one, other in zip(speeds["ours"], speeds["plain"], strict=True)]
    return {
        "runs": found,
        "median_tokens_per_second": {k: statistics.median(v) for k, v in speeds.items()},
        "ratio_median_min_max": [round(f(ratios), 3) for f in (statistics.median, min, max)],
    }


def lacking() -> str:
    """What this machine lacks for the comparison, or ``""``."""
    import importlib.util

    from engine.train.backends import has_cuda

    if not has_cuda():
        return "This benchmark needs a CUDA device, and this machine has none."
    if importlib.util.find_spec("unsloth") is None:
        return "This benchmark needs Unsloth: pip install 'coursewright[gpu]'."
    return ""


def main() -> int:
    """Print one JSON document; status 2 where the machine cannot run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="where the tokenizer is kept")
    parser.add_argument("--bits", type=int, choices=(4, 16), default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--side", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    here = Path(__file__).resolve().parent
    sys.path[:] = [p for p in sys.path if Path(p).resolve() != here]  # else this file is "unsloth"
    if reason := lacking():
        print(reason, file=sys.stderr)
        return 2
    if options.side:
        print(json.dumps(one_side(options)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        make_model(folder, Settings(home=options.home), options.layers, options.width)
        print(json.dumps(in_turns(options, folder), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
