"""A transformers folder as one GGUF file, in Q8_0 or Q4_0.

The metadata come from the base's own GGUF where there is one: fine-tuning changes neither sizes nor
tokenizer. Else they are written from ``config.json`` and ``tokenizer.json``; a tokenizer whose
splitting pattern is not known by name is refused, because a guessed one answers wrongly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.files import writing
from engine.models.convert import field_of, gguf_family, mismatch
from engine.models.families import Family, family_of
from engine.models.folder import read_config
from engine.models.rows import to_gguf
from engine.models.vocabulary import write_tokenizer

if TYPE_CHECKING:
    import numpy as np
    import torch

_BY_WRITER = {"general.architecture", "general.file_type"}


Quantisation = Literal["Q8_0", "Q4_0"]
"""Blocks of 32 weights with one scale: 8.5 or 4.5 bits a weight."""


def write_gguf(
    folder: Path, out: Path, source: Path | None = None, quantisation: Quantisation = "Q8_0"
) -> Path:
    """Write the model in ``folder`` to ``out``, whole or not at all.

    Matrices are quantised, vectors stay fp32; embeddings stay at Q8_0, as llama.cpp keeps them.

    Args:
        folder: A transformers folder (config, safetensors weights, tokenizer).
        out: The file.
        source: A GGUF of the base, whose metadata and tokenizer are copied; None writes them anew.
        quantisation: Of the matrices.

    Raises:
        BadInput: code ``export.gguf``: no known family, or the folder and ``source`` are different
            models; code ``export.tokenizer``: see ``write_tokenizer``.
    """
    import gguf

    config = read_config(folder)
    family = family_of(str(config.get("model_type")))
    if family is None:
        raise mismatch(f"the architecture {config.get('model_type')} is not known")
    weights = _weights(folder)
    with writing(out) as aside:
        writer = gguf.GGUFWriter(aside, family.architecture)
        if source:
            tensors = _copied(writer, gguf.GGUFReader(source), family, folder, weights)
        else:
            _write_sizes(writer, family, config)
            rows = weights["model.embed_tokens.weight"].shape[0]
            write_tokenizer(writer, folder, family, rows)
            tensors = _named(family, weights)
        for name, values in tensors:
            _add(writer, name, to_gguf(family, name, values, config), quantisation)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{quantisation}"])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return out


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= load_file(file)
    return found


def _named(
    family: Family, weights: dict[str, torch.Tensor]
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """All weights under their GGUF names, in fp32.

    Raises:
        BadInput: one of them is no tensor of the family.
    """
    for name, values in weights.items():
        try:
            yield family.gguf_name(name), values.float().numpy()
        except KeyError as error:
            raise mismatch(f"{family.name} has no tensor {name}") from error


def _copied(
    writer: Any, reader: Any, family: Family, folder: Path, weights: dict[str, torch.Tensor]
) -> Iterable[tuple[str, np.ndarray[Any, Any]]]:
    """Copy the metadata of a base's GGUF; the weights that stand in its tensors' places."""
    if gguf_family(reader) is not family:
        raise mismatch(f"the base's GGUF is {field_of(reader, 'general.architecture')}")
    for name, found in reader.fields.items():
        if name.startswith("GGUF.") or name in _BY_WRITER:
            continue
        inner = found.types[1] if len(found.types) > 1 else None
        writer.add_key_value(name, found.contents(), found.types[0], sub_type=inner)
    template = folder / "chat_template.jinja"
    if "tokenizer.chat_template" not in reader.fields and template.is_file():
        writer.add_chat_template(template.read_text(encoding="utf-8"))
    return [(t.name, _matching(t, weights, family)) for t in reader.tensors]


def _matching(
    tensor: Any, weights: dict[str, torch.Tensor], family: Family
) -> np.ndarray[Any, Any]:
    """The weight that belongs to a tensor of the base, as fp32."""
    name = family.transformers_name(tensor.name)
    if name not in weights:
        raise mismatch(f"the tuned model has no {name}")
    values: np.ndarray[Any, Any] = weights[name].float().numpy()
    wanted = tuple(reversed([int(n) for n in tensor.shape]))
    if values.shape != wanted:
        raise mismatch(f"{name} is {values.shape}, the base's is {wanted}")
    return values


def _write_sizes(writer: Any, family: Family, config: dict[str, Any]) -> None:
    """The metadata that ``config.json`` holds."""
    prefix = family.architecture
    for field, key in family.all_sizes.items():
        value = config[field]
        if isinstance(value, float) and key.endswith("epsilon"):
            writer.add_float32(f"{prefix}.{key}", value)
        elif family.all_sizes.get("head_dim") != key or field == "head_dim":
            writer.add_uint32(f"{prefix}.{key}", int(value))
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_freq_base(_rope_base(family, config))


def _rope_base(family: Family, config: dict[str, Any]) -> float:
    """The base of the rotation.

    Raises:
        BadInput: it is scaled, which the file could not say.
    """
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not family.single_rope:
        rope = rope.get("full_attention", rope)
    if rope.get("rope_type", "default") != "default":
        raise mismatch(f"its positions are scaled ({rope['rope_type']})")
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)


def _add(writer: Any, name: str, values: np.ndarray[Any, Any], quantisation: Quantisation) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType, quantize

    if values.ndim == 1:
        writer.add_tensor(name, np.ascontiguousarray(values, dtype=np.float32))
    elif values.shape[-1] % 32:
        writer.add_tensor(name, values.astype(np.float16))
    else:
        kind = GGMLQuantizationType["Q8_0" if name.startswith("token_embd") else quantisation]
        writer.add_tensor(name, quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
