"""From Gemma 3's GGUF to a transformers folder.

Transformers 5.17 reads the weights rightly (in 41 s) but takes the tokenizer for a unigram model
and adds no ``<bos>``, without which Gemma babbles. Gemma's tokenizer is byte-pair encoding over
whole texts with bytes as the last resort; it is rebuilt here from the GGUF's tokens and scores.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.models.names import transformers_name
from engine.models.tokenizer import PLAIN_TEMPLATE

if TYPE_CHECKING:
    import torch

_CONTROL, _OWN = 3, 4
"""Kinds of tokens in a GGUF: marks such as ``<bos>``, and pieces taken whole before any merge."""


def to_transformers(source: Path, folder: Path) -> None:
    """Write config, weights, generation settings and tokenizer of a Gemma 3 GGUF to ``folder``."""
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import GenerationConfig

    reader = GGUFReader(source)
    folder.mkdir()
    _config(reader).save_pretrained(folder)
    save_file(_weights(reader), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = _tokenizer(reader)
    tokenizer.save_pretrained(folder)
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ).save_pretrained(folder)


def _field(reader: Any, name: str) -> Any:
    return reader.fields[name].contents()


def _config(reader: Any) -> Any:
    """The ``Gemma3TextConfig`` that the GGUF's metadata describe."""
    from transformers import Gemma3TextConfig

    def gemma(name: str) -> Any:
        return _field(reader, f"gemma3.{name}")

    return Gemma3TextConfig(
        architectures=["Gemma3ForCausalLM"],
        vocab_size=len(_field(reader, "tokenizer.ggml.tokens")),
        hidden_size=gemma("embedding_length"),
        intermediate_size=gemma("feed_forward_length"),
        num_hidden_layers=gemma("block_count"),
        num_attention_heads=gemma("attention.head_count"),
        num_key_value_heads=gemma("attention.head_count_kv"),
        head_dim=gemma("attention.key_length"),
        query_pre_attn_scalar=gemma("attention.key_length"),
        max_position_embeddings=gemma("context_length"),
        rms_norm_eps=gemma("attention.layer_norm_rms_epsilon"),
        sliding_window=gemma("attention.sliding_window"),
        tie_word_embeddings=True,
        dtype="bfloat16",
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        pad_token_id=_field(reader, "tokenizer.ggml.padding_token_id"),
    )


def _weights(reader: Any) -> dict[str, torch.Tensor]:
    """The tensors in bfloat16, without the one that llama.cpp adds to Gemma's norms."""
    import torch
    from gguf.quants import dequantize

    found = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        if tensor.name.endswith("norm.weight"):
            values = values - 1
        found[transformers_name(tensor.name, "gemma3")] = values.to(torch.bfloat16)
    return found


def _tokenizer(reader: Any) -> Any:
    """Gemma's tokenizer: spaces as ``▁``, merges by score, unknown characters as bytes."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )
    from transformers import PreTrainedTokenizerFast

    tokens = _field(reader, "tokenizer.ggml.tokens")
    kinds = _field(reader, "tokenizer.ggml.token_type")
    scores = _field(reader, "tokenizer.ggml.scores")
    merges = _merges(tokens, scores, kinds)
    ids = {token: number for number, token in enumerate(tokens)}
    core = Tokenizer(
        models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)  # noqa: S106
    )
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    core.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", ids["<bos>"])]
    )
    core.add_special_tokens(_added(tokens, kinds, _CONTROL))
    core.add_tokens(_added(tokens, kinds, _OWN))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<bos>",  # noqa: S106
        eos_token="<eos>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
        pad_token="<pad>",  # noqa: S106
        chat_template=PLAIN_TEMPLATE,
        model_max_length=_field(reader, "gemma3.context_length"),
        clean_up_tokenization_spaces=False,
    )


def _added(tokens: list[str], kinds: list[int], kind: int) -> list[Any]:
    from tokenizers import AddedToken

    return [
        AddedToken(token, special=kind == _CONTROL, normalized=False)
        for token, own in zip(tokens, kinds, strict=True)
        if own == kind
    ]


def _merges(tokens: list[str], scores: list[float], kinds: list[int]) -> list[tuple[str, str]]:
    """All pairs of pieces that make a piece, the best-scored whole first, as sentencepiece."""
    pieces = {
        token: score for token, score, kind in zip(tokens, scores, kinds, strict=True) if kind == 1
    }
    found = [
        (-score, at, token[:at], token[at:])
        for token, score in pieces.items()
        for at in range(1, len(token))
        if token[:at] in pieces and token[at:] in pieces
    ]
    found.sort()
    return [(left, right) for _, _, left, right in found]
