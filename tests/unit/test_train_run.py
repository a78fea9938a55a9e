import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import BadInput, Cancelled, Missing, WorkFailed
from engine.progress import silent
from engine.settings import Settings
from engine.train import TrainingRow, keep, train
from engine.train.checkpoint import write_folder
from engine.train.loop import check_interval, learning_rates
from tests.unit.tiny_student import make_base, make_recipe, make_rows

ROWS, HELD = make_rows(40), make_rows(48)[40:]
CHILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from tests.unit.tiny_student import make_recipe, make_rows
from engine.settings import Settings
from engine.train import train
import time
folder, base = Path(sys.argv[1]), Path(sys.argv[2])
def report(progress):
    time.sleep(0.01)
train(make_rows(40), make_rows(48)[40:], make_recipe(base, dropout=0.1), folder,
      settings=Settings(home=folder / "home"), report=report)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"))


def run(folder, base, *, rows=ROWS, held=HELD, report=silent, **changes):
    resume = changes.pop("resume", True)
    recipe = make_recipe(base, **changes)
    home = Settings(home=folder.parent / "home")
    return train(rows, held, recipe, folder, settings=home, report=report, resume=resume)


def lines(folder):
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def test_a_run_learns_reports_and_is_not_done_twice(tmp_path, base):
    seen = []
    result = run(tmp_path / "run", base, report=seen.append)
    assert result.val_token_accuracy > 0.5 > 5 * result.curve[0].val_token_accuracy
    assert result.epochs == pytest.approx(4)
    assert result.val_loss == min(p.val_loss for p in result.curve)
    assert (result.adapter / "adapter_model.safetensors").exists()
    assert result.tokens > 0 and result.backend == "peft" and "CUDA" in result.reason
    assert [row["step"] for row in lines(tmp_path / "run")] == [*range(1, result.steps + 1)]
    steps = [p for p in seen if p.stage == "train"]
    assert {p.done for p in steps} >= {*range(1, result.steps + 1)}
    assert {"loss", "learning_rate", "tokens_per_second", "eta_seconds"} <= set(steps[0].metrics)
    assert steps[-1].metrics["eta_seconds"] == 0

    def never(progress):
        raise AssertionError("a finished run did something")

    assert run(tmp_path / "run", base, report=never) == result


def test_kill_at_any_step_changes_nothing(tmp_path, base):
    """kill -9 in the middle, several times; adapter, curve and log equal an undisturbed run's."""
    whole = run(tmp_path / "whole", base, dropout=0.1)
    folder, chance = tmp_path / "killed", random.Random()
    places = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    for _ in range(2):
        before = lines(folder)[-1]["step"] if (folder / "progress.jsonl").exists() else 0
        target = before + chance.randint(2, whole.steps // 3)
        kill_at(folder, target, [sys.executable, "-c", CHILD, str(folder), str(base), *places])
        assert not (folder / "result.json").exists(), "the child was too quick"
        kept = max((int(p.name[-6:]) for p in folder.glob("checkpoint-*")), default=0)
        assert lines(folder)[-1]["step"] - kept <= max(1, whole.steps // 10)
    resumed = run(folder, base, dropout=0.1)
    assert [p.step for p in resumed.curve] == [p.step for p in whole.curve]
    assert [row["step"] for row in lines(folder)] == [*range(1, whole.steps + 1)]
    for mine, other in zip(resumed.curve, whole.curve, strict=True):
        assert mine.val_loss == pytest.approx(other.val_loss, rel=1e-4)
    assert resumed.tokens == whole.tokens and resumed.best == whole.best
    same_weights(resumed, whole)


def kill_at(folder, step, command):
    """Start the child and kill it once its log has reached ``step``."""
    child = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while child.poll() is None and time.monotonic() < deadline:
        log = folder / "progress.jsonl"
        if log.exists() and log.read_text().count("\n") >= step:
            child.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    assert child.wait() == -signal.SIGKILL


def test_cancel_keeps_and_resumes(tmp_path, base):
    class Stop:
        at = 13

        def __call__(self, progress):
            if progress.stage == "train" and progress.done == self.at:
                raise Cancelled("stop")

    folder = tmp_path / "run"
    with pytest.raises(Cancelled):
        run(folder, base, report=Stop())
    assert (folder / "checkpoint-000013").exists()
    assert not list(folder.glob(".*.part"))
    seen = []
    resumed = run(folder, base, report=seen.append)
    whole = run(tmp_path / "whole", base)
    steps = [p.done for p in seen if p.stage == "train"]
    assert [*dict.fromkeys(steps)] == [*range(14, whole.steps + 1)], "13 steps were done before"
    assert (resumed.steps, resumed.tokens) == (whole.steps, whole.tokens)
    assert resumed.val_loss == pytest.approx(whole.val_loss, rel=1e-4)
    same_weights(resumed, whole)


@pytest.mark.parametrize("lost", ["weights", "optimizer", "rng"])
def test_a_resumed_run_takes_up_weights_optimiser_and_dice(tmp_path, base, lost, monkeypatch):
    """Each part of a checkpoint matters: without it the adapter comes out another one."""
    from engine.train import checkpoint

    def stop(progress):
        if progress.stage == "train" and progress.done == 13:
            raise Cancelled("stop")

    folder, whole = tmp_path / "run", run(tmp_path / "whole", base, dropout=0.1)
    with pytest.raises(Cancelled):
        run(folder, base, dropout=0.1, report=stop)
    shutil.copytree(folder, tmp_path / "forgetful")
    same_weights(run(folder, base, dropout=0.1), whole)
    real = checkpoint.load_checkpoint

    def forget(found, model, optimizer):
        before = {name: p.detach().clone() for name, p in checkpoint.trainable(model)}
        dice, fresh = torch.get_rng_state(), optimizer.state_dict()
        state = real(found, model, optimizer)
        if lost == "weights":
            with torch.no_grad():
                for name, p in checkpoint.trainable(model):
                    p.copy_(before[name])
        elif lost == "optimizer":
            optimizer.load_state_dict(fresh)
        else:
            torch.set_rng_state(dice)
        return state

    monkeypatch.setattr(checkpoint, "load_checkpoint", forget)
    with pytest.raises(AssertionError):
        same_weights(run(tmp_path / "forgetful", base, dropout=0.1), whole)


def same_weights(one, other):
    mine, theirs = (load_file(r.adapter / "adapter_model.safetensors") for r in (one, other))
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert torch.allclose(mine[name], theirs[name], rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize("step", [1, 13])
def test_stop_and_keep(tmp_path, base, step):
    def stop(progress):
        if progress.stage == "train" and progress.done == step:
            raise Cancelled("stop")

    with pytest.raises(Missing):
        keep(tmp_path)
    with pytest.raises(Cancelled):
        run(tmp_path / "run", base, report=stop)
    kept = keep(tmp_path / "run")
    assert kept.steps == step and (kept.adapter / "adapter_config.json").exists()
    assert run(tmp_path / "run", base) == kept


def test_early_stopping_keeps_the_best(tmp_path, base):
    wrong = [TrainingRow(question=r.question, answer=HELD[-i].answer) for i, r in enumerate(HELD)]
    result = run(tmp_path / "run", base, held=wrong, patience=2, epochs=30, schedule="constant")
    assert result.stopped_early and result.epochs < 30
    losses = [p.val_loss for p in result.curve]
    assert result.val_loss == min(losses) == losses[-3]


def test_without_validation_rows_the_last_adapter_is_kept(tmp_path, base):
    result = run(tmp_path / "run", base, held=[], epochs=1)
    assert result.val_loss is None and result.best == f"best-{result.steps:06d}"


def test_another_recipe_or_corpus_is_refused(tmp_path, base):
    folder = tmp_path / "run"
    run(folder, base, epochs=1)
    for changes, word in (
        ({"learning_rate": 0.5}, "recipe.learning_rate: 0.01 -> 0.5"),
        ({"rows": ROWS[:-1]}, "rows: 40 -> 39"),
        ({"held": HELD[:-1]}, "validation rows: 8 -> 7"),
    ):
        with pytest.raises(BadInput) as caught:
            run(folder, base, **({"epochs": 1} | changes))
        assert caught.value.code == "train.changed" and word in str(caught.value)
    with pytest.raises(BadInput) as caught:
        run(folder, base, epochs=1, resume=False)
    assert caught.value.code == "train.begun"


def test_nothing_to_learn_is_refused(tmp_path, base):
    with pytest.raises(BadInput):
        run(tmp_path / "a", base, rows=[])
    with pytest.raises(BadInput) as caught:
        run(
            tmp_path / "b", base, rows=[TrainingRow(question="a " * 900, answer="b")], max_length=16
        )
    assert caught.value.code == "train.too_long"


def test_divergence_is_told(tmp_path, base, monkeypatch):
    from engine.train.student import PackedStudent

    nan = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr(PackedStudent, "loss", lambda self, rows: (nan * 1, torch.tensor(0)))
    with pytest.raises(WorkFailed) as caught:
        run(tmp_path / "run", base)
    assert caught.value.code == "train.diverged"


def test_two_processes_cannot_train_in_one_folder(tmp_path, base):
    def again(progress):
        with pytest.raises(BadInput) as caught:
            run(tmp_path / "run", base)
        assert caught.value.code == "train.busy"
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run(tmp_path / "run", base, report=again)


def test_a_folder_exists_whole_or_not_at_all(tmp_path):
    def broken(folder):
        (folder / "half").write_text("x")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path / "a", broken)
    assert not (tmp_path / "a").exists()
    assert write_folder(tmp_path / "a", lambda f: None).is_dir()


def our_rate(recipe, step, steps):
    """The formula by which we trained before transformers' schedules took over."""
    warm = math.ceil(recipe.warmup * steps)
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    gone = (step - warm) / max(1, steps - warm)
    shape = {
        "cosine": 0.5 * (1 + math.cos(math.pi * gone)),
        "linear": 1 - gone,
        "constant": 1.0,
    }
    return recipe.learning_rate * shape[recipe.schedule]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.5])
def test_schedules_are_those_by_which_we_trained_before(base, schedule, warmup):
    recipe = make_recipe(base, warmup=warmup, schedule=schedule, learning_rate=3e-3)
    for steps in (1, 2, 7, 40, 333):
        rate = learning_rates(recipe, steps)
        wanted = [our_rate(recipe, step, steps) for step in range(steps)]
        assert [rate(step) for step in range(steps)] == pytest.approx(wanted, rel=1e-12, abs=1e-15)


def test_a_run_trains_by_its_schedule(tmp_path, base, monkeypatch):
    used, right = [], torch.optim.AdamW.step

    def step(self, *args):
        used.append(self.param_groups[0]["lr"])
        return right(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run(tmp_path / "run", base, warmup=0.2, epochs=2, learning_rate=1e-3)
    rows = lines(tmp_path / "run")
    recipe = make_recipe(base, warmup=0.2, epochs=2, learning_rate=1e-3)
    steps = rows[-1]["step"]
    wanted = [our_rate(recipe, row["step"] - 1, steps) for row in rows]
    assert [row["learning_rate"] for row in rows] == pytest.approx(wanted)
    assert used == pytest.approx(wanted), "what was told was also used"
    assert max(wanted) == pytest.approx(1e-3) and wanted[0] < wanted[1] and wanted[-1] < 1e-4


def test_checks_per_run():
    assert check_interval(steps=160, per_epoch=80, checks=1) == 16
    assert check_interval(steps=3, per_epoch=3, checks=2) == 1


def test_what_is_sure_already_counts_less_and_only_while_learning(base, monkeypatch):
    from engine.train.rows import encode
    from engine.train.student import load_student, weights

    assert weights(torch.tensor([0.0, 0.1, 0.2, 3.0]), 0.25).tolist() == [0.25, 0.25, 1.0, 1.0]
    plain, light = (load_student(base, make_recipe(base, sure_weight=w)) for w in (1.0, 0.0))
    rows = encode(ROWS[:3], plain.tokenizer, 200).rows
    light.model.eval()
    assert loss_of(light, rows) == pytest.approx(loss_of(plain, rows))
    light.model.train()
    assert loss_of(light, rows) == pytest.approx(loss_of(plain, rows)), "nothing is sure yet"
    monkeypatch.setattr("engine.train.student.SURE", 1e9)
    assert loss_of(light, rows) == 0.0
    light.model.eval()
    assert loss_of(light, rows) > 0.0


def loss_of(student, rows) -> float:
    return float(student.loss(rows)[0].detach())


def test_rows_without_a_system_prompt_get_the_recipe_s(tmp_path, base, monkeypatch):
    from engine.train import run as module
    from engine.train import system_of

    seen = []
    encode = module.encode
    monkeypatch.setattr(module, "encode", lambda rows, *a: encode(seen.extend(rows) or rows, *a))
    own = ROWS[0].model_copy(update={"system": "Mine."})
    run(tmp_path / "run", base, rows=[own, *ROWS[1:8]], epochs=1, system="The course's.")
    assert [row.system for row in seen[:3]] == ["Mine.", "The course's.", "The course's."]
    assert system_of(tmp_path / "run") == "The course's."
    assert system_of(tmp_path) == ""
