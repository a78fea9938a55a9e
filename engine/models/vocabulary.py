"""A tokenizer as GGUF's metadata describe it, and back: both ways for both kinds.

*Byte-level BPE* (``gpt2``; SmolLM2, Llama 3, Qwen3) splits a text by a pattern and then merges
bytes; GGUF names the pattern (``tokenizer.ggml.pre``). *Sentencepiece* (``llama``) merges
characters of the whole text, pieces of the best score first, bytes as the last resort.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.models.families import Family
from engine.models.tokenizer import PLAIN_TEMPLATE

_NORMAL, _UNKNOWN, _CONTROL, _OWN, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens in a GGUF: ``_OWN`` ones are taken whole before any merge."""

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {
    "qwen2": _WORDS % "",
    "llama-bpe": _WORDS % "{1,3}",
}
"""Names in GGUF to the patterns by which texts are split before the merges."""


# ------------------------------------------------------------ from a GGUF


def read_tokenizer(reader: Any, family: Family) -> Any:
    """The tokenizer of a GGUF, as a ``PreTrainedTokenizerFast``.

    Transformers 5.17 converts both kinds wrongly: byte-level ones get another end mark and
    decoder, sentencepiece ones become unigram models without the mark of the beginning.

    Args:
        reader: A ``gguf.GGUFReader``.
        family: Of the model.

    Raises:
        BadInput: code ``export.tokenizer``: a splitting pattern that is not known here.
    """
    from transformers import PreTrainedTokenizerFast

    tokens = _get(reader, "tokenizer.ggml.tokens")
    spm = family.vocabulary == "llama"
    core = _sentencepiece(reader) if spm else _byte_level(reader)

    def named(mark: str) -> str | None:
        number = _get(reader, f"tokenizer.ggml.{mark}_token_id", None)
        return None if number is None else str(tokens[number])

    marks = {f"{mark}_token": named(mark) for mark in ("bos", "eos")}
    marks |= {"unk_token": named("unknown"), "pad_token": _padding(named)}
    others = [] if spm else [mark for mark in _control(reader) if mark not in marks.values()]
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        extra_special_tokens=others,
        **marks,
        chat_template=_get(reader, "tokenizer.chat_template", PLAIN_TEMPLATE),
        model_max_length=_get(reader, f"{family.architecture}.context_length"),
        clean_up_tokenization_spaces=False,
    )


def _padding(named: Callable[[str], str | None]) -> str | None:
    """The padding mark; never the end of an answer, which would be masked out of a loss with it."""
    padding, end = named("padding"), named("eos")
    return padding if padding and padding != end else named("unknown") or padding


def _byte_level(reader: Any) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers

    tokens = _get(reader, "tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ")) for m in _get(reader, "tokenizer.ggml.merges")]
    core = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    pattern = _get(reader, "tokenizer.ggml.pre", "gpt-2")
    core.pre_tokenizer = _splitter(pattern)
    if pattern == "qwen2":
        core.normalizer = normalizers.NFC()
    core.decoder = decoders.ByteLevel()
    _add_marks(core, reader)
    return core


def _splitter(name: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    def byte_level(split: bool) -> Any:
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split)

    if name == "gpt-2":
        return byte_level(True)
    if name == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, byte_level(True)])
    if name not in PATTERNS:
        raise unknown_tokenizer(name)
    split = pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated", invert=False)
    return pre_tokenizers.Sequence([split, byte_level(False)])


def _sentencepiece(reader: Any) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokens = _get(reader, "tokenizer.ggml.tokens")
    kinds, scores = (_get(reader, f"tokenizer.ggml.{name}") for name in ("token_type", "scores"))
    ids = {token: number for number, token in enumerate(tokens)}
    unknown = tokens[_get(reader, "tokenizer.ggml.unknown_token_id", ids["<unk>"])]
    merges = _merges(tokens, scores, kinds)
    core = Tokenizer(models.BPE(ids, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    first = _get(reader, "tokenizer.ggml.bos_token_id")
    mark = tokens[first]
    core.post_processor = processors.TemplateProcessing(
        single=f"{mark} $A", pair=f"{mark} $A {mark} $B", special_tokens=[(mark, first)]
    )
    _add_marks(core, reader)
    return core


def _merges(
    tokens: Sequence[str], scores: Sequence[float], kinds: Sequence[int]
) -> list[tuple[str, str]]:
    """All pairs of pieces that make a piece, the best-scored whole first, as sentencepiece."""
    rows = zip(tokens, scores, kinds, strict=True)
    pieces = {token: score for token, score, kind in rows if kind == _NORMAL}
    found = [
        (-score, at, token[:at], token[at:])
        for token, score in pieces.items()
        for at in range(1, len(token))
        if token[:at] in pieces and token[at:] in pieces
    ]
    found.sort()
    return [(left, right) for _, _, left, right in found]


def _add_marks(core: Any, reader: Any) -> None:
    """Make marks and own pieces known to the tokenizer, which takes them whole."""
    from tokenizers import AddedToken

    tokens, kinds = (_get(reader, f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    for kind, add in ((_CONTROL, core.add_special_tokens), (_OWN, core.add_tokens)):
        chosen = [token for token, own in zip(tokens, kinds, strict=True) if own == kind]
        add([AddedToken(t, special=kind == _CONTROL, normalized=False) for t in chosen])


def _control(reader: Any) -> list[str]:
    tokens, kinds = (_get(reader, f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    return [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]


_NEEDED = object()


def _get(reader: Any, name: str, default: Any = _NEEDED) -> Any:
    """A metadata field's value; ``default`` where it is missing."""
    found = reader.fields.get(name)
    if found is None and default is not _NEEDED:
        return default
    return reader.fields[name].contents()


# ------------------------------------------------------------ into a GGUF


def write_tokenizer(writer: Any, folder: Path, family: Family, size: int) -> None:
    """Write the tokenizer of a transformers folder into a GGUF's metadata.

    Args:
        writer: A ``gguf.GGUFWriter``.
        folder: Holds ``tokenizer.json``.
        family: Of the model.
        size: Rows of the embedding matrix; numbers without a token get unused ones.

    Raises:
        BadInput: code ``export.tokenizer``: its kind or its pattern is not one of the family's.
    """
    from engine.models.tokenizer import load_tokenizer

    described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer = load_tokenizer(folder)
    tokens, kinds = _tokens(described, size)
    if family.vocabulary == "llama":
        _write_sentencepiece(writer, described, tokens)
    else:
        _write_byte_level(writer, described, family)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_add_bos_token(family.starts_with_bos)
    writer.add_add_space_prefix(False)
    marks = {
        writer.add_bos_token_id: tokenizer.bos_token_id,
        writer.add_eos_token_id: tokenizer.eos_token_id,
        writer.add_pad_token_id: tokenizer.pad_token_id,
        writer.add_unk_token_id: tokenizer.unk_token_id,
    }
    for add, number in marks.items():
        if number is not None:
            add(number)
    writer.add_chat_template(tokenizer.chat_template)


def _tokens(described: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """All tokens by number, and their kinds."""
    known = {number: token for token, number in described["model"]["vocab"].items()}
    added = {row["id"]: row for row in described.get("added_tokens", ())}
    known |= {number: row["content"] for number, row in added.items()}
    if max(known) >= size:
        raise unknown_tokenizer(f"{max(known) + 1} tokens for {size} embeddings")
    tokens = [known.get(number, f"[PAD{number}]") for number in range(size)]
    as_bytes = bool(described["model"].get("byte_fallback"))
    kinds = [_kind(number, token, known, added, as_bytes) for number, token in enumerate(tokens)]
    return tokens, kinds


def _kind(
    number: int, token: str, known: dict[int, str], added: dict[int, Any], as_bytes: bool
) -> int:
    if number not in known:
        return _UNUSED
    if number in added:
        return _CONTROL if added[number]["special"] else _OWN
    return _BYTE if as_bytes and token.startswith("<0x") and len(token) == 6 else _NORMAL


def _write_byte_level(writer: Any, described: dict[str, Any], family: Family) -> None:
    pattern = pattern_name(described)
    if described["model"]["type"] != "BPE" or pattern not in family.pre_tokenizers:
        raise unknown_tokenizer(pattern or "another pattern")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pattern)
    writer.add_token_merges([_spaced(merge) for merge in described["model"]["merges"]])


def _write_sentencepiece(writer: Any, described: dict[str, Any], tokens: Sequence[str]) -> None:
    """Scores by the rank of the first merge that makes a piece: the order of merges is the same."""
    if described["model"]["type"] != "BPE" or not described["model"].get("byte_fallback"):
        raise unknown_tokenizer("no sentencepiece vocabulary")
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(described["model"]["merges"]):
        ranks.setdefault(_spaced(merge).replace(" ", ""), rank + 1)
    last = float(len(described["model"]["merges"]) + 1)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_scores([-float(ranks.get(token, last)) for token in tokens])


def _spaced(merge: str | Sequence[str]) -> str:
    """A merge as ``left right``; ``tokenizer.json`` has it so, or as a pair."""
    return merge if isinstance(merge, str) else " ".join(merge)


def pattern_name(described: dict[str, Any]) -> str:
    """GGUF's name of the pattern by which a ``tokenizer.json`` splits texts, or ``""``."""
    first = described.get("pre_tokenizer") or {}
    parts = first.get("pretokenizers", [first])
    kinds = [part.get("type") for part in parts]
    if kinds == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and parts[0].get("individual_digits"):
        return "smollm"
    if kinds != ["Split", "ByteLevel"]:
        return ""
    wanted = parts[0].get("pattern", {}).get("Regex")
    return next((name for name, pattern in PATTERNS.items() if pattern == wanted), "")


def unknown_tokenizer(reason: str) -> BadInput:
    """What to say of a tokenizer that cannot be written as GGUF or read from one."""
    return BadInput(
        f"This model's tokenizer cannot be written as GGUF: {reason}.",
        code="export.tokenizer",
        next="Export it as a LoRA adapter or as merged weights; or put the base model's own GGUF "
        "file into its folder, whose tokenizer is then kept.",
        reason=reason,
    )
