import json
import stat

import pytest

from engine.errors import BadInput, Missing
from engine.llm import keys
from engine.llm.embedded import Embedded
from engine.llm.endpoint import Endpoint
from engine.llm.ledger import Ledger, Price
from engine.llm.teacher import (
    PRESETS,
    TeacherChoice,
    connect,
    forget_kept_key,
    key_of,
    load_choice,
    prices,
    save_choice,
)
from engine.settings import Settings
from engine.store import Store


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings):
    found = Store(settings.database)
    yield found
    found.close()


ENDPOINT = TeacherChoice(
    kind="endpoint",
    base_url="https://api.example.org/v1",
    model="big",
    price=Price(prompt=1, completion=2),
)


def test_the_default_is_extractive_and_has_no_model(settings, store):
    assert (
        load_choice(store).kind == "extractive" and load_choice(store, "judge").kind == "extractive"
    )
    with pytest.raises(Missing) as caught:
        connect(load_choice(store), settings, store)
    assert caught.value.code == "teacher.none"


def test_a_choice_is_saved_and_the_judge_follows_the_teacher(settings, store):
    save_choice(store, settings, ENDPOINT)
    assert load_choice(store) == ENDPOINT == load_choice(store, "judge")
    judge = TeacherChoice(kind="embedded")
    save_choice(store, settings, judge, role="judge")
    assert load_choice(store, "judge") == judge and load_choice(store) == ENDPOINT
    assert prices(ENDPOINT, judge) == {"big": ENDPOINT.price}


def test_a_typed_key_is_in_a_private_file_and_nowhere_else(settings, store):
    key = 'sk-"é\\ 1234567'
    choice = save_choice(store, settings, ENDPOINT, api_key=key)
    assert key_of(choice, settings) == key
    secrets = settings.home / "secrets.toml"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert "1234567" not in json.dumps(store.choice("", "teacher"))
    assert b"1234567" not in (settings.home / "coursewright.db").read_bytes()
    chat = connect(load_choice(store), settings, store)
    assert isinstance(chat, Ledger) and isinstance(chat.chat, Endpoint) and chat.model == "big"
    assert chat.chat.address.api_key == key
    choice = forget_kept_key(store, settings)
    assert choice.key_kept is None and "1234567" not in secrets.read_text()
    with pytest.raises(Missing):
        key_of(choice.model_copy(update={"key_kept": "file"}), settings)


def test_the_keyring_is_preferred(settings, store, monkeypatch):
    class Ring(dict):
        def set_password(self, service, name, key):
            self[service, name] = key

        def get_password(self, service, name):
            return self.get((service, name))

        def delete_password(self, service, name):
            del self[service, name]

    ring = Ring()
    monkeypatch.setattr(keys, "_keyring", lambda: ring)
    choice = save_choice(store, settings, ENDPOINT, api_key="sk-1")
    assert choice.key_kept == "keyring" and key_of(choice, settings) == "sk-1"
    assert not (settings.home / "secrets.toml").exists()
    forget_kept_key(store, settings)
    assert not ring


def test_a_key_from_the_environment(settings, monkeypatch):
    choice = ENDPOINT.model_copy(update={"api_key_env": "MY_KEY"})
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(Missing, match="MY_KEY"):
        key_of(choice, settings)
    monkeypatch.setenv("MY_KEY", "sk-9 ")
    assert key_of(choice, settings) == "sk-9"


def test_a_key_in_place_of_a_name_is_refused_and_not_repeated(settings, store):
    choice = ENDPOINT.model_copy(update={"api_key_env": "sk-very-secret"})
    for function in (
        lambda: save_choice(store, settings, choice),
        lambda: key_of(choice, settings),
    ):
        with pytest.raises(BadInput) as caught:
            function()
        assert "very-secret" not in str(caught.value) + caught.value.next


def test_choices_that_cannot_work_are_refused(settings, store):
    for change in ({"model": ""}, {"base_url": "example.org"}):
        with pytest.raises(BadInput):
            save_choice(store, settings, ENDPOINT.model_copy(update=change))


def test_the_embedded_model_is_not_loaded_by_connecting(settings, store):
    chat = connect(TeacherChoice(kind="embedded"), settings, store)
    assert isinstance(chat.chat, Embedded) and not settings.models.exists()


def test_presets_are_addresses():
    for name, preset in PRESETS.items():
        if name != "custom":
            Endpoint(preset.base_url, "m")
