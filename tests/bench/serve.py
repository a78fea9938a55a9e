"""The served model under load, beside raw OpenVINO GenAI with as many requests at once.

    python tests/bench/serve.py --minutes 5 --streams 8 [--gguf STUDENT.gguf]

Eight clients (the official openai client, streaming; threads of a process of their own on the same
cores) ask one question after another through HTTP, each question another; then the same questions
go straight to a ContinuousBatchingPipeline with the same scheduler. Tokens are the model's own.
Prints errors, time to first token (ms), tokens/s and their ratio.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import openai

from engine.llm.embedded import Embedded
from engine.serve.api import make_app, serving
from engine.serve.keys import new_key
from engine.settings import load
from engine.store import Store
from tests.unit.llm_server import free_port
from tests.unit.tiny_student import models_folder

TOKENS = 96
TOPICS = ("a list", "a tuple", "recursion", "a file", "a loop", "a class", "a string", "a module")


def question(number: int) -> str:
    return f"Question {number}: explain what {TOPICS[number % len(TOPICS)]} is in Python."


def served(chat: Embedded, seconds: float, streams: int) -> dict[str, float]:
    """Clients of the HTTP API until time is up."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/rows.db")
        key = new_key(store, "c", "bench")
        port = free_port()
        with serving(make_app(chat, store, "c", per_minute=1_000_000), port):
            _until_up(port)
            plan = [str(seconds), str(streams), f"http://127.0.0.1:{port}/v1", key]
            told = subprocess.run(
                [sys.executable, "-m", "tests.bench.serve", "--client", *plan],
                stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
        store.close()
    heard = json.loads(told.stdout)
    texts, first = heard["texts"], heard["first"]
    tokens = sum(int(chat._pipe.tokenizer.encode(t).input_ids.shape[1]) for t in texts)
    return {
        "answers": len(texts),
        "errors": len(heard["errors"]),
        "first_ms_p50": 1000 * statistics.median(first),
        "first_ms_p95": 1000 * statistics.quantiles(first, n=20)[-1],
        "tokens_per_answer": tokens / len(texts),
        "tokens_per_second": tokens / heard["took"],
    }


def clients(seconds: float, streams: int, url: str, key: str) -> dict[str, object]:
    """What ``streams`` clients hear until time is up."""
    heard: dict[str, list] = {"texts": [], "first": [], "errors": []}
    numbers = itertools.count()
    started = time.monotonic()

    def client() -> None:
        own = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
        while time.monotonic() < started + seconds:
            try:
                text, wait = _stream(own, question(next(numbers)))
                heard["texts"].append(text)
                heard["first"].append(wait)
            except openai.OpenAIError as error:
                heard["errors"].append(str(error))

    threads = [threading.Thread(target=client) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard | {"took": time.monotonic() - started}


def _stream(client: openai.OpenAI, text: str) -> tuple[str, float]:
    asked = time.monotonic()
    wait, pieces = 0.0, []
    stream = client.chat.completions.create(
        model="c", messages=[{"role": "user", "content": text}], max_tokens=TOKENS, stream=True
    )
    for chunk in stream:
        piece = chunk.choices[0].delta.content if chunk.choices else None
        if piece:
            wait = wait or time.monotonic() - asked
            pieces.append(piece)
    return "".join(pieces), wait


def _until_up(port: int) -> None:
    import httpx

    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/health")
            return
        except httpx.ConnectError:
            time.sleep(0.05)


def raw(chat: Embedded, seconds: float, streams: int) -> dict[str, float]:
    """The pipeline alone, kept full with ``streams`` requests until time is up."""
    import openvino_genai

    pipe, tokenizer = chat._pipe._pipe, chat._pipe.tokenizer
    config = pipe.get_config()
    config.max_new_tokens = TOKENS
    config.do_sample = False
    numbers = itertools.count()
    running: dict[int, object] = {}
    tokens = answers = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds or running:
        while len(running) < streams and time.monotonic() - started < seconds:
            n = next(numbers)
            turns = [{"role": "user", "content": question(n)}]
            prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True)
            ids = tokenizer.encode(prompt, add_special_tokens=False).input_ids
            running[n] = pipe.add_request(10_000_000 + n, ids, config)
        pipe.step()
        for n, handle in list(running.items()):
            while handle.can_read():
                tokens += sum(len(o.generated_ids) for o in handle.read().values())
            if handle.get_status() != openvino_genai.GenerationStatus.RUNNING:
                answers += 1
                del running[n]
    return {"answers": answers, "tokens_per_second": tokens / (time.monotonic() - started)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        time_, streams, url, key = options.client
        print(json.dumps(clients(float(time_), int(streams), url, key)))
        return
    chat = Embedded(load(models_folder()), gguf=options.gguf)
    chat.load()
    seconds = 60 * options.minutes
    found = {
        "served": served(chat, seconds, options.streams),
        "raw": raw(chat, min(seconds, 120), options.streams),
    }
    ours, theirs = (found[name]["tokens_per_second"] for name in ("served", "raw"))
    print(json.dumps(found | {"ratio": ours / theirs}, indent=1))


if __name__ == "__main__":
    main()
