import math

import pytest

from engine.llm.admission import Admission, Latencies, RateLimit
from engine.llm.faults import announced_wait, seconds_of


def run(admission, seconds, rate, now=0.0):
    """A server of ``rate`` answers a second, each 0.1 s at least: its time per call at n in flight."""
    calls, peak = [], 0
    end = now + seconds
    while now < end:
        while admission.delay(now) == 0:
            started = admission.start_call(now)
            free = max([now, *(at for at, _ in calls)]) if len(calls) >= rate * 0.1 else now
            calls.append((max(now + 0.1, free + 1 / rate), started))
        peak = max(peak, admission.in_flight)
        calls.sort(key=lambda c: c[0])
        now, started = calls.pop(0)
        admission.call_succeeded(started, now, {}, 10)
        admission.end_call()
    return peak


def test_the_limit_doubles_while_it_helps_and_goes_back_when_it_does_not():
    admission = Admission(ceiling=512, start=4)
    run(admission, 8.0, rate=400)
    assert 32 <= admission.limit <= 128


def test_the_ceiling_holds():
    admission = Admission(ceiling=10, start=32)
    assert run(admission, 3.0, rate=4000) == 10
    assert admission.limit == 10


def test_one_round_of_too_many_shrinks_once():
    admission = Admission(ceiling=64, start=40)
    started_calls = [admission.start_call(0.0) for _ in range(40)]
    for started in started_calls:
        admission.call_throttled(started, 1.0, {}, 2.0)
        admission.end_call()
    assert admission.limit == 30
    assert admission.delay(1.5) == pytest.approx(1.5) and admission.delay(3.0) == 0


def test_single_faults_leave_the_limit_alone_but_an_outage_opens_the_circuit():
    admission = Admission(ceiling=16, start=16)
    for number in range(100):
        started = admission.start_call(number)
        if number % 5 == 0:
            assert admission.call_failed(started, number)
        else:
            admission.call_succeeded(started, number, {}, 1)
        admission.end_call()
    assert admission.limit == 16 and not admission.open

    started_calls = [admission.start_call(100.0) for _ in range(16)]
    counted = []
    for started in started_calls:
        counted.append(admission.call_failed(started, 100.0))
        admission.end_call()
    assert admission.open and counted[0] and not counted[-1]
    assert 0 < admission.delay(100.0) <= 0.5
    probe = admission.start_call(101.0)
    assert admission.delay(101.0) == math.inf  # one probe at a time
    assert not admission.call_failed(probe, 101.0) and not admission.given_up(101.0)
    admission.end_call()
    assert admission.delay(101.0) == 1.0 and admission.given_up(101.0 + 200)
    admission.call_succeeded(admission.start_call(103.0), 103.0, {}, 1)
    admission.end_call()
    assert not admission.open and admission.limit == 8


def headers(limit, left, reset, name="requests"):
    return {
        f"x-ratelimit-limit-{name}": str(limit),
        f"x-ratelimit-remaining-{name}": str(left),
        f"x-ratelimit-reset-{name}": reset,
    }


def test_the_pace_is_that_of_the_headers():
    rate_limit = RateLimit("requests")
    assert rate_limit.wait(1, 0.0) == 0
    rate_limit.update(headers(600, 5, "0.5s"), 0.0)
    assert rate_limit.rate == pytest.approx(9.8)
    start_call, now = 0, 0.0
    while now < 10:
        if (wait := rate_limit.wait(1, now)) > 0:
            now += wait + 1e-9
        else:
            rate_limit.spend(1)
            start_call += 1
            rate_limit.update(headers(600, 0, "0.5s"), now)
    assert 95 <= start_call <= 106


def test_a_limit_per_day_is_seen_by_its_reset():
    rate_limit = RateLimit("requests")
    rate_limit.update(headers(14400, 14370, "2m59.5s"), 0.0)
    assert rate_limit.rate == pytest.approx(0.98 * 30 / 179.5) and rate_limit.wait(1, 0.0) == 0


@pytest.mark.parametrize(
    "odd", [headers("x", "y", "z"), headers(0, 0, ""), {}, headers(60, "", "1s")]
)
def test_odd_headers_change_nothing(odd):
    rate_limit = RateLimit("requests")
    rate_limit.update(odd, 0.0)
    assert rate_limit.rate == 0 and rate_limit.wait(1, 0.0) == 0


def test_tokens_are_paced_by_what_calls_cost():
    admission = Admission(ceiling=64, start=64)
    first = admission.start_call(0.0)
    admission.call_succeeded(first, 0.0, headers(6000, 2000, "40s", "tokens"), 1000)
    admission.end_call()
    left = 0
    while admission.delay(0.0) == 0:
        admission.start_call(0.0)
        left += 1
    assert left == 2 and 9 < admission.delay(0.0) < 11


def test_deadlines_are_generous_until_enough_is_known():
    latencies = Latencies(600.0)
    for _ in range(30):
        latencies.add(1000, 0.5)
    assert latencies.deadline(1000, 64) == 600
    assert latencies.deadline(1000, 10) == 4.0
    assert latencies.deadline(4000, 10) == 600  # longer answers are another matter
    for _ in range(300):
        latencies.add(1000, 10.0)
    assert latencies.deadline(1000, 10) == 30.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        ("1.5s", 1.5),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1h2m", 3720),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


def test_told_waits():
    assert announced_wait({"retry-after": "3", "retry-after-ms": "2500"}, "") == 2.5
    assert announced_wait({"retry-after": "3"}, "") == 3
    assert announced_wait(headers(10, 0, "7s"), "") == 7
    assert announced_wait({}, "Rate limit reached. Please try again in 1.2s.") == 1.2
    assert announced_wait({}, "no idea") is None
