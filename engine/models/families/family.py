"""What has to be known of a family of base models to train, export and run a student of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Runtime = Literal["openvino", "transformers"]
Vocabulary = Literal["gpt2", "llama"]
"""How GGUF names the two kinds of tokenizers: byte-level BPE, and sentencepiece."""

OUTER = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
"""Tensors outside the layers: name in GGUF to name in transformers; the same in all families."""

SIZES = {
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
}
"""Fields of a transformers config to metadata keys of a GGUF (after ``<architecture>.``)."""


def _frozen(values: Mapping[str, str] | None = None) -> Any:
    return field(default_factory=lambda: MappingProxyType(dict(values or {})))


@dataclass(frozen=True)
class Family:
    """One family of base models. Two files of one family differ only in sizes and weights.

    Attributes:
        name: As people call it.
        model_type: As ``config.json`` of transformers calls it.
        architecture: As a GGUF's ``general.architecture`` calls it.
        model_class: The transformers class with the language model's head.
        layer_tensors: A layer's tensors: name in GGUF to name in transformers, without suffix.
        reordered: Tensors in GGUF whose rows llama.cpp stores in its own order (see ``rows.py``),
            with the config field that counts their heads.
        norm_offset: What llama.cpp adds to every norm's weights.
        sizes: Config fields beside ``SIZES`` and the GGUF keys that hold them.
        single_rope: Whether all layers rotate by one base; else only the architecture's own
            bases can be written, and are assumed when a GGUF is read.
        vocabulary: The kind of tokenizer.
        pre_tokenizers: Values of ``tokenizer.ggml.pre`` that the family uses.
        starts_with_bos: Whether every text has to begin with the mark of the beginning.
        runtime: What answers from a GGUF: OpenVINO GenAI's reader, or transformers.
        packs: Whether packed training rows were tested to give the plain loss.
        template_tokens: Tokens that the chat template adds to a question and its answer.
        tokens_per_character: For characters outside the Latin script (Latin: 1 / 4.2).
        prompt, end: A question as the chat template writes it (with ``{system}`` and
            ``{question}``), and what ends an answer; shown before a tokenizer is loaded.
        default_system: The system prompt that the template writes where none is given.
        licence: Name of the licence in model cards.
        notice: A sentence that the licence wants beside every copy; empty where there is none.
    """

    name: str
    model_type: str
    architecture: str
    model_class: str
    layer_tensors: Mapping[str, str]
    vocabulary: Vocabulary
    runtime: Runtime
    licence: str
    prompt: str
    end: str
    pre_tokenizers: tuple[str, ...] = ()
    reordered: Mapping[str, str] = _frozen()
    sizes: Mapping[str, str] = _frozen()
    norm_offset: float = 0.0
    single_rope: bool = True
    starts_with_bos: bool = False
    packs: bool = True
    template_tokens: int = 10
    tokens_per_character: float = 0.7
    default_system: str = ""
    notice: str = ""

    def transformers_name(self, name: str) -> str:
        """The transformers name of a GGUF's tensor.

        ``blk.3.attn_q.weight`` -> ``model.layers.3.self_attn.q_proj.weight``.

        Raises:
            KeyError: the family has no such tensor.
        """
        *place, part, suffix = name.split(".")
        if not place:
            return f"{OUTER[part]}.{suffix}"
        return f"model.layers.{place[1]}.{self.layer_tensors[part]}.{suffix}"

    def gguf_name(self, name: str) -> str:
        """The GGUF name of a transformers tensor: ``transformers_name`` backwards.

        Raises:
            KeyError: the family has no such tensor.
        """
        stem, _, suffix = name.rpartition(".")
        outer = {theirs: own for own, theirs in OUTER.items()}
        if stem in outer:
            return f"{outer[stem]}.{suffix}"
        parts = {theirs: own for own, theirs in self.layer_tensors.items()}
        head, _, rest = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{head}.{parts[rest]}.{suffix}"

    @property
    def all_sizes(self) -> dict[str, str]:
        """Config fields to GGUF keys, those of all families and its own."""
        return SIZES | dict(self.sizes)
