"""What the tensors of a GGUF are called in transformers, for the architectures that we convert."""

from __future__ import annotations

_LLAMA = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_GEMMA3 = _LLAMA | {
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
LAYERS = {"llama": _LLAMA, "gemma3": _GEMMA3}
"""Architecture to the names of a layer's tensors."""
_OTHERS = {"token_embd.weight": "embed_tokens", "output_norm.weight": "norm"}


def transformers_name(name: str, architecture: str = "llama") -> str:
    """The transformers name of a GGUF's tensor.

    ``blk.3.attn_q.weight`` -> ``model.layers.3.self_attn.q_proj.weight``.
    """
    if name in _OTHERS:
        return f"model.{_OTHERS[name]}.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{LAYERS[architecture][part]}.weight"
