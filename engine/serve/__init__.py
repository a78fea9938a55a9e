"""A student served: an OpenAI-compatible API (``api.py``, which imports FastAPI) and its keys."""

from engine.serve.keys import key_names, new_key, owner_of, remove_key

__all__ = ["key_names", "new_key", "owner_of", "remove_key"]
