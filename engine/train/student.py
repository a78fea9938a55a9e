"""A base model with LoRA on it, ready to be trained: its loss on a packed batch, its adapter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.train import fast
from engine.train.packing import pack
from engine.train.recipe import Recipe
from engine.train.rows import Encoded

if TYPE_CHECKING:
    import torch


class Student(Protocol):
    """What the loop trains: a model that knows its loss on rows."""

    model: Any
    tokenizer: Any
    device: str
    precision: str

    def loss(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy over the learned tokens (nats), and how many are predicted right."""
        ...

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format to an existing folder."""
        ...


@dataclass
class PackedStudent:
    """The model (a ``PeftModel``), its tokenizer, and where and in which precision it computes."""

    model: Any
    tokenizer: Any
    device: str
    precision: str

    def loss(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy over the learned tokens (nats), and how many are predicted right.

        Rows are packed without padding, common prefixes computed once (see ``packing``). Logits
        are computed only where a token is learned: the head of a small model with a large
        vocabulary is a fifth of its work.
        """
        import torch

        batch = pack(rows).to(self.device)
        base = self.model.get_base_model()
        hidden = base.get_decoder()(
            input_ids=batch.ids, position_ids=batch.positions, batch=batch, use_cache=False
        ).last_hidden_state[0]
        logits = base.get_output_embeddings()(hidden.index_select(0, batch.nodes)).float()
        loss = torch.nn.functional.cross_entropy(logits, batch.targets)
        return loss, (logits.detach().argmax(-1) == batch.targets).sum()

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format to an existing folder."""
        self.model.save_pretrained(str(folder))


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a transformers folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def load_student(folder: Path, recipe: Recipe, precision: str = "") -> PackedStudent:
    """The base in ``folder``, frozen, with a fresh LoRA in fp32 by ``recipe``.

    ``precision`` repeats an earlier choice (a resumed run); empty chooses anew.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = precision or choose_precision(recipe, device)
    torch.manual_seed(recipe.seed)
    model = _with_lora(_load_base(folder, recipe, device, chosen), recipe)
    fast.speed_up_lora(model)
    return PackedStudent(model, load_tokenizer(folder), device, chosen)


def _load_base(folder: Path, recipe: Recipe, device: str, precision: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    fast.register_attention()
    options: dict[str, Any] = {}
    if recipe.four_bit:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, precision),
        attn_implementation=fast.ATTENTION,
        device_map={"": device},
        **options,
    )


def _with_lora(base: Any, recipe: Recipe) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)


def choose_precision(recipe: Recipe, device: str) -> str:
    """``bfloat16`` where it is asked for, or auto and faster here; else ``float32``.

    Processors without bf16 instructions emulate them several times slower, so a CPU is measured.
    """
    if recipe.precision != "auto":
        return recipe.precision
    if device != "cpu":
        return "bfloat16"
    return "bfloat16" if _product_time("bfloat16") < _product_time("float32") else "float32"


def _product_time(precision: str) -> float:
    """Best of five times of one product of a small model's size, in seconds."""
    import torch

    x = torch.ones(512, 576, dtype=getattr(torch, precision))
    weight = torch.ones(1536, 576, dtype=x.dtype)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        x @ weight.t()
        times.append(time.perf_counter() - begin)
    return min(times)
