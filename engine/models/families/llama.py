"""Llama-shaped models: SmolLM2, Llama 2 and 3, and others whose ``model_type`` is ``llama``.

llama.cpp rotates neighbouring rows of a query or key projection where transformers rotates row i
with row i + d/2, so a GGUF holds these rows in another order. The numbers for estimates are those
of SmolLM2, whose vocabulary of 49,152 tokens spells Chinese characters in bytes.
"""

from __future__ import annotations

from engine.models.families.family import Family

TENSORS = {
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
"""A layer's tensors, in GGUF and in transformers; other families differ from these."""

LLAMA = Family(
    name="Llama",
    model_type="llama",
    architecture="llama",
    model_class="LlamaForCausalLM",
    layer_tensors=TENSORS,
    reordered={"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"},
    vocabulary="gpt2",
    pre_tokenizers=("smollm", "llama-bpe", "gpt-2"),
    runtime="openvino",
    licence="apache-2.0",
    prompt=(
        "<|im_start|>system\n{system}<|im_end|>\n"
        "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    ),
    end="<|im_end|>",
    default_system="You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    template_tokens=32,
    tokens_per_character=1.5,
)
