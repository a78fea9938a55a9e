"""How to word a request for one endpoint, and what to leave out after it objects.

Servers differ in how they can be asked for JSON (by schema, as an object, in words only), in the
name of the length limit, and in parameters that they refuse. A ``Dialect`` starts with the
richest form; each refusal makes a plainer one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.llm import Request
from engine.llm.content import schema_words
from engine.schema import Message

JsonMode = Literal["schema", "object", "words"]
_PLAINER: dict[JsonMode, JsonMode] = {"schema": "object", "object": "words"}
_RETRY_TEMPERATURE = 0.4


@dataclass(frozen=True)
class Dialect:
    """What one endpoint understands."""

    json: JsonMode = "schema"
    length: str = "max_tokens"
    without: frozenset[str] = frozenset()

    def body(self, request: Request, model: str, bad: int = 0) -> dict[str, Any]:
        """The request's body; ``bad`` counts the unusable answers it got before.

        A request asked again gets another seed, some temperature (the same greedy answer would
        not help) and, for JSON, the schema in words; after a cut answer there is double room.
        """
        schema = request.answer_schema
        messages = list(request.messages)
        if schema is not None and (bad or self.json != "schema"):
            messages = _with_words(messages, schema_words(schema))
        found: dict[str, Any] = {
            "model": model,
            "messages": [message.model_dump() for message in messages],
            self.length: request.max_tokens,
            "temperature": max(request.temperature, _RETRY_TEMPERATURE if bad else 0.0),
            "seed": request.seed + 1_000_003 * bad,
        }
        if schema is not None and self.json != "words":
            found["response_format"] = self._format(schema)
        return {name: value for name, value in found.items() if name not in self.without}

    def _format(self, schema: dict[str, Any]) -> dict[str, Any]:
        if self.json == "object":
            return {"type": "json_object"}
        wanted = {"name": "answer", "schema": schema, "strict": is_strict(schema)}
        return {"type": "json_schema", "json_schema": wanted}

    def plainer(self, words: str, asked: dict[str, Any]) -> Dialect | None:
        """The dialect to try after the endpoint rejected the body ``asked`` with these words."""
        words = words.lower()
        if "max_completion_tokens" in words and self.length == "max_tokens":
            return replace(self, length="max_completion_tokens")
        for name in ("seed", "temperature"):
            if name in words and name in asked:
                return replace(self, without=self.without | {name})
        if "response_format" in asked and self.json in _PLAINER:
            return replace(self, json=_PLAINER[self.json])
        return None


def _with_words(messages: list[Message], words: str) -> list[Message]:
    """The messages with an instruction added to the last one."""
    last = messages[-1]
    return [*messages[:-1], last.model_copy(update={"content": f"{last.content}\n\n{words}"})]


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes the schema: closed objects, every property required."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or names != set(
            schema.get("required", ())
        ):
            return False
    return all(is_strict(part) for part in schema.values())
