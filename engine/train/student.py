"""A base model with LoRA on it, ready to be trained: its loss on a packed batch, its adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.models.families import FAMILIES
from engine.models.folder import read_config
from engine.models.precision import faster_precision
from engine.models.tokenizer import load_tokenizer
from engine.train import fast
from engine.train.packing import pack
from engine.train.recipe import Recipe
from engine.train.rows import IGNORE, Encoded

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


SURE = 0.1053605
"""Nats of a token that the model gives a probability of .9."""


def weights(losses: torch.Tensor, sure: float) -> torch.Tensor:
    """What each token counts: ``sure`` where the model is certain of it already, else 1.

    The mean is still taken over all tokens, so that a step in parts has the gradient of one.
    """
    import torch

    return torch.where(losses.detach() < SURE, sure, 1.0)


@dataclass
class PackedStudent:
    """The model (a ``PeftModel``), its tokenizer, and where and in which precision it computes."""

    model: Any
    tokenizer: Any
    device: str
    precision: str
    sure_weight: float = 1.0

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
        losses = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
        if self.model.training and self.sure_weight < 1:
            losses = losses * weights(losses, self.sure_weight)
        return losses.mean(), (logits.detach().argmax(-1) == batch.targets).sum()

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format to an existing folder."""
        self.model.save_pretrained(str(folder))


@dataclass
class PaddedStudent:
    """The same over padded batches, for models whose forward pass is not ours to feed."""

    model: Any
    tokenizer: Any
    device: str
    precision: str

    def loss(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy over the learned tokens (nats), and how many are predicted right."""
        import torch

        padding = self.tokenizer.pad_token_id
        ids, labels, mask = (
            torch.tensor(part, device=self.device) for part in padded(rows, padding)
        )
        out = self.model(input_ids=ids, attention_mask=mask, labels=labels)
        if self.model.training:
            return out.loss, torch.zeros((), dtype=torch.long)
        guessed = out.logits[:, :-1].argmax(-1)
        return out.loss, (guessed == labels[:, 1:]).sum()

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format to an existing folder."""
        self.model.save_pretrained(str(folder))


def padded(
    rows: Sequence[Encoded], padding: int
) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Token ids, labels and attention mask, each (rows, longest), padded on the right."""
    width = max(len(row.ids) for row in rows)
    gaps = [width - len(row.ids) for row in rows]
    pairs = list(zip(rows, gaps, strict=True))
    return (
        [[*row.ids, *[padding] * gap] for row, gap in pairs],
        [[*row.labels, *[IGNORE] * gap] for row, gap in pairs],
        [[1] * len(row.ids) + [0] * gap for row, gap in pairs],
    )


PACKED = frozenset({own.model_type for own in FAMILIES if own.packs} | {"mistral", "qwen2"})
"""Architectures whose packed loss was tested to equal the plain one; others are padded."""


def load_student(folder: Path, recipe: Recipe, precision: str = "") -> Student:
    """The base in ``folder``, frozen, with a fresh LoRA in fp32 by ``recipe``.

    ``precision`` repeats an earlier choice (a resumed run); empty chooses anew.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = precision or choose_precision(recipe, device)
    packs = read_config(folder).get("model_type") in PACKED
    torch.manual_seed(recipe.seed)
    model = _with_lora(_load_base(folder, recipe, device, chosen, packs), recipe)
    if not packs:
        return PaddedStudent(model, load_tokenizer(folder), device, chosen)
    fast.speed_up_lora(model)
    return PackedStudent(model, load_tokenizer(folder), device, chosen, recipe.sure_weight)


def _load_base(folder: Path, recipe: Recipe, device: str, precision: str, packs: bool) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    fast.register_attention()
    options: dict[str, Any] = {"attn_implementation": fast.ATTENTION} if packs else {}
    if recipe.four_bit:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, precision),
        device_map={"": device},
        use_safetensors=True,
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
    """The precision that is asked for; ``auto`` is bfloat16 where that is faster, else float32."""
    if recipe.precision != "auto":
        return recipe.precision
    return "bfloat16" if device != "cpu" else faster_precision()
