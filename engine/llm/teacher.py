"""Which teacher this installation uses: the saved choice, ready-made addresses, the way in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.errors import BadInput, Missing
from engine.llm import Chat
from engine.llm.embedded import Embedded
from engine.llm.endpoint import Endpoint
from engine.llm.keys import (
    Place,
    check_variable,
    forget_key,
    keep_key,
    kept_key,
    key_from_environment,
)
from engine.llm.ledger import Ledger, Price
from engine.progress import Report, silent
from engine.schema import Value
from engine.settings import Settings
from engine.store import Store

Kind = Literal["extractive", "endpoint", "embedded"]
Role = Literal["teacher", "judge", "second"]
"""``second`` is another teacher, whose questions are merged with the first one's."""


class Preset(Value):
    """A ready-made address; ``api_key_env`` is empty where the server wants no key."""

    title: str
    base_url: str
    api_key_env: str = ""


PRESETS: dict[str, Preset] = {
    "openai": Preset(
        title="OpenAI", base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY"
    ),
    "deepseek": Preset(
        title="DeepSeek", base_url="https://api.deepseek.com/v1", api_key_env="DEEPSEEK_API_KEY"
    ),
    "qwen": Preset(
        title="Qwen (DashScope)",
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        api_key_env="DASHSCOPE_API_KEY",
    ),
    "glm": Preset(
        title="GLM (Zhipu)",
        base_url="https://open.bigmodel.cn/api/paas/v4",
        api_key_env="ZHIPUAI_API_KEY",
    ),
    "ollama": Preset(title="Ollama", base_url="http://localhost:11434/v1"),
    "vllm": Preset(title="vLLM", base_url="http://localhost:8000/v1"),
    "lmstudio": Preset(title="LM Studio", base_url="http://localhost:1234/v1"),
    "custom": Preset(title="Other", base_url=""),
}


class TeacherChoice(Value):
    """The chosen teacher. Holds where its key is, never the key.

    ``extractive`` needs no model: questions are made from the book's own sentences. ``price`` is
    per million tokens; ``ceiling`` None leaves the number of calls at a time to the engine.
    """

    kind: Kind = "extractive"
    base_url: str = ""
    model: str = ""
    api_key_env: str = ""
    key_kept: Place | None = None
    price: Price = Field(default_factory=Price)
    ceiling: int | None = Field(default=None, ge=1, le=1024)
    timeout: float = Field(default=600.0, gt=0)


def load_choice(store: Store, role: Role = "teacher") -> TeacherChoice:
    """The saved teacher; extractive where none was chosen. The judge's default is the teacher."""
    saved = store.choice("", role)
    if saved is None and role == "judge":
        return load_choice(store)
    return TeacherChoice.model_validate(saved or {})


def save_choice(
    store: Store,
    settings: Settings,
    choice: TeacherChoice,
    *,
    role: Role = "teacher",
    api_key: str = "",
) -> TeacherChoice:
    """Save the choice; a key that was typed in goes to the keyring or the secrets file.

    Raises:
        BadInput: an endpoint without address or model, or a key where a variable's name belongs.
    """
    check_variable(choice.api_key_env)
    if choice.kind == "endpoint":
        if not choice.model:
            raise BadInput(
                "The endpoint needs the name of a model.",
                code="teacher.no_model",
                next="Give a model; the probe lists those of the endpoint.",
            )
        Endpoint(choice.base_url, choice.model)  # checks the address
    if api_key:
        place = keep_key(settings, choice.base_url, api_key)
        choice = choice.model_copy(update={"key_kept": place, "api_key_env": ""})
    store.choose("", role, choice.model_dump(mode="json"))
    return choice


def forget_kept_key(store: Store, settings: Settings, role: Role = "teacher") -> TeacherChoice:
    """Remove the kept key of the saved choice."""
    choice = load_choice(store, role)
    forget_key(settings, choice.base_url)
    return save_choice(store, settings, choice.model_copy(update={"key_kept": None}), role=role)


def key_of(choice: TeacherChoice, settings: Settings) -> str:
    """The key of a choice, from where it is kept; empty where none is needed.

    Raises:
        Missing: it should be there and is not.
    """
    if choice.api_key_env:
        return key_from_environment(choice.api_key_env)
    if choice.key_kept:
        return kept_key(settings, choice.base_url, choice.key_kept)
    return ""


def connect(
    choice: TeacherChoice, settings: Settings, store: Store, report: Report = silent
) -> Chat:
    """The chosen model, with every answer kept in the store.

    Raises:
        Missing: the choice is extractive (there is no model), or its key is not there.
        BadInput: the address is none.
    """
    if choice.kind == "extractive":
        raise Missing(
            "This step needs a teacher model, and none is chosen.",
            code="teacher.none",
            next="Choose a teacher model in the settings, or: coursewright teacher set",
        )
    if choice.kind == "embedded":
        return Ledger(Embedded(settings, report=report), store)
    endpoint = Endpoint(
        choice.base_url,
        choice.model,
        key_of(choice, settings),
        ceiling=choice.ceiling,
        timeout=choice.timeout,
    )
    return Ledger(endpoint, store)


def prices(*choices: TeacherChoice) -> dict[str, Price]:
    """The prices of choices by model name, for ``ledger.spend``."""
    return {choice.model: choice.price for choice in choices if choice.kind == "endpoint"}
