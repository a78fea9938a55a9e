"""Merging, writing GGUF and exporting, on a tiny llama; answers are compared in the slow tests."""

import importlib
import json
import shutil

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.errors import BadInput, WorkFailed
from engine.models import export as writer
from engine.models import rows as row_order
from engine.models.families import GEMMA3, LLAMA
from engine.progress import silent
from engine.publish import export, publish_local
from engine.publish import parity as proof
from engine.publish.merge import merge
from engine.publish.parity import ModelAnswer, compare, worst_tensor
from engine.settings import Settings
from engine.train import keep, train
from engine.train.fast import ATTENTION
from tests.unit.tiny_student import make_base, make_recipe, make_rows

module = importlib.import_module("engine.publish.export")  # its function has the same name


def make_gguf(folder):
    """The tiny base as an F32 GGUF, written by hand: the oracle of the writer."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    config, weights = model.config, model.state_dict()
    path = folder / "base.gguf"
    out = gguf.GGUFWriter(path, "llama")
    out.add_block_count(config.num_hidden_layers)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_array("tokenizer.ggml.tokens", ["a", "b", "ü"])
    out.add_chat_template("{{ messages }}")
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "ffn_up": "mlp.up_proj"}
    names |= {"attn_norm": "input_layernorm", "ffn_down": "mlp.down_proj"}
    out.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"].numpy())
    for layer in range(2):
        for mine, theirs in names.items():
            values = weights[f"model.layers.{layer}.{theirs}.weight"].numpy()
            out.add_tensor(f"blk.{layer}.{mine}.weight", values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained")
    base = make_base(root / "base")
    make_gguf(base)
    settings = Settings(home=root / "home")
    rows = make_rows(24)
    train(
        rows, rows[:4], make_recipe(base, epochs=1), root / "run", settings=settings, report=silent
    )
    return root, base, settings


@pytest.fixture
def run_folder(trained, tmp_path):
    shutil.copytree(trained[0] / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def merged(trained):
    root, base, _ = trained
    return merge(base, keep(root / "run").adapter, root / "merged")


def test_merging_is_base_plus_adapter(trained, merged):
    from peft import PeftModel

    root, base, _ = trained
    ids = torch.tensor([[5, 9, 20, 33]])
    tuned = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base), str(keep(root / "run").adapter)
    )
    one = tuned(input_ids=ids).logits
    other = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)(input_ids=ids).logits
    plain = AutoModelForCausalLM.from_pretrained(base)(input_ids=ids).logits
    assert float(((one - other).norm() / one.norm()).detach()) < 0.01  # bfloat16
    assert float(((one - plain).norm() / one.norm()).detach()) > 0.02
    config = (merged / "config.json").read_text()
    assert ATTENTION not in config and str(root) not in config


def test_gguf_keeps_metadata_and_holds_the_tuned_weights(trained, merged, tmp_path):
    _, base, _ = trained
    out = writer.write_gguf(merged, tmp_path / "out.gguf", base / "base.gguf")
    source, written = gguf.GGUFReader(base / "base.gguf"), gguf.GGUFReader(out)
    for name in source.fields:
        if not name.startswith("GGUF."):
            assert written.fields[name].contents() == source.fields[name].contents(), name
            assert written.fields[name].types == source.fields[name].types
    assert [t.name for t in written.tensors] == [t.name for t in source.tensors]
    kinds = {t.name: t.tensor_type.name for t in written.tensors}
    assert kinds["blk.0.attn_q.weight"] == "Q8_0" and kinds["blk.0.attn_norm.weight"] == "F32"
    assert worst_tensor(merged, out)[1] < 0.01


def test_rows_are_permuted_as_llama_cpp_does():
    """Against the formula of llama.cpp's convert_hf_to_gguf.py."""
    config = {"num_attention_heads": 4, "num_key_value_heads": 2}
    values = np.arange(64 * 3).reshape(64, 3)
    wanted = values.reshape(4, 2, 8, 3).swapaxes(1, 2).reshape(64, 3)
    assert (row_order.to_gguf(LLAMA, "blk.0.attn_q.weight", values, config) == wanted).all()
    assert (row_order.to_gguf(LLAMA, "blk.0.attn_v.weight", values, config) == values).all()


def test_one_wrong_permutation_is_found(trained, merged, tmp_path, monkeypatch):
    right = writer.to_gguf

    def wrong(family, name, values, config):
        return values if name == "blk.1.attn_k.weight" else right(family, name, values, config)

    monkeypatch.setattr(writer, "to_gguf", wrong)
    out = writer.write_gguf(merged, tmp_path / "out.gguf", trained[1] / "base.gguf")
    assert worst_tensor(merged, out)[0] == "blk.1.attn_k.weight"
    same = [ModelAnswer(prompt=(1,), answer=(2,), text="x")]
    monkeypatch.setattr(proof, "_by_transformers", lambda *_: same)
    monkeypatch.setattr(proof, "_by_openvino", lambda *_: same)
    with pytest.raises(WorkFailed) as caught:
        proof.parity(merged, out, ["x"], settings=trained[2])
    assert caught.value.code == "export.parity" and "attn_k" in str(caught.value)


def test_other_shapes_and_architectures_are_refused(trained, merged, tmp_path):
    strange = tmp_path / "strange.gguf"
    out = gguf.GGUFWriter(strange, "qwen2")
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.close()
    with pytest.raises(BadInput):
        writer.write_gguf(merged, tmp_path / "out.gguf", strange)
    other = make_base(tmp_path / "other")
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"] = torch.zeros(3, 64)
    save_file(weights, other / "model.safetensors")
    with pytest.raises(BadInput, match="up_proj"):
        writer.write_gguf(other, tmp_path / "out.gguf", trained[1] / "base.gguf")
    assert not (tmp_path / "out.gguf").exists()


def side(*answer, prompt=(1,)):
    return ModelAnswer(prompt=prompt, answer=answer, text=str(answer))


def test_shares_of_parity():
    report = compare(
        "abc", [side(1, 2), side(1, 2, 3, 4), side(5)], [side(1, 2), side(1, 9), side(6)]
    )
    assert (report.prompts, report.agreeing) == (3, 2)
    assert report.exact == pytest.approx(1 / 3) and report.leading == pytest.approx(3 / 7)
    assert not report.passed
    assert compare("a", [side(1)], [side(1)]).passed
    assert not compare("a", [side(1)], [side(1, prompt=(2,))]).passed
    assert not compare("a", [side(1)], [side(1)], ("x", 0.5)).passed


def good_parity(monkeypatch):
    report = compare("ab", [side(1), side(2)], [side(1), side(2)], ("x", 0.005))
    monkeypatch.setattr(module, "parity", lambda *_, **__: report)


def test_publishing_is_idempotent_and_never_leaves_an_unproven_file(
    run_folder, trained, monkeypatch
):
    settings = trained[2]
    out = run_folder / "student"

    def fails(*_, **__):
        raise WorkFailed("differs", code="export.parity")

    monkeypatch.setattr(module, "parity", fails)
    monkeypatch.setattr(module, "STUDENT", str(trained[1]))
    with pytest.raises(WorkFailed):
        publish_local(run_folder, out, settings=settings, report=silent)
    assert not list(out.glob("*.gguf")) and not (out / "published.json").exists()
    good_parity(monkeypatch)
    first = publish_local(run_folder, out, settings=settings, report=silent)
    assert first.gguf.stat().st_size == first.gguf_bytes and len(first.sha256) == 64
    monkeypatch.setattr(module, "write_gguf", fails)
    assert publish_local(run_folder, out, settings=settings, report=silent) == first


def test_an_adapter_is_merged_with_the_weights_it_was_trained_on(run_folder, trained, monkeypatch):
    asked, right = [], module.base_folder

    def spy(base, settings, report, origin):
        asked.append(origin)
        return right(base, settings, report, origin)

    monkeypatch.setattr(module, "base_folder", spy)
    good_parity(monkeypatch)
    publish_local(run_folder, run_folder / "student", settings=trained[2], report=silent)
    assert asked == [keep(run_folder).origin] and asked[0].kind == "folder"


@pytest.mark.parametrize("form", ["lora", "merged", "gguf"])
def test_exports_have_a_card_and_no_paths_of_this_machine(
    run_folder, trained, monkeypatch, tmp_path, form
):
    good_parity(monkeypatch)
    out = tmp_path / "out"
    files = export(run_folder, form, out, settings=trained[2], report=silent)
    assert {f.name for f in files} == {f.name for f in out.iterdir()}
    wanted = {"lora": "adapter_model.safetensors", "merged": "model.safetensors"}
    assert wanted.get(form, "student-q8_0.gguf") in {f.name for f in files}
    readme = (out / "README.md").read_text()
    assert "24 training and 4 validation pairs" in readme and "{" not in readme.replace("[{", "")
    for file in files:
        if file.suffix in (".json", ".md") or file.name == "Modelfile":
            assert str(trained[0]) not in file.read_text()
    if form == "lora":
        config = json.loads((out / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "base"


def test_unknown_formats_are_refused(run_folder, trained, tmp_path):
    with pytest.raises(BadInput):
        export(run_folder, "onnx", tmp_path, settings=trained[2], report=silent)


def test_the_card_names_every_kind_of_base(tmp_path):
    from engine.models.bases import QWEN
    from engine.models.known import GEMMA
    from engine.publish.card import base_name

    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    assert base_name(str(tmp_path)) == (tmp_path.name, "mit")
    assert base_name("/gone/model-x") == ("model-x", "other")
    assert base_name("owner/model") == ("owner/model", "other")
    assert base_name(QWEN)[1] == "apache-2.0" and base_name(GEMMA)[1] == "gemma"


def test_a_model_from_gemma_carries_its_notice(run_folder, trained, monkeypatch, tmp_path):
    good_parity(monkeypatch)
    monkeypatch.setattr(module, "family_of_base", lambda _: GEMMA3)
    for form in ("lora", "merged", "gguf"):
        files = export(run_folder, form, tmp_path / form, settings=trained[2], report=silent)
        assert "Gemma Terms of Use" in (tmp_path / form / "NOTICE").read_text()
        assert len(files) == len(set(files)) == len(list((tmp_path / form).iterdir()))


def test_files_say_by_which_system_prompt_the_student_is_asked(
    run_folder, trained, monkeypatch, tmp_path
):
    good_parity(monkeypatch)
    found = keep(run_folder)
    spoken = found.recipe.model_copy(update={"system": 'The tutor of "Plants".'})
    monkeypatch.setattr(module, "keep", lambda _: found.model_copy(update={"recipe": spoken}))
    export(run_folder, "gguf", tmp_path / "a", settings=trained[2], report=silent)
    assert "SYSTEM \"The tutor of 'Plants'.\"" in (tmp_path / "a" / "Modelfile").read_text()
    assert '> The tutor of "Plants".' in (tmp_path / "a" / "README.md").read_text()


def test_q4_halves_the_matrices_but_not_the_embeddings(merged, trained, tmp_path):
    source = trained[1] / "base.gguf"
    files = [writer.write_gguf(merged, tmp_path / q, source, q) for q in ("Q8_0", "Q4_0")]
    kinds = [{t.name: t.tensor_type.name for t in gguf.GGUFReader(f).tensors} for f in files]
    assert kinds[0]["token_embd.weight"] == kinds[1]["token_embd.weight"] == "Q8_0"
    inner = [name for name in kinds[0] if "attn_q.weight" in name]
    assert inner and {kinds[0][n] for n in inner} == {"Q8_0"}
    assert {kinds[1][n] for n in inner} == {"Q4_0"}
    assert files[1].stat().st_size < files[0].stat().st_size


def test_ollama_is_told_the_plain_template(run_folder, trained, monkeypatch, tmp_path):
    from engine.models.tokenizer import PLAIN_TEMPLATE

    good_parity(monkeypatch)
    export(run_folder, "gguf", tmp_path / "a", settings=trained[2], report=silent)
    assert "TEMPLATE" not in (tmp_path / "a" / "Modelfile").read_text()
    merged = run_folder / "student" / "merged" / "chat_template.jinja"
    merged.write_text(PLAIN_TEMPLATE, encoding="utf-8")
    export(run_folder, "gguf", tmp_path / "b", settings=trained[2], report=silent)
    assert 'Q: {{ .Prompt }}\nA:\n"""' in (tmp_path / "b" / "Modelfile").read_text()
