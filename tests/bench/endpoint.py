"""How much of an endpoint's capacity ``Endpoint`` uses, beside an ideal client, in one run.

    python -m tests.bench.endpoint [--requests 400] [--seeds 1 2 3] [--json]

Needs the fault endpoint (``teacher_endpoint.py``) in the shared tools: ``$COURSEWRIGHT_TEST_SHARED``
or ``shared`` beside the repository. The ideal client knows all in advance: 32 slots, a deadline of
5 s, the announced rate; it sends the same bodies, so it meets the same faults. Each scenario runs
both clients against an endpoint that starts afresh. ``share`` is ideal wall time / ours (from first
request to last answer, as the endpoint sees it); ``paid_twice`` counts clean answers beyond those
kept; ``gone`` are calls that the client left, which a provider may bill.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import TeacherError
from engine.llm import Answer, Request, user
from engine.llm.content import find_json
from engine.llm.dialect import Dialect
from engine.llm.endpoint import Endpoint
from engine.llm.ledger import Ledger
from engine.store import Store

ROOT = Path(__file__).parents[2]
SERVICE = ["--slots", "32", "--latency-ms", "300", "--p99-ms", "900"]
FAULTS = [
    "--p-5xx",
    "0.05",
    "--p-reset",
    "0.02",
    "--p-hang",
    "0.02",
    "--hang-s",
    "20",
    "--p-not-json",
    "0.05",
]
SCENARIOS = {"clean": [], "rate": ["--rpm", "2400"], "faults": FAULTS}
SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}


def requests(count: int, salt: int) -> Iterator[Request]:
    """Requests as a distillation makes them: a passage of 150 words and an instruction."""
    words = [
        "loop",
        "list",
        "function",
        "value",
        "returns",
        "object",
        "method",
        "string",
        "number",
        "index",
        "module",
    ]
    for number in range(count):
        rng = random.Random(f"{salt}-{number}")
        passage = ". ".join(" ".join(rng.choices(words, k=15)).capitalize() for _ in range(10))
        text = f"Write one question about this passage and its answer.\n\n{passage}."
        yield Request(messages=user(text), answer_schema=SCHEMA, max_tokens=512)


@contextmanager
def teacher(options: list[str], seed: int) -> Iterator[str]:
    """The base URL of a fresh fault endpoint."""
    shared = Path(os.environ.get("COURSEWRIGHT_TEST_SHARED", ROOT.parent / "shared"))
    program = shared / "tools" / "teacher_endpoint.py"
    if not program.exists():
        raise SystemExit(f"The fault endpoint is not there: {program}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(program), "--port", str(port), "--seed", str(seed)]
    child = subprocess.Popen([*command, *SERVICE, *options])
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/stats").read()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        child.terminate()
        child.wait()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/stats") as answer:
        return json.load(answer)


async def ideal(url: str, wanted: list[Request], rate: float) -> int:
    """How many requests a client with full knowledge of the endpoint gets answered."""
    import httpx

    slots, paced, following = asyncio.Semaphore(32), asyncio.Lock(), [0.0]

    async def pace() -> None:
        async with paced:
            now = time.monotonic()
            following[0] = max(now, following[0] + 1 / rate)
            await asyncio.sleep(following[0] - now)

    async def one(client: httpx.AsyncClient, request: Request) -> int:
        bad = 0
        async with slots:
            for _ in range(20):
                if rate:
                    await pace()
                try:
                    body = Dialect().body(request, "teacher", bad)
                    answer = await client.post(f"{url}/v1/chat/completions", json=body)
                except httpx.HTTPError:
                    continue
                if answer.status_code != 200:
                    continue
                try:
                    find_json(answer.json()["choices"][0]["message"]["content"], SCHEMA)
                    return 1
                except (ValueError, TeacherError):
                    bad += 1
        return 0

    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(timeout=httpx.Timeout(5.0, pool=None), limits=limits) as client:
        return sum(await asyncio.gather(*[one(client, request) for request in wanted]))


def ours(url: str, wanted: list[Request]) -> int:
    """The same by ``Ledger(Endpoint)``, as the product does it."""
    store = Store("sqlite://")
    chat = Ledger(Endpoint(f"{url}/v1", "teacher", "key"), store)
    kept = sum(isinstance(outcome, Answer) for _, outcome in chat.ask(iter(wanted)))
    store.close()
    return kept


def measure(client: str, options: list[str], count: int, seed: int) -> dict[str, Any]:
    wanted = list(requests(count, seed))
    with teacher(options, seed) as url:
        if client == "ideal":
            rate = 40.0 if "--rpm" in options else 0.0
            kept = asyncio.run(ideal(url, wanted, rate))
        else:
            kept = ours(url, wanted)
        seen = stats(url)
    calls = seen["by_status"]
    return {
        "client": client,
        "wall_s": round(seen["wall_s"], 2),
        "utilisation": round(seen["utilisation"], 3),
        "lost": count - kept,
        "paid_twice": seen["answered_ok"] - kept,
        "gone": calls.get("gone", 0),
        "429": calls.get("429", 0),
        "calls": seen["received"],
        "peak": seen["peak_in_flight"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--json", action="store_true", help="one JSON line a run")
    args = parser.parse_args()
    for scenario in args.scenarios:
        for seed in args.seeds:
            rows = [measure(c, SCENARIOS[scenario], args.requests, seed) for c in ("ideal", "ours")]
            share = rows[0]["wall_s"] / rows[1]["wall_s"]
            for row in rows:
                found = {"scenario": scenario, "seed": seed, **row}
                if row["client"] == "ours":
                    found["share"] = round(share, 3)
                line = (
                    json.dumps(found)
                    if args.json
                    else "  ".join(f"{k} {v}" for k, v in found.items())
                )
                print(line, flush=True)


if __name__ == "__main__":
    main()
