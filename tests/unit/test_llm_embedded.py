import shutil
import threading
import time

import pytest

from engine.errors import BadAnswer, Missing, TeacherError, TeacherRefused
from engine.llm import Answer, Request, ask_one, user
from engine.llm.embedded import Embedded
from engine.models import smollm2_q8_gguf
from engine.settings import Settings
from tests.unit.llm_server import SCHEMA
from tests.unit.llm_server import test_models_home as models_home

BOUNDED = {
    **SCHEMA,
    "properties": {name: {"type": "string", "maxLength": 40} for name in SCHEMA["properties"]},
}


@pytest.fixture(scope="module")
def settings():
    return Settings(home=models_home())


@pytest.fixture(scope="module")
def embedded(settings):
    found = Embedded(settings)
    found.load()
    return found


def ask(text, **options):
    return Request(messages=user(text), **options)


def test_it_answers(embedded):
    answer = ask_one(embedded, ask("What is the capital of France?", max_tokens=40))
    assert "Paris" in answer.text and answer.prompt_tokens > 10 and answer.completion_tokens < 20
    assert embedded.model == "smollm2-135m-instruct-q8_0"


def test_many_at_a_time_of_which_some_fail(embedded):
    question = "What is the capital of France?"
    asked = [ask(question, max_tokens=2 if n == 3 else 40 + n) for n in range(12)]
    asked.append(ask("word " * 9000))
    found = dict(embedded.ask(iter(asked)))
    assert sorted(found) == list(range(13))
    assert found[3].code == "teacher.length" and found[12].code == "teacher.too_long"
    assert sum(isinstance(a, Answer) for a in found.values()) == 11


def test_requests_are_pulled_as_streams_become_free(settings, embedded, monkeypatch):
    monkeypatch.setattr(embedded, "streams", 2)
    pulled = []

    def source():
        for n in range(100):
            pulled.append(n)
            yield ask("Say yes.", max_tokens=3 + n)

    answers = embedded.ask(source())
    next(answers)
    assert len(pulled) <= 3
    answers.close()
    assert embedded._pipe.idle and not embedded._pipe._pipe.has_non_finished_requests()


def test_answers_keep_to_the_schema(embedded):
    asked = [
        ask(f"Write a question and its answer about {t}.", answer_schema=BOUNDED, max_tokens=200)
        for t in ("loops", "lists")
    ]
    found = dict(embedded.ask(asked))
    good = [a for a in found.values() if isinstance(a, Answer)]
    assert good and all(set(a.data) == {"question", "answer"} for a in good)


def test_a_schema_that_cannot_be_kept_fails_alone(embedded):
    bad = ask("Say yes.", answer_schema={"type": "no such type"}, max_tokens=20)
    found = dict(embedded.ask([bad, ask("What is the capital of France?", max_tokens=30)]))
    assert isinstance(found[0], TeacherError) and "Paris" in found[1].text


def test_greedy_answers_repeat_and_seeds_matter(embedded):
    said = [
        "".join(embedded.stream(ask("Name an animal.", temperature=1.2, seed=s, max_tokens=24)))
        for s in (5, 5, 6)
    ]
    assert said[0] == said[1] != said[2]


def test_streaming_stops_with_its_reader(embedded):
    pieces = embedded.stream(ask("Write a long story about the sea.", max_tokens=2000))
    began = time.monotonic()
    assert "".join(next(pieces) for _ in range(5))
    pieces.close()
    assert time.monotonic() - began < 5
    assert embedded._pipe.idle and not embedded._pipe._pipe.has_non_finished_requests()
    whole = "".join(embedded.stream(ask("What is the capital of France?", max_tokens=40)))
    assert whole == ask_one(embedded, ask("What is the capital of France?", max_tokens=40)).text
    with pytest.raises(BadAnswer):
        list(embedded.stream(ask("word " * 9000)))


def test_threads_share_it(embedded):
    found = {}

    def work(name):
        found[name] = [
            embedded_answer.text
            for _, embedded_answer in embedded.ask(
                [ask("What is the capital of France?", max_tokens=40)] * 3
            )
        ]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert len(found) == 4 and all("Paris" in text for texts in found.values() for text in texts)


def test_another_file(settings, tmp_path, embedded):
    copy = tmp_path / "student.gguf"
    shutil.copy(smollm2_q8_gguf(settings), copy)
    student = Embedded(settings, gguf=copy)
    assert student.model.startswith("student-") and len(student.model) == len("student-") + 8
    with copy.open("r+b") as file:
        file.seek(50_000_000 // 64 * 64)
        file.write(b"x" * 4_000_000)
    assert Embedded(settings, gguf=copy).model != student.model
    with pytest.raises(Missing):
        Embedded(settings, gguf=tmp_path / "none.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    with pytest.raises(TeacherRefused):
        ask_one(Embedded(settings, gguf=tmp_path / "bad.gguf"), ask("Hi"))


@pytest.mark.parametrize("error", [RuntimeError("lost"), ValueError("odd"), MemoryError()])
def test_a_pipeline_that_fails_ends_every_run_and_is_loaded_afresh(settings, monkeypatch, error):
    own = Embedded(settings)
    own.load()

    class Failing:
        def has_non_finished_requests(self):
            return True

        def step(self):
            raise error

        def __getattr__(self, name):
            return getattr(real, name)

    real = own._pipe._pipe
    monkeypatch.setattr(own._pipe, "_pipe", Failing())
    found = dict(own.ask([ask("Say yes.", max_tokens=5), ask("Say no.", max_tokens=5)]))
    assert [outcome.code for outcome in found.values()] == ["model.failed"] * 2
    assert "Paris" in ask_one(own, ask("What is the capital of France?", max_tokens=40)).text
