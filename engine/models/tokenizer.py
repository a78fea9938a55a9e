"""The tokenizer of a transformers folder, always with a chat template that answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PLAIN_TEMPLATE = (
    "{{ bos_token or '' }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ m['content'] }}\n\n"
    "{% elif m['role'] == 'user' %}Q: {{ m['content'] }}\n"
    "{% else %}A:\n{{ m['content'] }}{{ eos_token }}\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}A:\n{% endif %}"
)
"""For bases that were never taught to chat: question and answer by letters, in any language."""

PLAIN_OLLAMA = "{{ if .System }}{{ .System }}\n\n{{ end }}Q: {{ .Prompt }}\nA:\n"
"""The same in Ollama's words; its runtime adds the mark of the beginning by itself."""

PLAIN_STOP = "\nQ: "
"""Where an untrained base begins a question of its own after its answer."""

_NO_THINKING = "{%- set enable_thinking = false -%}\n"
"""Qwen3 and its like think aloud first unless told not to; a course answers at once."""


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``; one without a chat template gets ``PLAIN_TEMPLATE``.

    Padding is given where it is missing, so that answers can be made in batches.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    _split_as_stored(tokenizer, folder)
    template = tokenizer.chat_template or PLAIN_TEMPLATE
    if isinstance(template, dict):
        template = template.get("default") or PLAIN_TEMPLATE
    if "enable_thinking" in template and not template.startswith(_NO_THINKING):
        template = _NO_THINKING + template
    tokenizer.chat_template = template
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _split_as_stored(tokenizer: Any, folder: Path) -> None:
    """Split texts as ``tokenizer.json`` says.

    Transformers 5.17 keeps the vocabulary only where the config names a class of its own, and
    splits as that class does: SmolLM2's official files name GPT-2's, which splits no numbers.
    """
    from tokenizers import Tokenizer

    file, backend = folder / "tokenizer.json", getattr(tokenizer, "backend_tokenizer", None)
    if not file.is_file() or backend is None:
        return
    stored = Tokenizer.from_file(str(file))
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        setattr(backend, part, getattr(stored, part))


def prompt_ids(
    tokenizer: Any, messages: list[dict[str, str]], *, answered: bool = False
) -> list[int]:
    """Token ids of a conversation by the chat template, open for an answer unless ``answered``."""
    found = tokenizer.apply_chat_template(
        messages, tokenize=True, add_generation_prompt=not answered, return_dict=True
    )
    return list(found["input_ids"])


def is_plain(tokenizer: Any) -> bool:
    """Whether questions are put by ``PLAIN_TEMPLATE``."""
    return bool(tokenizer.chat_template == PLAIN_TEMPLATE)
