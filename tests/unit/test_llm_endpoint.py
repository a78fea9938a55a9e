import threading
import time

import pytest

from engine.errors import BadAnswer, BadInput, TeacherBroken, TeacherError, TeacherRefused
from engine.llm import Answer, Request, ask_one, user
from engine.llm.endpoint import Endpoint
from tests.unit.llm_server import GOOD, HANG, RESET, SCHEMA, Said, error, free_port, serving


def ask(number, **options):
    return Request(messages=user(f"Passage {number}"), answer_schema=SCHEMA, **options)


def asked(count):
    return (ask(number) for number in range(count))


def test_every_request_is_answered_once_with_checked_data():
    with serving(lambda body, n: Said()) as (url, server):
        found = dict(Endpoint(url, "m", "key").ask(asked(50)))
    assert sorted(found) == list(range(50))
    assert all(a.data == {"question": "What?", "answer": "That."} for a in found.values())
    assert len(server.bodies) == 50
    first = server.bodies[0]
    assert first["_key"] == "Bearer key"
    assert first["response_format"]["json_schema"]["strict"] is True


def test_no_requests_no_thread():
    before = threading.active_count()
    assert list(Endpoint("http://127.0.0.1:1/v1", "m").ask([])) == []
    assert threading.active_count() == before


def test_requests_are_pulled_as_slots_become_free():
    pulled = []

    def source():
        for number in range(1000):
            pulled.append(number)
            yield ask(number)

    def slow(body, n):
        time.sleep(0.02)
        return Said()

    with serving(slow) as (url, server):
        answers = Endpoint(url, "m", ceiling=4).ask(source())
        next(answers)
        assert len(pulled) <= 8
        for _ in range(10):
            next(answers)
        assert len(pulled) <= 8 + 11
        answers.close()
    assert server.peak <= 4


def test_closing_cancels_what_is_in_flight():
    with serving(lambda body, n: Said() if n == 0 else HANG) as (url, server):
        endpoint = Endpoint(url, "m", ceiling=4)
        answers = endpoint.ask(asked(100))
        next(answers)
        began = time.monotonic()
        answers.close()
        assert time.monotonic() - began < 1
        time.sleep(0.2)
        assert server.gone >= 3 and len(server.bodies) <= 5
    assert not [t for t in threading.enumerate() if t.name == "llm-flight"]


def test_answers_that_nobody_took_are_kept_for_the_ledger():
    with serving(lambda body, n: Said()) as (url, _):
        endpoint = Endpoint(url, "m", ceiling=4)
        answers = endpoint.ask(asked(100))
        index, _ = next(answers)
        time.sleep(0.3)
        answers.close()
        left = endpoint.unread()
    assert left and all(isinstance(a, Answer) for _, a in left)
    assert index not in [i for i, _ in left]
    assert endpoint.unread() == []


@pytest.mark.parametrize(
    "fault",
    [
        RESET,
        error(500, "oops"),
        error(503, "loading"),
        Said(body="<html>"),
        Said(body='{"choices": ['),
    ],
)
def test_a_fault_is_met_with_another_try(fault):
    with serving(lambda body, n: fault if n == 0 else Said()) as (url, server):
        answer = ask_one(Endpoint(url, "m"), ask(0))
    assert answer.data and answer.attempts == 1
    assert len(server.bodies) == 2


def test_faults_without_end_fail_that_request_only():
    def decide(body, n):
        return RESET if "Passage 3" in body["messages"][0]["content"] else Said()

    with serving(decide) as (url, _):
        found = dict(Endpoint(url, "m", attempts=2).ask(asked(30)))
    assert isinstance(found.pop(3), TeacherBroken)
    assert len(found) == 29 and all(isinstance(a, Answer) for a in found.values())


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Said("Sure! question: what"), "teacher.json"),
        (Said('{"result": 1}'), "teacher.json"),
        (Said('{"question": "\\ud83d", "answer": "x"}'), "teacher.json"),
        (Said('{"question": NaN, "answer": "x"}'), "teacher.json"),
        (Said(""), "teacher.empty"),
        (Said("<think>hm</think>"), "teacher.empty"),
        (Said(GOOD, finish="length"), "teacher.length"),
    ],
)
def test_a_bad_answer_is_asked_again_otherwise_and_costs(bad, code):
    with serving(lambda body, n: bad if n == 0 else Said()) as (url, server):
        answer = ask_one(Endpoint(url, "m"), ask(0))
    assert answer.attempts == 2 and answer.prompt_tokens == 20 and answer.completion_tokens == 10
    first, second = server.bodies
    assert first["seed"] != second["seed"] and second["temperature"] > first["temperature"]
    assert "JSON schema" in second["messages"][-1]["content"]
    assert second["max_tokens"] == (2048 if code == "teacher.length" else 1024)

    with serving(lambda body, n: bad) as (url, server), pytest.raises(BadAnswer) as caught:
        ask_one(Endpoint(url, "m", content_attempts=2), ask(0))
    assert caught.value.code == code and caught.value.values["prompt_tokens"] == 20
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "text",
    [f"Here:\n```json\n{GOOD}\n```\nBye", f"<think>{{}}</think>\n{GOOD}", f"Sure [1]: {GOOD}"],
)
def test_json_among_words_is_found(text):
    with serving(lambda body, n: Said(text)) as (url, server):
        assert ask_one(Endpoint(url, "m"), ask(0)).data["answer"] == "That."
    assert len(server.bodies) == 1


def test_too_many_waits_as_told_and_is_no_attempt():
    def decide(body, n):
        return error(429, "slow down", retry_after_ms="50") if n < 12 else Said()

    with serving(decide) as (url, server):
        began = time.monotonic()
        found = dict(Endpoint(url, "m", attempts=1, ceiling=2).ask(asked(6)))
        assert 0.2 < time.monotonic() - began < 3
    assert all(isinstance(a, Answer) for a in found.values())


def test_an_announced_rate_is_kept():
    """Like a provider with 1200 calls a minute, of which ten may come at once."""
    level, last, lock = [10.0], [time.monotonic()], threading.Lock()

    def decide(body, n):
        with lock:
            now = time.monotonic()
            level[0] = min(10.0, level[0] + (now - last[0]) * 20)
            last[0] = now
            if level[0] < 1:
                return error(429, "limit", retry_after="1")
            level[0] -= 1
            left = str(int(level[0]))
        return Said(x_ratelimit_limit_requests="1200", x_ratelimit_remaining_requests=left)

    with serving(decide) as (url, server):
        found = dict(Endpoint(url, "m", ceiling=8).ask(asked(45)))
    assert all(isinstance(a, Answer) for a in found.values())
    assert len(server.bodies) <= 45 + 10  # only before the first answer told the rate


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (error(401, "Incorrect API key provided: sk-secret"), "teacher.key"),
        (error(403, "no access"), "teacher.key"),
        (error(402, "Insufficient Balance"), "teacher.quota"),
        (error(429, "You exceeded your current quota"), "teacher.quota"),
        (error(404, "The model `m` does not exist"), "teacher.model"),
        (error(404, "Not Found"), "teacher.path"),
        (error(429, "daily limit", retry_after="7200"), "teacher.limit"),
    ],
)
def test_a_refusal_ends_all_at_once(said, code):
    with serving(lambda body, n: said) as (url, server), pytest.raises(TeacherRefused) as caught:
        list(Endpoint(url, "m", "sk-secret", ceiling=2).ask(asked(50)))
    assert caught.value.code == code and caught.value.next
    assert "sk-secret" not in str(caught.value) + repr(caught.value.values)
    assert len(server.bodies) <= 4


def test_answers_before_a_refusal_are_yielded():
    with serving(lambda body, n: Said() if n < 5 else error(402, "no money")) as (url, _):
        found = []
        with pytest.raises(TeacherRefused):
            for outcome in Endpoint(url, "m", ceiling=1).ask(asked(50)):
                found.append(outcome)
    assert len(found) == 5


def test_an_outage_loses_nothing():
    began = []

    def decide(body, n):
        began.append(time.monotonic())
        return RESET if 0.3 < time.monotonic() - began[0] < 1.5 else slow()

    def slow():
        time.sleep(0.03)
        return Said()

    with serving(decide) as (url, server):
        found = dict(Endpoint(url, "m", ceiling=8, attempts=3).ask(asked(150)))
    assert len(found) == 150 and all(isinstance(a, Answer) for a in found.values())
    assert len(server.bodies) < 150 + 60


def test_a_server_that_is_not_there():
    url = f"http://127.0.0.1:{free_port()}/v1"
    began = time.monotonic()
    with pytest.raises(TeacherError) as caught:
        ask_one(Endpoint(url, "m"), ask(0))
    assert caught.value.code == "teacher.unreachable" and time.monotonic() - began < 5


def test_a_server_that_stays_down_is_given_up():
    with (
        serving(lambda body, n: error(500, "broken")) as (url, _),
        pytest.raises(TeacherRefused) as caught,
    ):
        list(Endpoint(url, "m", patience=0.6).ask(asked(100)))
    assert caught.value.code == "teacher.server"


def test_hangs_are_cut_by_what_others_take():
    seen = set()

    def decide(body, n):
        text = body["messages"][0]["content"]
        if text == "Passage 30" and text not in seen:
            seen.add(text)
            return HANG
        return Said()

    with serving(decide) as (url, server):
        endpoint = Endpoint(url, "m", ceiling=8)
        endpoint.latencies.floor = 0.5
        began = time.monotonic()
        found = dict(endpoint.ask(asked(60)))
    assert time.monotonic() - began < 3 and isinstance(found[30], Answer) and server.gone == 1


def test_a_server_without_json_schema_is_asked_more_plainly():
    def decide(body, n):
        kind = body.get("response_format", {}).get("type")
        if kind == "json_schema":
            return error(400, "This response_format type is unavailable now")
        if kind == "json_object":
            return error(422, "extra fields not permitted")
        return Said(f"```json\n{GOOD}\n```")

    with serving(decide) as (url, server):
        endpoint = Endpoint(url, "m", ceiling=1)
        found = dict(endpoint.ask(asked(10)))
    assert all(isinstance(a, Answer) for a in found.values())
    assert endpoint.dialect.json == "words" and len(server.bodies) <= 14
    assert "JSON schema" in server.bodies[-1]["messages"][-1]["content"]


def test_parameters_that_a_server_refuses_are_left_out():
    def decide(body, n):
        if "max_tokens" in body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0.0")
        return Said()

    with serving(decide) as (url, server):
        found = dict(Endpoint(url, "m", ceiling=1).ask(asked(3)))
    assert all(isinstance(a, Answer) for a in found.values()) and len(server.bodies) <= 7


def test_a_request_too_long_fails_alone():
    def decide(body, n):
        if body["messages"][0]["content"] == "Passage 1":
            return error(400, "This model's maximum context length is 4096 tokens.")
        return Said()

    with serving(decide) as (url, server):
        found = dict(Endpoint(url, "m").ask(asked(3)))
    assert found[1].code == "teacher.too_long" and len(server.bodies) == 3


def test_a_model_that_gives_nothing_usable_is_given_up_early():
    with (
        serving(lambda body, n: Said("I am a parrot")) as (url, server),
        pytest.raises(TeacherRefused) as caught,
    ):
        list(Endpoint(url, "m", ceiling=4).ask(asked(1000)))
    assert caught.value.code == "teacher.unusable" and len(server.bodies) < 150


def test_an_error_in_the_source_of_requests_reaches_the_caller():
    def source():
        yield ask(0)
        raise ZeroDivisionError

    with serving(lambda body, n: Said()) as (url, _), pytest.raises(ZeroDivisionError):
        list(Endpoint(url, "m").ask(source()))
    assert not [t for t in threading.enumerate() if t.name == "llm-flight"]


def test_an_error_of_ours_in_the_loop_reaches_the_caller(monkeypatch):
    monkeypatch.setattr("engine.llm.endpoint.call", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(Endpoint("http://127.0.0.1:9/v1", "m").ask(asked(5)))


def test_streaming_and_thoughts():
    with serving(lambda body, n: Said("<think>well, well</think>\n\nHello there.")) as (url, _):
        assert "".join(Endpoint(url, "m").stream(ask(0))) == "Hello there."
    with serving(lambda body, n: Said("<b>bold</b> <think>")) as (url, _):
        assert "".join(Endpoint(url, "m").stream(ask(0))) == "<b>bold</b> <think>"


def test_streaming_retries_before_the_first_piece_and_reports_refusals():
    with serving(lambda body, n: error(503, "busy") if n == 0 else Said("Yes indeed")) as (
        url,
        server,
    ):
        pieces = Endpoint(url, "m").stream(ask(0))
        assert next(pieces) and len(server.bodies) == 2
        pieces.close()
    with serving(lambda body, n: error(401, "no")) as (url, _), pytest.raises(TeacherRefused):
        list(Endpoint(url, "m").stream(ask(0)))
    with serving(lambda body, n: Said("")) as (url, _), pytest.raises(BadAnswer):
        list(Endpoint(url, "m").stream(ask(0)))


@pytest.mark.parametrize("url", ["", "api.openai.com/v1", "ftp://x/v1", "https://"])
def test_an_address_must_be_one(url):
    with pytest.raises(BadInput):
        Endpoint(url, "m")


@pytest.mark.parametrize(
    ("url", "ceiling"),
    [
        ("http://localhost:11434/v1", 64),
        ("http://192.168.1.7:8000/v1/", 64),
        ("http://ollama:11434/v1/chat/completions", 64),
        ("https://api.openai.com/v1", 8),
        ("http://8.8.8.8/v1", 8),
    ],
)
def test_ceilings(url, ceiling):
    assert Endpoint(url, "m").ceiling == ceiling
    assert Endpoint(url, "m", ceiling=3).ceiling == 3


def test_the_key_is_in_no_representation():
    assert "sk-1234" not in repr(Endpoint("https://h/v1", "m", "sk-1234").address)


def test_an_answer_that_may_be_cut_is_taken_as_it_is():
    with serving(lambda _b, _n: Said("half an ans", finish="length")) as (url, server):
        chat = Endpoint(url, "m")
        [(_, outcome)] = chat.ask([Request(messages=user("hi"), may_be_cut=True)])
    assert isinstance(outcome, Answer)
    assert outcome.text == "half an ans"
    assert len(server.bodies) == 1
