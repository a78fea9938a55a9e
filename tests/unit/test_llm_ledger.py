import pytest

from engine.errors import BadAnswer, TeacherRefused
from engine.llm import Answer, Request, ask_one, user
from engine.llm.endpoint import Endpoint
from engine.llm.ledger import Ledger, Price, spend
from engine.llm.scripted import Scripted
from engine.store import Store
from tests.unit.llm_server import SCHEMA, Said, serving


@pytest.fixture
def store(tmp_path):
    found = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    yield found
    found.close()


def ask(number, **options):
    return Request(messages=user(f"Question {number}"), **options)


class Counting(Scripted):
    def __init__(self, function=None):
        super().__init__(self._say)
        self.asked, self._answering = [], function or (lambda r: f"Re: {r.messages[0].content}")

    def _say(self, request):
        self.asked.append(request.messages[0].content)
        return self._answering(request)


def test_nothing_is_asked_twice(store):
    chat = Counting()
    ledger = Ledger(chat, store)
    first = dict(ledger.ask(ask(n) for n in range(5)))
    again = dict(ledger.ask(ask(n) for n in range(8)))
    assert len(chat.asked) == 8 and sorted(again) == list(range(8))
    assert not first[0].cached and again[0].cached and not again[7].cached
    assert again[3].text == first[3].text == "Re: Question 3"
    assert ask_one(ledger, ask(2, purpose="another")).cached


def test_equal_requests_of_one_batch_are_asked_once(store):
    chat = Counting()
    found = dict(Ledger(chat, store).ask(ask(n % 3) for n in range(9)))
    assert len(chat.asked) == 3 and len(found) == 9
    assert sum(not a.cached for a in found.values()) == 3


def test_equal_requests_in_flight_together(store):
    with serving(lambda body, n: Said()) as (url, server):
        found = dict(Ledger(Endpoint(url, "m"), store).ask(ask(n % 4) for n in range(40)))
    assert len(found) == 40 and len(server.bodies) == 4


def test_an_answer_is_saved_before_it_is_yielded(store):
    ledger = Ledger(Counting(), store)
    answers = ledger.ask(ask(n) for n in range(5))
    next(answers)
    assert ledger.find(ask(0).key("scripted"))
    answers.close()


def test_a_batch_cut_short_pays_nothing_twice(store):
    """Whatever the endpoint had answered when the reader left is in the store."""
    with serving(lambda body, n: Said()) as (url, server):
        ledger = Ledger(Endpoint(url, "m", ceiling=8), store)
        answers = ledger.ask(ask(n, answer_schema=SCHEMA) for n in range(60))
        for _ in range(10):
            next(answers)
        answers.close()
        saved = store.spent()[0]["calls"]
        assert len(server.bodies) - 8 <= saved <= len(server.bodies)
        before = len(server.bodies)
        found = dict(ledger.ask(ask(n, answer_schema=SCHEMA) for n in range(60)))
    assert len(found) == 60 and all(isinstance(a, Answer) for a in found.values())
    assert len(server.bodies) == before + 60 - saved


def test_failed_requests_are_asked_again_next_time_and_their_cost_is_booked(store):
    with serving(lambda body, n: Said("no") if n < 2 else Said()) as (url, _):
        ledger = Ledger(Endpoint(url, "m", content_attempts=2), store)
        with pytest.raises(BadAnswer):
            ask_one(ledger, ask(0, answer_schema=SCHEMA, purpose="distil"))
        assert store.spent()[0] | {"calls": 0} == {
            "model": "m",
            "purpose": "distil",
            "calls": 0,
            "prompt_tokens": 20,
            "completion_tokens": 10,
        }
        assert not ask_one(ledger, ask(0, answer_schema=SCHEMA, purpose="distil")).cached
    [row] = spend(store, {"m": Price(prompt=1.0, completion=2.0, currency="CNY")})
    assert row.prompt_tokens == 30 and row.completion_tokens == 15
    assert row.cost == pytest.approx(60e-6) and row.currency == "CNY"
    assert spend(store, {})[0].cost is None


def test_refusals_and_errors_pass(store):
    def refuse(request):
        raise TeacherRefused("no")

    with pytest.raises(TeacherRefused):
        list(Ledger(Counting(refuse), store).ask([ask(0)]))
    failed = Counting(lambda r: BadAnswer("bad"))
    assert isinstance(dict(Ledger(failed, store).ask([ask(0), ask(0)]))[1], BadAnswer)
    assert store.spent() == []


def test_streamed_answers_are_saved_when_whole(store):
    chat = Counting()
    ledger = Ledger(chat, store)
    pieces = ledger.stream(ask(0))
    next(pieces)
    pieces.close()
    assert store.spent() == []
    assert "".join(ledger.stream(ask(0))) == "".join(ledger.stream(ask(0))) == "Re: Question 0"
    assert len(chat.asked) == 2


def test_scripted_checks_schemas():
    good = Scripted(lambda r: '{"question": "a", "answer": "b"}')
    assert ask_one(good, ask(0, answer_schema=SCHEMA)).data == {"question": "a", "answer": "b"}
    with pytest.raises(BadAnswer):
        ask_one(Scripted(lambda r: "{}"), ask(0, answer_schema=SCHEMA))
    with pytest.raises(BadAnswer):
        list(Scripted(lambda r: BadAnswer("x")).stream(ask(0)))
