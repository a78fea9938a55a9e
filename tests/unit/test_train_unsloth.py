"""Unsloth up to its own functions (their parameters copied from 2026.10.9), and memory run out."""

import inspect
import os
import sys
import types

import pytest
import torch

from engine.errors import WorkFailed
from engine.progress import silent
from engine.settings import Settings
from engine.train import run as running
from engine.train import train
from engine.train.parts import divide, is_out_of_memory
from engine.train.student import PackedStudent, PaddedStudent
from engine.train.unsloth import LOGITS, TARGETS, load_unsloth
from tests.unit.tiny_student import make_base, make_recipe, make_rows

ROWS = make_rows(24)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"))


# ------------------------------------------------------------ the calls


class FastLanguageModel:
    """The real signatures; the model is PEFT's, so that what follows is real too."""

    calls: dict = {}

    # fmt: off
    @staticmethod
    def from_pretrained(
        model_name="unsloth/Llama-3.2-1B-Instruct", max_seq_length=2048, dtype=None,
        load_in_4bit=True, load_in_8bit=False, load_in_16bit=False, full_finetuning=False,
        token=None, device_map="sequential", device_map_planner_kwargs=None, rope_scaling=None,
        fix_tokenizer=True, trust_remote_code=False, use_gradient_checkpointing="unsloth",
        resize_model_vocab=None, revision=None, use_exact_model_name=False,
        offload_embedding="auto", float32_mixed_precision=None, fast_inference=False,
        gpu_memory_utilization=0.5, float8_kv_cache=False, random_state=3407, max_lora_rank=64,
        disable_log_stats=True, qat_scheme=None, load_in_fp8=False, unsloth_tiled_mlp=False,
        text_only=False, *args, on_model_resolved=None, **kwargs,
    ):
        assert not kwargs, f"not a parameter of from_pretrained: {sorted(kwargs)}"
        assert load_in_4bit + load_in_8bit + load_in_16bit < 2, "flags conflict"
        assert dtype in (None, torch.float16, torch.bfloat16, torch.float32)
        FastLanguageModel.calls["from_pretrained"] = dict(locals())
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(model_name, dtype=dtype), object()

    @staticmethod
    def get_peft_model(
        model, r=16, target_modules=("q_proj",), lora_alpha=16, lora_dropout=0.0, bias="none",
        layers_to_transform=None, layers_pattern=None, finetune_last_n_layers=None,
        use_gradient_checkpointing="unsloth", random_state=3407, max_seq_length=2048,
        use_rslora=False, modules_to_save=None, init_lora_weights=True, loftq_config=None,
        temporary_location="_unsloth_temporary_saved_buffers", qat_scheme=None,
        target_parameters=None, ensure_weight_tying=None, offload_layers=None,
        checkpoint_skip_layers=0, **kwargs,
    ):
        assert not kwargs, f"not a parameter of get_peft_model: {sorted(kwargs)}"
        assert type(r) is int and r > 0
        FastLanguageModel.calls["get_peft_model"] = dict(locals())
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(random_state)
        own = LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=target_modules, bias=bias)
        return get_peft_model(model, own)

    @staticmethod
    def for_training(model, use_gradient_checkpointing=None):
        FastLanguageModel.calls["for_training"] = model
    # fmt: on


@pytest.fixture
def unsloth(monkeypatch):
    fake = types.ModuleType("unsloth")
    fake.FastLanguageModel = FastLanguageModel
    monkeypatch.setitem(sys.modules, "unsloth", fake)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setenv(LOGITS, "")
    FastLanguageModel.calls = {}
    return FastLanguageModel.calls


@pytest.mark.parametrize("four_bit", [True, False])
def test_the_recipe_reaches_unsloth(unsloth, base, four_bit):
    recipe = make_recipe(base, four_bit=four_bit, precision="auto", seed=5, max_length=256)
    student = load_unsloth(base, recipe)
    loaded, adapted = unsloth["from_pretrained"], unsloth["get_peft_model"]
    assert (loaded["load_in_4bit"], loaded["load_in_16bit"]) == (four_bit, not four_bit)
    assert loaded["model_name"] == str(base) and loaded["use_exact_model_name"]
    assert loaded["max_seq_length"] == 256 and loaded["dtype"] == torch.float32
    assert not loaded["fix_tokenizer"], "it could add tokens, and then train all embeddings"
    assert not loaded["trust_remote_code"]
    assert (adapted["r"], adapted["lora_alpha"], adapted["random_state"]) == (4, 8, 5)
    assert tuple(adapted["target_modules"]) == TARGETS
    assert adapted["use_gradient_checkpointing"] == "unsloth" and adapted["bias"] == "none"
    assert unsloth["for_training"] is student.model
    assert student.tokenizer.chat_template, "ours, not the one Unsloth repaired"


def test_a_pattern_of_targets_stays_one(unsloth, base):
    load_unsloth(base, make_recipe(base, targets=r".*\.(q|v)_proj"))
    assert unsloth["get_peft_model"]["target_modules"] == r".*\.(q|v)_proj"


def test_the_loop_trains_what_unsloth_loads(unsloth, base, tmp_path, monkeypatch):
    """The whole run in 16 bits, up to the device; the adapter is one that PEFT loads."""
    asked = []

    def on_cpu(folder, recipe, precision=""):
        student = load_unsloth(folder, recipe, precision)
        student.device = "cpu"
        forward = student.model.forward
        student.model.forward = lambda **given: (
            asked.append((student.model.training, os.environ[LOGITS])) or forward(**given)
        )
        return student

    monkeypatch.setattr(running, "load_unsloth", on_cpu)
    monkeypatch.setattr(running, "choose_backend", lambda _: running_choice())
    recipe = make_recipe(base, epochs=3)
    settings = Settings(home=tmp_path / "home")
    result = train(ROWS, ROWS[:4], recipe, tmp_path / "run", settings=settings, report=silent)
    assert result.backend == "unsloth" and result.val_token_accuracy > 0.3
    assert set(asked) == {(True, "0"), (False, "1")}, "logits are kept only where measured"
    from engine.publish.merge import merge

    assert (merge(base, result.adapter, tmp_path / "merged") / "model.safetensors").exists()


def running_choice():
    from engine.train import Choice

    return Choice("unsloth", "There is a CUDA device and Unsloth is installed.")


def test_the_fake_has_the_parameters_that_are_used():
    assert "use_exact_model_name" in inspect.signature(FastLanguageModel.from_pretrained).parameters


# ------------------------------------------------------------ memory


class Tight:
    """A student with room for ``workspace`` rows at a time; remembers which rows went through."""

    def __init__(self, workspace, refusals=10**9):
        self.workspace, self.refusals = workspace, refusals
        self.done: list[list[int]] = []

    def install(self, monkeypatch):
        real = PackedStudent.loss

        def loss(student, rows):
            if len(rows) > self.workspace and self.refusals:
                self.refusals -= 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
            if student.model.training:
                self.done.append([hash(row.ids) for row in rows])
            return real(student, rows)

        monkeypatch.setattr(PackedStudent, "loss", loss)


def go(folder, base, report=silent, **changes):
    given = {"epochs": 1, "batch_tokens": 400} | changes
    recipe = make_recipe(base, **given)
    home = Settings(home=folder.parent / "home")
    return train(ROWS, ROWS[:8], recipe, folder, settings=home, report=report)


def test_memory_errors_are_the_one_class():
    assert torch.cuda.OutOfMemoryError is torch.OutOfMemoryError
    assert is_out_of_memory(torch.OutOfMemoryError("x")) and is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("size mismatch"))


def test_twice_out_of_memory_halves_twice_and_loses_nothing(tmp_path, base, monkeypatch):
    whole = go(tmp_path / "whole", base)
    tight, told = Tight(workspace=10**9, refusals=0), []
    tight.workspace, tight.refusals = 0, 2  # the first two attempts fail, whatever their size
    tight.install(monkeypatch)
    halved = go(tmp_path / "halved", base, told.append)
    said = [p.message for p in told if p.stage == "train.halved"]
    assert len(said) == 2 and "2 parts" in said[0] and "4 parts" in said[1]
    assert all("twice the accumulation" in text for text in said)
    assert halved.steps == whole.steps and halved.tokens == whole.tokens
    for mine, other in zip(halved.curve, whole.curve, strict=True):
        assert mine.loss == pytest.approx(other.loss, rel=1e-4)
        assert mine.val_loss == pytest.approx(other.val_loss, rel=1e-4)
    seen = [row for part in tight.done for row in part]
    assert len(seen) == len(ROWS) and len(set(seen)) == len({r.model_dump_json() for r in ROWS})
    assert max(map(len, tight.done)) <= 3, "a quarter of the rows of a step"


def test_a_failure_between_two_parts_counts_no_gradient_twice(tmp_path, base, monkeypatch):
    whole = go(tmp_path / "whole", base)
    calls, real = [], PackedStudent.loss

    def loss(student, rows):
        calls.append(len(rows))
        if student.model.training and len(calls) in (1, 3):  # the second part of the retry
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(student, rows)

    monkeypatch.setattr(PackedStudent, "loss", loss)
    halved = go(tmp_path / "halved", base)
    assert halved.curve[0].loss == pytest.approx(whole.curve[0].loss, rel=1e-4)
    assert halved.val_loss == pytest.approx(whole.val_loss, rel=1e-4)


def test_what_fits_is_remembered_after_a_resume(tmp_path, base, monkeypatch):
    from engine.errors import Cancelled

    def stop(progress):
        if progress.stage == "train" and progress.done == 2:
            raise Cancelled("stop")

    Tight(workspace=3).install(monkeypatch)
    with pytest.raises(Cancelled):
        go(tmp_path / "run", base, stop)
    told = []
    go(tmp_path / "run", base, told.append)
    assert not [p for p in told if p.stage == "train.halved"]


def test_one_row_that_does_not_fit_is_told(tmp_path, base, monkeypatch):
    Tight(workspace=0).install(monkeypatch)
    with pytest.raises(WorkFailed) as caught:
        go(tmp_path / "run", base)
    assert caught.value.code == "train.memory" and "one question" in caught.value.message
    assert "4-bit" in caught.value.next


def test_parts_hold_all_rows():
    rows = list(range(11))
    for parts in (1, 2, 4, 8, 11, 16):
        divided = divide(rows, parts)
        assert [row for part in divided for row in part] == rows
        assert len(divided) <= parts and all(divided)


def test_padded_and_packed_agree(base):
    from engine.train.rows import encode
    from engine.train.student import load_student

    packed = load_student(base, make_recipe(base))
    rows = encode(ROWS[:6], packed.tokenizer, 256).rows
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    padded = PaddedStudent(model, packed.tokenizer, "cpu", "float32")
    packed.model.eval()
    one, other = packed.loss(rows), padded.loss(rows)
    assert float(one[0].detach()) == pytest.approx(float(other[0].detach()), rel=1e-4)
    assert int(one[1]) == int(other[1])
