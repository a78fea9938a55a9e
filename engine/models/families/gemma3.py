"""Gemma 3 (text only): four norms a layer, and a sentencepiece vocabulary of 262,144 pieces.

llama.cpp stores every norm's weights plus one. OpenVINO GenAI 2026.4 does not build this
architecture from a GGUF. Without ``<bos>`` at the beginning the model babbles. The number for
estimates was measured on the Chinese sample course.
"""

from __future__ import annotations

from engine.models.families.family import Family
from engine.models.families.llama import TENSORS

GEMMA3 = Family(
    name="Gemma 3",
    model_type="gemma3_text",
    architecture="gemma3",
    model_class="Gemma3ForCausalLM",
    layer_tensors=TENSORS
    | {
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    norm_offset=1.0,
    single_rope=False,
    sizes={
        "head_dim": "attention.key_length",
        "query_pre_attn_scalar": "attention.key_length",
        "sliding_window": "attention.sliding_window",
    },
    vocabulary="llama",
    starts_with_bos=True,
    runtime="transformers",
    licence="gemma",
    prompt="<bos>Q: {question}\nA:\n",
    end="<eos>",
    notice=(
        "Gemma is provided under and subject to the Gemma Terms of Use "
        "found at ai.google.dev/gemma/terms"
    ),
)
