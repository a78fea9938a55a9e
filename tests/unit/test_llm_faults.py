"""Against the shared fault endpoint: nothing lost, nothing paid twice, also after kill -9."""

import json
import subprocess
import sys
import time
import urllib.request

import pytest

from engine.llm import Answer, Request, user
from engine.llm.endpoint import Endpoint
from engine.llm.ledger import Ledger
from engine.store import Store
from tests.unit.llm_server import SCHEMA, free_port, shared_folder

PROGRAM = shared_folder() / "tools" / "teacher_endpoint.py"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"no fault endpoint at {PROGRAM}")

CHILD = """
import sys
from tests.unit.test_llm_faults import asked
from engine.llm.endpoint import Endpoint
from engine.llm.ledger import Ledger
from engine.store import Store
list(Ledger(Endpoint(sys.argv[1] + "/v1", "teacher"), Store(sys.argv[2])).ask(asked(200)))
"""


@pytest.fixture
def teacher():
    children = []

    def start(*options):
        port = free_port()
        command = [sys.executable, str(PROGRAM), "--port", str(port), "--seed", "1", *options]
        children.append(subprocess.Popen(command))
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                stats(url)
                return url
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the fault endpoint did not start")

    yield start
    for child in children:
        child.terminate()
        child.wait()


def stats(url):
    with urllib.request.urlopen(f"{url}/stats") as answer:
        return json.load(answer)


def asked(count):
    text = "Passage {}. A loop repeats its body until the condition is false. Write a question."
    return (Request(messages=user(text.format(n)), answer_schema=SCHEMA) for n in range(count))


def test_faults_lose_nothing_and_cost_nothing_twice(teacher, tmp_path):
    faults = "--p-5xx 0.05 --p-reset 0.02 --p-truncated 0.02 --p-not-json 0.05 --p-fence 0.05 --p-wrong-keys 0.02 --p-empty 0.02 --p-length 0.02 --p-refusal 0.02"
    url = teacher("--slots", "32", "--latency-ms", "50", "--p99-ms", "150", *faults.split())
    store = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    found = dict(Ledger(Endpoint(f"{url}/v1", "teacher"), store).ask(asked(200)))
    store.close()
    seen = stats(url)
    assert len(found) == 200 and all(isinstance(a, Answer) for a in found.values())
    fenced = seen["by_fault"].get("fence", 0)
    assert seen["duplicates"] == 0 and 200 - fenced <= seen["answered_ok"] <= 200


def test_a_killed_run_goes_on_where_it_was(teacher, tmp_path):
    url = teacher("--slots", "16", "--latency-ms", "100", "--p99-ms", "300")
    rows = f"sqlite:///{tmp_path / 'rows.db'}"
    path = [str(PROGRAM.parent), *sys.path]
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{CHILD}", url, rows]
    )
    while stats(url)["answered_ok"] < 80:
        assert child.poll() is None
        time.sleep(0.02)
    child.kill()
    child.wait()
    store = Store(rows)
    found = dict(Ledger(Endpoint(f"{url}/v1", "teacher"), store).ask(asked(200)))
    store.close()
    assert len(found) == 200
    assert stats(url)["duplicates"] <= 8  # on the wire at that moment; 16 were in flight
