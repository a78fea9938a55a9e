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


class Slow(Scripted):
    """Streams numbers without end, one each time it is let; knows when it was given up."""

    def __init__(self):
        super().__init__(lambda request: "1")
        self.let, self.ended = threading.Semaphore(1), threading.Event()

    def stream(self, request):
        try:
            for number in range(10_000):
                self.let.acquire(timeout=5)
                yield f"{number} "
        finally:
            self.ended.set()


@pytest.fixture
def slow(tmp_path):
    chat, store, port = Slow(), Store(f"sqlite:///{tmp_path / 'slow.db'}"), free_port()
    key = new_key(store, "c", "me")
    with serving(make_app(chat, store, "c"), port):
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.ConnectError:
                threading.Event().wait(0.05)
        yield chat, f"http://127.0.0.1:{port}", key
        chat.let.release(10_000)
    store.close()


def stream_of(url, key):
    body = {"messages": HI, "stream": True}
    auth = {"Authorization": f"Bearer {key}"}
    return httpx.stream("POST", f"{url}/v1/chat/completions", json=body, headers=auth, timeout=5)


@pytest.mark.parametrize("time", [1, 2])  # a server that ended leaves nothing behind for the next
def test_the_first_piece_is_sent_before_the_second_is_made(slow, time):
    chat, url, key = slow
    with stream_of(url, key) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        assert '"role":"assistant"' in next(lines)
        assert '"content":"0 "' in next(lines)
        assert not chat.let._value  # the second waits to be let
        chat.let.release()
        assert '"content":"1 "' in next(lines)


def test_a_client_that_leaves_ends_the_generation(slow):
    chat, url, key = slow
    with stream_of(url, key) as answer:
        lines = (line for line in answer.iter_lines() if line)
        next(lines), next(lines)
    for _ in range(100):  # what was on its way when the client left may still be made
        chat.let.release()
        if chat.ended.wait(0.05):
            break
    assert chat.ended.is_set(), "of 10,000 pieces, at most 100 more"


def test_a_stream_that_fails_says_why(served):
    url, key, *_ = served
    body = {"messages": [{"role": "user", "content": "fail"}], "stream": True}
    auth = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=auth)
    assert answer.text.endswith('data: {"error":{"message":"too long"}}\n\n')
    assert 'requests_total{code="error"} 1.0' in httpx.get(f"{url}/metrics").text


def test_a_whole_stream_ends_as_openais_does(served):
    url, key, *_ = served
    body = {"messages": HI, "stream": True}
    auth = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=auth)
    assert answer.text.endswith('"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    assert "你好" in answer.text  # not \\u escapes
