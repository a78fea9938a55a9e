"""A tuned student as GGUF: the base's own metadata and tokenizer, the tuned weights in Q8_0.

Conversion tools guess the tokenizer afresh and guess wrong for SmolLM2; here the tokenizer is never
touched, because fine-tuning does not change it. Two architectures are known: llama, whose query and
key rows llama.cpp reorders, and gemma3, to whose norms it adds one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadInput
from engine.files import writing
from engine.models.names import LAYERS, transformers_name

if TYPE_CHECKING:
    import numpy as np
    import torch

_WRITTEN_BY_WRITER = {"general.architecture", "general.file_type"}


def write_gguf(base_gguf: Path, merged_folder: Path, out: Path) -> Path:
    """Write the weights of ``merged_folder`` to ``out`` with the metadata of ``base_gguf``.

    Matrices become Q8_0 (blocks of 32 with one scale, 8.5 bits a weight), vectors stay fp32.

    Raises:
        BadInput: the base is no llama or gemma3 GGUF, or the two are not the same architecture.
    """
    import gguf
    from safetensors.torch import load_file

    reader = gguf.GGUFReader(base_gguf)
    architecture = _field(reader, "general.architecture")
    if architecture not in LAYERS:
        raise _mismatch(f"the base is of the architecture {architecture}, not llama or gemma3")
    weights = load_file(merged_folder / "model.safetensors")
    with writing(out, durable=True) as aside:
        writer = gguf.GGUFWriter(aside, architecture)
        _copy_metadata(reader, writer)
        _give_template(reader, writer, merged_folder)
        for tensor in reader.tensors:
            values = _matching(tensor, weights, architecture)
            _add(writer, tensor.name, permuted(tensor.name, values, reader))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return out


def permuted(name: str, values: np.ndarray[Any, Any], reader: Any) -> np.ndarray[Any, Any]:
    """A tensor as llama.cpp wants it: query and key rows of a llama reordered, gemma3's norms + 1.

    For llama, llama.cpp rotates neighbouring rows, transformers rotates row i with row i + d/2:
    within each head of d rows, (2, d/2) becomes (d/2, 2).
    """
    part = name.split(".")[-2]
    if _field(reader, "general.architecture") == "gemma3":
        return values + 1 if part.endswith("norm") else values
    count = {"attn_q": "head_count", "attn_k": "head_count_kv"}.get(part)
    if count is None:
        return values
    heads = int(_field(reader, f"llama.attention.{count}"))
    rows, columns = values.shape
    halves = values.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def _matching(
    tensor: Any, weights: dict[str, torch.Tensor], architecture: str
) -> np.ndarray[Any, Any]:
    """The merged weight that belongs to a tensor of the base, as fp32."""
    name = transformers_name(tensor.name, architecture)
    if name not in weights:
        raise _mismatch(f"the tuned model has no {name}")
    values: np.ndarray[Any, Any] = weights[name].float().numpy()
    wanted = tuple(reversed([int(n) for n in tensor.shape]))
    if values.shape != wanted:
        raise _mismatch(f"{name} is {values.shape}, the base's is {wanted}")
    return values


def _add(writer: Any, name: str, values: np.ndarray[Any, Any]) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType, quantize

    if values.ndim == 1:
        writer.add_tensor(name, values)
    elif values.shape[-1] % 32:
        writer.add_tensor(name, values.astype(np.float16))
    else:
        packed = quantize(np.ascontiguousarray(values), GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=GGMLQuantizationType.Q8_0)


def _copy_metadata(reader: Any, writer: Any) -> None:
    import gguf

    for name, found in reader.fields.items():
        if name.startswith("GGUF.") or name in _WRITTEN_BY_WRITER:
            continue
        inner = found.types[1] if len(found.types) > 1 else None
        writer.add_key_value(name, found.contents(), found.types[0], sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _give_template(reader: Any, writer: Any, merged_folder: Path) -> None:
    """A base that was never taught to chat gets the template by which the student was trained."""
    template = merged_folder / "chat_template.jinja"
    if "tokenizer.chat_template" not in reader.fields and template.is_file():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def _field(reader: Any, name: str) -> Any:
    return reader.fields[name].contents()


def _mismatch(reason: str) -> BadInput:
    return BadInput(
        f"This model cannot be written as GGUF: {reason}.",
        code="export.gguf",
        next="Export it as a LoRA adapter or as a merged folder.",
        reason=reason,
    )
