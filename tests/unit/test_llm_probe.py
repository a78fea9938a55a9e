import json

import pytest

from engine.errors import BadInput
from engine.llm.probe import probe
from tests.unit.llm_server import GOOD, HANG, RESET, Said, error, free_port, serving

CAPITAL = json.dumps({"capital": "Paris", "letters": 5})
MODELS = [{"id": "qwen3-32b", "max_model_len": 32768}, {"id": "qwen3-8b"}]


def answer(body, n):
    return Said(
        CAPITAL if "France" in body["messages"][-1]["content"] else "ready",
        x_ratelimit_limit_requests="500",
    )


def named(report):
    return {check.name: check for check in report.checks}


def test_an_endpoint_that_can_do_all():
    with serving(answer, models=MODELS) as (url, server):
        report = probe(url, "qwen3-32b", "sk-secret-key")
    assert report.usable and {c.status for c in report.checks} == {"ok"}
    assert report.models == ("qwen3-32b", "qwen3-8b") and report.json_mode == "schema"
    assert report.context == 32768 and report.limits == {"requests": "500"} and report.seconds < 5
    assert "sk-secret-key" not in report.model_dump_json()
    assert len(server.bodies) <= 5


def test_a_wrong_key():
    with serving(
        lambda b, n: error(401, "bad key sk-secret-key"), models=error(401, "bad key sk-secret-key")
    ) as (url, _):
        report = probe(url, "m", "sk-secret-key")
    assert not report.usable and [c.code for c in report.checks] == ["teacher.key"]
    assert "sk-secret-key" not in report.model_dump_json() and report.checks[0].next


def test_a_forgotten_v1_is_suggested():
    with serving(answer, models=MODELS) as (url, _):
        report = probe(url.removesuffix("/v1"), "qwen3-8b")
    assert named(report)["models"].code == "teacher.path" and url in named(report)["models"].next
    assert not report.usable


def test_a_web_page():
    page = Said(body="<html>Welcome</html>")
    with serving(lambda b, n: page, models=page) as (url, _):
        report = probe(url, "m")
    assert (
        not report.usable and "page" in named(report)["chat"].message and named(report)["chat"].next
    )


def test_nothing_there():
    report = probe(f"http://127.0.0.1:{free_port()}/v1", "m")
    assert [c.code for c in report.checks] == ["teacher.unreachable"] and report.checks[0].next


def test_no_tls_here():
    with serving(answer, models=MODELS) as (url, _):
        report = probe(url.replace("http:", "https:"), "m")
    assert report.checks[0].code == "teacher.tls" and not report.usable


def test_a_silent_server():
    with serving(lambda b, n: HANG, models=MODELS) as (url, _):
        report = probe(url, "qwen3-8b", timeout=0.5)
    assert named(report)["chat"].code == "teacher.hang" and not report.usable


def test_a_model_that_is_not_listed():
    with serving(answer, models=MODELS) as (url, _):
        report = probe(url, "Qwen3-8B-Instruct")
    assert named(report)["model"].status == "failed" and "qwen3-8b" in named(report)["model"].next
    assert not report.usable


def test_a_service_without_a_list_is_usable():
    with serving(answer) as (url, _):
        report = probe(url, "m")
    assert (
        report.usable
        and named(report)["models"].status == named(report)["model"].status == "unknown"
    )


@pytest.mark.parametrize(
    ("decide", "mode"),
    [
        (
            lambda b, n: (
                error(400, "response_format type is unavailable")
                if b.get("response_format", {}).get("type") == "json_schema"
                else answer(b, n)
            ),
            "object",
        ),
        (
            lambda b, n: error(422, "extra fields") if "response_format" in b else answer(b, n),
            "words",
        ),
        (lambda b, n: Said("Paris has five letters"), "none"),
    ],
)
def test_json_abilities(decide, mode):
    with serving(decide, models=MODELS) as (url, _):
        report = probe(url, "qwen3-8b")
    assert report.json_mode == mode and report.usable == (mode != "none")


def test_the_context_in_an_error():
    def decide(body, n):
        if body["max_tokens"] > 10**6:
            return error(
                400,
                "This model's maximum context length is 8192 tokens. However, you requested 100000010 tokens",
            )
        return answer(body, n)

    with serving(decide) as (url, _):
        assert probe(url, "m").context == 8192


def test_parameters_that_are_refused_do_not_matter():
    with serving(
        lambda b, n: error(400, "seed is not supported") if "seed" in b else answer(b, n),
        models=MODELS,
    ) as (url, _):
        assert probe(url, "qwen3-8b").usable


def test_a_reset_while_chatting():
    with serving(lambda b, n: RESET, models=MODELS) as (url, _):
        report = probe(url, "qwen3-8b")
    assert named(report)["chat"].code == "teacher.connection" and not report.usable


def test_no_address():
    with pytest.raises(BadInput):
        probe("nowhere", GOOD)
