"""Qwen3: every head's queries and keys are normed (``q_norm``, ``k_norm``) before the rotation.

Rows stand in the same order in GGUF and in transformers. The template lets the model think aloud
first unless told not to; a course answers at once (see ``engine.models.tokenizer``).
"""

from __future__ import annotations

from engine.models.families.family import Family
from engine.models.families.llama import TENSORS

QWEN3 = Family(
    name="Qwen3",
    model_type="qwen3",
    architecture="qwen3",
    model_class="Qwen3ForCausalLM",
    layer_tensors=TENSORS | {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"},
    sizes={"head_dim": "attention.key_length"},
    vocabulary="gpt2",
    pre_tokenizers=("qwen2",),
    runtime="openvino",
    licence="apache-2.0",
    prompt=(
        "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    ),
    end="<|im_end|>",
    template_tokens=15,
)
