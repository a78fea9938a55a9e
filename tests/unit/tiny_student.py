"""A llama of a few thousand weights with a chat template, so that tests take seconds."""

from __future__ import annotations

import os
from pathlib import Path

from engine.train import Recipe, TrainingRow

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
]


def make_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    core.train_from_iterator([f"What is {w}? It is {w}." for w in WORDS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        bos_token="<|im_start|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )


def make_base(folder: Path) -> Path:
    """A random llama with grouped keys and tied embeddings; sizes are multiples of 32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_rows(count: int, system: str = "") -> list[TrainingRow]:
    """Questions whose answers depend on them."""
    return [
        TrainingRow(
            question=f"What is {WORDS[i % 12]} {WORDS[i // 12 % 12]}?",
            answer=f"It is {WORDS[(i + 5) % 12]} {' '.join(WORDS[: i % 7])}.",
            system=system,
        )
        for i in range(count)
    ]


def make_recipe(base: Path, **changes) -> Recipe:
    """A recipe of about 40 steps for 40 rows."""
    given = {
        "base": str(base),
        "rank": 4,
        "alpha": 8,
        "learning_rate": 1e-2,
        "epochs": 4,
        "batch_tokens": 160,
        "patience": 0,
        "precision": "float32",
    }
    return Recipe(**(given | changes))


def models_folder() -> Path:
    """A home whose real models are fetched once for all test runs."""
    given = os.environ.get("COURSEWRIGHT_TEST_MODELS")
    return Path(given) if given else Path.home() / ".cache" / "coursewright-tests"
