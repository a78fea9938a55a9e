"""The official openai client against the served model: keys, streaming, limits, metrics."""

import threading

import httpx
import openai
import pytest

from engine.errors import BadAnswer, WorkFailed
from engine.llm.scripted import Scripted
from engine.serve.api import Bucket, make_app, serving
from engine.serve.keys import key_names, new_key, owner_of, remove_key
from engine.store import Store
from tests.unit.llm_server import free_port


def say(request):
    text = request.messages[-1].content
    return BadAnswer("too long") if text == "fail" else f"You said: {text}"


@pytest.fixture
def served(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    key = new_key(store, "c", "me")
    port = free_port()
    with serving(make_app(Scripted(say), store, "c", per_minute=600), port):
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.ConnectError:
                threading.Event().wait(0.05)
        yield url, key, store, port
    store.close()


def client(url, key):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


HI = [{"role": "user", "content": "你好 hi"}]


def test_the_official_client_asks_and_streams(served):
    url, key, *_ = served
    own = client(url, key)
    assert [m.id for m in own.models.list()] == ["c"]
    whole = own.chat.completions.create(model="c", messages=HI)
    assert whole.choices[0].message.content == "You said: 你好 hi"
    pieces = [
        chunk.choices[0].delta.content or ""
        for chunk in own.chat.completions.create(model="c", messages=HI, stream=True)
    ]
    assert "".join(pieces) == "You said: 你好 hi"


def test_unknown_and_withdrawn_keys_are_refused(served):
    url, key, store, _ = served
    with pytest.raises(openai.AuthenticationError):
        client(url, "cw-wrong").models.list()
    assert key_names(store, "c") == ["me"]
    remove_key(store, "c", "me")
    with pytest.raises(openai.AuthenticationError):
        client(url, key).models.list()


def test_a_key_is_kept_as_a_hash_only(served):
    _, key, store, _ = served
    assert key not in str(store.api_keys("c"))
    assert owner_of(store, "c", key) == "me"


def test_bad_requests_and_failures_are_told_not_hidden(served):
    url, key, *_ = served
    own = client(url, key)
    with pytest.raises(openai.BadRequestError, match="too long"):
        own.chat.completions.create(model="c", messages=[{"role": "user", "content": "fail"}])
    with pytest.raises(openai.BadRequestError, match="characters"):
        own.chat.completions.create(model="c", messages=[{"role": "user", "content": "x" * 30_000}])
    with pytest.raises(openai.UnprocessableEntityError):
        own.chat.completions.create(model="c", messages=[])


def test_metrics_count_and_hold_no_prompt(served):
    url, key, *_ = served
    client(url, key).chat.completions.create(model="c", messages=HI)
    text = httpx.get(f"{url}/metrics").text
    assert 'coursewright_requests_total{code="200"} 1.0' in text
    assert "hi" not in text.replace("histogram", "").split()


def test_the_rate_limit_lets_a_burst_through_and_then_waits():
    bucket = Bucket(60)
    assert [bucket.wait() for _ in range(10)] == [0.0] * 10
    assert 0 < bucket.wait() <= 1.0


def test_a_taken_port_is_told(served):
    *_, store, port = served
    with (
        pytest.raises(WorkFailed, match="taken"),
        serving(make_app(Scripted(say), store, "c"), port),
    ):
        pass
