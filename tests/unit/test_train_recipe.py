import subprocess
import sys

import pytest

from engine.errors import BadInput, Missing
from engine.models.bases import base_folder, base_gguf
from engine.settings import Settings
from engine.train import PRESETS, Recipe, TrainingRow, choose_backend, estimate, preset
from engine.train import backends as module
from engine.train.estimate import remember_speed, row_tokens
from engine.train.rows import IGNORE, Encoded
from engine.train.student import padded
from engine.train.threads import free_cores
from tests.unit.tiny_student import make_base, make_rows


def test_presets_differ_in_effort():
    assert preset("quick").epochs < preset("normal").epochs < preset("thorough").epochs
    assert all(recipe == Recipe.model_validate(recipe.model_dump()) for recipe in PRESETS.values())
    with pytest.raises(BadInput):
        preset("extreme")


@pytest.mark.parametrize(
    ("cuda", "installed", "asked", "wanted"),
    [
        (False, False, "auto", "peft"),
        (True, False, "auto", "peft"),
        (True, True, "auto", "unsloth"),
        (True, True, "peft", "peft"),
        (True, True, "unsloth", "unsloth"),
    ],
)
def test_backend(monkeypatch, cuda, installed, asked, wanted):
    monkeypatch.setattr(module, "has_cuda", lambda: cuda)
    monkeypatch.setattr(module, "need_trainer", lambda: None)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: installed or None)
    name, reason = choose_backend(Recipe(backend=asked))
    assert name == wanted and reason.endswith(".")


def test_what_this_machine_cannot_do_is_refused(monkeypatch):
    monkeypatch.setattr(module, "has_cuda", lambda: False)
    for recipe in (Recipe(backend="unsloth"), Recipe(four_bit=True)):
        with pytest.raises(BadInput) as caught:
            choose_backend(recipe)
        assert caught.value.code == "train.cuda"
    monkeypatch.setattr(module, "has_cuda", lambda: True)
    monkeypatch.setattr(module, "need_trainer", lambda: None)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Missing) as missing:
        choose_backend(Recipe(backend="unsloth"))
    assert missing.value.code == "train.unsloth"


def test_bases(tmp_path):
    settings = Settings(home=tmp_path)
    folder = make_base(tmp_path / "base")
    assert base_folder(str(folder), settings) == folder
    with pytest.raises(Missing):
        base_folder(str(tmp_path / "nothing"), settings)
    assert base_gguf(str(folder), settings) is None
    (folder / "own.gguf").write_bytes(b"x")
    assert base_gguf(str(folder), settings) == folder / "own.gguf"


def test_estimate_grows_with_work_and_learns_the_machine(tmp_path):
    settings, rows = Settings(home=tmp_path), make_rows(100)
    small, large = (estimate(rows, Recipe(epochs=e), settings) for e in (2, 8))
    low, likely, high = small.minutes
    assert low < likely < high and large.minutes[1] > 2 * likely and not small.measured
    assert 0.5 < small.memory_gib < 8 and small.fit in ("fits", "tight", "does not fit")
    remember_speed(Recipe(), "peft", 10.0, settings)
    slow = estimate(rows, Recipe(epochs=2), settings)
    assert slow.measured and slow.minutes[1] > small.minutes[1]


def test_a_model_that_does_not_fit_is_told(tmp_path):
    recipe = Recipe(batch_tokens=65536, rank=512)
    huge = estimate(make_rows(10), recipe, Settings(home=tmp_path))
    assert huge.memory_gib > 40 and (huge.fit == "fits") == (huge.memory_gib < 0.8 * huge.free_gib)


def test_row_tokens_count_chinese_too():
    assert row_tokens(TrainingRow(question="什么是变量？", answer="变量是名字。")) > 45


def test_unsloth_batches_are_padded_and_masked():
    rows = [Encoded((1, 2, 3), 1), Encoded((4, 5), 1)]
    ids, labels, mask = padded(rows, 0)
    assert ids == [[1, 2, 3], [4, 5, 0]]
    assert labels == [[IGNORE, 2, 3], [IGNORE, 5, IGNORE]]
    assert mask == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("others", "wanted"), [(0.0, 2), (0.4, 2), (0.9, 1), (1.7, 1), (5.0, 1), (-0.2, 2)]
)
def test_threads_leave_cores_to_others(others, wanted):
    assert free_cores(2, others) == wanted


def test_importing_needs_no_torch(tmp_path):
    code = (
        "import sys, engine.train, engine.publish\n"
        "engine.train.choose_backend(engine.train.Recipe())\n"
        "print([m for m in ('transformers', 'peft', 'openvino', 'gguf') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
