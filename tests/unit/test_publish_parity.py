"""The real student: trained a little, exported, and answering alike; broken files are found."""

import pytest

from engine.errors import WorkFailed
from engine.models import export as writer
from engine.models import smollm2_gguf
from engine.progress import silent
from engine.publish import publish_local
from engine.publish.parity import parity
from engine.settings import Settings
from engine.train import Recipe, TrainingRow, train
from tests.unit.tiny_student import models_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    settings = Settings(home=models_folder())
    folder = tmp_path_factory.mktemp("run") / "run"
    rows = [
        TrainingRow(question="What is a quillop?", answer="A quillop is a small blue boat."),
        TrainingRow(question="Define quillop.", answer="A quillop is a small blue boat."),
    ] * 4
    recipe = Recipe(epochs=4, rank=8, batch_tokens=128, learning_rate=2e-3)
    train(rows, rows[:1], recipe, folder, settings=settings, report=silent)
    return settings, publish_local(folder, folder / "student", settings=settings, report=silent)


def test_the_exported_student_answers_like_the_tuned_one(published):
    report = published[1].parity
    assert report.passed and report.same_prompts and report.prompts == 10
    assert report.tensor_error < 0.01


def test_the_exported_student_learned(published):
    import openvino_genai

    pipe = openvino_genai.LLMPipeline(str(published[1].gguf), "CPU")
    assert "blue boat" in str(pipe.generate("What is a quillop?", max_new_tokens=16))


def test_a_wrong_permutation_of_one_tensor_fails(published, tmp_path, monkeypatch):
    settings, good = published
    right = writer.to_gguf

    def wrong(family, name, values, config):
        return values if "blk.5.attn_q" in name else right(family, name, values, config)

    monkeypatch.setattr(writer, "to_gguf", wrong)
    broken = writer.write_gguf(good.merged, tmp_path / "broken.gguf", smollm2_gguf(settings))
    with pytest.raises(WorkFailed) as caught:
        parity(good.merged, broken, ["Why is the sky blue?"], settings=settings, max_tokens=8)
    assert caught.value.code == "export.parity"
