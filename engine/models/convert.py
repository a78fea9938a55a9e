"""From a GGUF to what else is needed: the same in Q8_0, and a transformers folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadInput
from engine.models.families import Family, family_of_gguf
from engine.models.rows import from_gguf
from engine.models.vocabulary import read_tokenizer

if TYPE_CHECKING:
    import torch


def requantise(source: Path, target: Path) -> None:
    """Copy a GGUF with its matrices in Q8_0 and its vectors in float32."""
    import gguf
    from gguf.quants import dequantize, quantize

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, field_of(reader, "general.architecture"))
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, item in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue  # the writer writes these itself
        value = 7 if name == "general.file_type" else item.contents()  # 7: mostly Q8_0
        inner = item.types[-1] if item.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, item.types[0], inner)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        if values.ndim == 1:
            writer.add_tensor(tensor.name, values)
        else:
            writer.add_tensor(tensor.name, quantize(values, q8), raw_dtype=q8)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def to_transformers(source: Path, folder: Path) -> None:
    """Write config, weights (bfloat16), generation settings and tokenizer of a GGUF to ``folder``.

    Raises:
        BadInput: a GGUF of no known family.
    """
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import GenerationConfig

    reader = GGUFReader(source)
    family = gguf_family(reader)
    tokenizer = read_tokenizer(reader, family)
    marks = {f"{m}_token_id": getattr(tokenizer, f"{m}_token_id") for m in ("bos", "eos", "pad")}
    config = _config(reader, family, marks)
    folder.mkdir()
    config.save_pretrained(folder)
    weights = _weights(reader, family, config.to_dict())
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    GenerationConfig(**marks).save_pretrained(folder)


def gguf_family(reader: Any) -> Family:
    """The family of an open GGUF.

    Raises:
        BadInput: code ``export.gguf``: none that is known.
    """
    architecture = field_of(reader, "general.architecture")
    family = family_of_gguf(architecture)
    if family is None:
        raise mismatch(f"the architecture {architecture} is not known")
    return family


def field_of(reader: Any, name: str) -> Any:
    """The value of a GGUF's metadata field."""
    return reader.fields[name].contents()


def mismatch(reason: str) -> BadInput:
    """Why a model and a GGUF do not go together."""
    return BadInput(
        f"This model cannot be written as GGUF: {reason}.",
        code="export.gguf",
        next="Export it as a LoRA adapter or as a merged folder.",
        reason=reason,
    )


def _config(reader: Any, family: Family, marks: dict[str, int | None]) -> Any:
    """The transformers config that the GGUF's metadata describe."""
    import transformers

    found = {
        name: field_of(reader, f"{family.architecture}.{key}")
        for name, key in family.all_sizes.items()
    }
    base = f"{family.architecture}.rope.freq_base"
    if base in reader.fields and family.single_rope:
        rope = {"rope_type": "default", "rope_theta": field_of(reader, base)}
        found["rope_parameters"] = rope
    return transformers.CONFIG_MAPPING[family.model_type](
        architectures=[family.model_class],
        vocab_size=len(field_of(reader, "tokenizer.ggml.tokens")),
        tie_word_embeddings=all(tensor.name != "output.weight" for tensor in reader.tensors),
        dtype="bfloat16",
        **marks,
        **found,
    )


def _weights(reader: Any, family: Family, config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The GGUF's tensors, dequantised, under transformers' names, in bfloat16."""
    import numpy as np
    import torch
    from gguf.quants import dequantize

    found = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        values = np.array(from_gguf(family, tensor.name, values, config))
        name = family.transformers_name(tensor.name)
        found[name] = torch.from_numpy(values).to(torch.bfloat16)
    return found
