"""Families: one file each; both ways between GGUF and transformers; what the runtimes make of it."""

import json
import re
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Regex, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

from engine.errors import BadInput
from engine.models import wheel_folder
from engine.models.convert import to_transformers
from engine.models.export import write_gguf
from engine.models.families import FAMILIES, family_of, family_of_gguf
from engine.models.known import KNOWN, SMOLLM2, known_base
from engine.models.tokenizer import load_tokenizer, prompt_ids
from engine.models.vocabulary import PATTERNS
from engine.publish.parity import parity, runs_in_openvino, worst_tensor
from engine.settings import Settings
from tests.unit.test_models import TEXTS
from tests.unit.tiny_student import make_tokenizer, models_folder

ENGINE = Path(__file__).parents[2] / "engine"
SPLITS = {
    "llama": [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ],
    "qwen3": [
        pre_tokenizers.Split(Regex(PATTERNS["qwen2"]), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ],
}
MESSAGE = [{"role": "user", "content": "What is beta 123? It's 光合作用\n\n  done"}]


def make_model(folder, kind, **changes):
    """A random model whose norms and weights are large enough to be told apart."""
    tokenizer = make_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(SPLITS[kind])
    sizes = {
        "vocab_size": len(tokenizer) + 5,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "tie_word_embeddings": True,
    }
    sizes |= {"head_dim": 128} if kind == "qwen3" else {}  # what transformers' reader assumes
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(sizes | changes)))
    for name, weight in model.named_parameters():
        torch.nn.init.normal_(weight, float("norm" in name), 0.3 if "norm" in name else 0.15)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=sorted(SPLITS))
def pair(request, tmp_path_factory):
    """A model's folder, and its GGUF written from config and tokenizer alone."""
    folder = make_model(tmp_path_factory.mktemp(request.param) / "model", request.param)
    return folder, write_gguf(folder, folder / "own.gguf")


def logits(folder, **options):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    with torch.no_grad():
        return model(input_ids=torch.tensor([[5, 9, 20, 33, 7, 60]])).logits


def apart(one, other):
    return float((one - other).norm() / one.norm())


# ------------------------------------------------------------ one place


def test_only_its_own_file_and_the_list_of_bases_name_a_family():
    allowed = {"models/known.py", *(f"models/families/{p.name}" for p in (ENGINE / "models/families").glob("*.py"))}  # fmt: skip
    found = {
        str(path.relative_to(ENGINE))
        for path in ENGINE.rglob("*")
        if path.suffix in (".py", ".toml") and re.search("gemma", path.read_text("utf-8"), re.I)
    }
    assert found <= allowed, sorted(found - allowed)
    for family in FAMILIES:
        if family.name != "Gemma 3":
            own = [p for p in (ENGINE / "models/families").glob("*.py") if "gemma" in p.read_text()]
            assert {p.name for p in own} == {"__init__.py", "gemma3.py"}


def test_families_are_found_by_both_names():
    for family in FAMILIES:
        assert family_of(family.model_type) is family_of_gguf(family.architecture) is family
    assert family_of("gpt2") is None and family_of_gguf("falcon") is None
    assert all(own.family in FAMILIES for own in KNOWN)


# ------------------------------------------------------------ without a GGUF of the base


def test_transformers_own_reader_finds_the_same_model(pair):
    folder, file = pair
    assert apart(logits(folder), logits(folder, gguf_file=file.name)) < 0.05


def test_our_reader_finds_the_same_model_and_tokenizer(pair, tmp_path):
    folder, file = pair
    to_transformers(file, tmp_path / "back")
    assert apart(logits(folder), logits(tmp_path / "back")) < 0.05
    one, other = load_tokenizer(folder), load_tokenizer(tmp_path / "back")
    for text in [*TEXTS, "I'LL SAY 12345 don't\r\n x"]:
        assert one(text)["input_ids"] == other(text)["input_ids"], text
    for mark in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(one, mark) == getattr(other, mark), mark
    assert prompt_ids(one, MESSAGE) == prompt_ids(other, MESSAGE)


def test_openvino_answers_like_transformers(pair, tmp_path):
    folder, file = pair
    assert runs_in_openvino(file)
    report = parity(folder, file, settings=Settings(home=tmp_path), max_tokens=12)
    assert report.same_prompts and report.first == 1.0 and report.tensor_error < 0.01


def test_the_file_names_marks_sizes_and_unused_tokens(pair):
    folder, file = pair
    reader, tokenizer = gguf.GGUFReader(file), load_tokenizer(folder)

    def field(name):
        return reader.fields[name].contents()

    for mark, name in (("bos", "bos"), ("eos", "eos"), ("pad", "padding")):
        assert field(f"tokenizer.ggml.{name}_token_id") == getattr(tokenizer, f"{mark}_token_id")
    kinds, tokens = field("tokenizer.ggml.token_type"), field("tokenizer.ggml.tokens")
    assert len(tokens) == len(tokenizer) + 5 and kinds[:3] == [3, 3, 3] and kinds[-5:] == [5] * 5
    assert set(kinds[3:-5]) == {1}
    assert field("tokenizer.chat_template") == tokenizer.chat_template
    assert not field("tokenizer.ggml.add_bos_token")


def test_swapped_norms_of_queries_and_keys_are_found(tmp_path, monkeypatch):
    from engine.errors import WorkFailed
    from engine.models import export

    folder = make_model(tmp_path / "model", "qwen3")
    family = family_of("qwen3")
    right = type(family).gguf_name

    def swapped(self, name):
        found = right(self, name)
        if "_norm" in found and "attn_q" in found:
            return found.replace("attn_q", "attn_k")
        return found.replace("attn_k", "attn_q") if "attn_k_norm" in found else found

    monkeypatch.setattr(type(family), "gguf_name", swapped)
    file = export.write_gguf(folder, tmp_path / "wrong.gguf")
    with pytest.raises(WorkFailed) as caught:
        parity(folder, file, ["x"], settings=Settings(home=tmp_path), max_tokens=2)
    assert caught.value.code == "export.parity" and "norm" in caught.value.values["tensor"]


def test_an_own_head_is_written_and_read(tmp_path):
    folder = make_model(tmp_path / "model", "llama", tie_word_embeddings=False)
    file = write_gguf(folder, tmp_path / "own.gguf")
    assert "output.weight" in [tensor.name for tensor in gguf.GGUFReader(file).tensors]
    to_transformers(file, tmp_path / "back")
    assert apart(logits(folder), logits(tmp_path / "back")) < 0.05
    assert worst_tensor(folder, file)[1] < 0.01


def test_what_a_file_cannot_say_is_refused(tmp_path):
    rope = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    scaled = make_model(tmp_path / "scaled", "llama", rope_parameters=rope)
    with pytest.raises(BadInput, match="scaled"):
        write_gguf(scaled, tmp_path / "out.gguf")
    strange = make_model(tmp_path / "strange", "qwen3")
    described = json.loads((strange / "tokenizer.json").read_text())
    described["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\p{L}+"
    (strange / "tokenizer.json").write_text(json.dumps(described))
    with pytest.raises(BadInput) as caught:
        write_gguf(strange, tmp_path / "out.gguf")
    assert caught.value.code == "export.tokenizer" and caught.value.next
    other = make_model(tmp_path / "other", "llama")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}))
    with pytest.raises(BadInput, match="mistral"):
        write_gguf(other, tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


def test_norms_are_stored_as_llama_cpp_stores_them(tmp_path):
    """Read back by hand: two mistakes that undo each other would pass a round trip."""
    from safetensors.torch import load_file

    from tests.unit.test_bases import make_arch

    folder = make_arch(tmp_path / "model", "gemma3_text")
    weights = load_file(folder / "model.safetensors")
    weights = {name: w + 0.3 if "norm" in name else w for name, w in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    source = gguf.GGUFWriter(tmp_path / "base.gguf", "gemma3")
    for name, values in weights.items():
        source.add_tensor(family_of("gemma3_text").gguf_name(name), values.numpy())
    source.write_header_to_file()
    source.write_kv_data_to_file()
    source.write_tensors_to_file()
    source.close()
    file = write_gguf(folder, tmp_path / "out.gguf", tmp_path / "base.gguf")
    norms = [t for t in gguf.GGUFReader(file).tensors if t.name.endswith("norm.weight")]
    assert len(norms) == 2 * 6 + 1
    for tensor in norms:
        name = family_of("gemma3_text").transformers_name(tensor.name)
        assert tensor.data == pytest.approx(weights[name].numpy() + 1, abs=1e-6)


@pytest.mark.parametrize("named", ["GPT2Tokenizer", "PreTrainedTokenizerFast"])
def test_texts_are_split_as_the_file_says_whatever_class_it_names(tmp_path, named):
    from tokenizers import Tokenizer

    folder = make_model(tmp_path / "model", "llama")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": named}))
    described = json.loads((folder / "tokenizer.json").read_text())
    described["model"]["merges"].append(["1", "2"])
    described["model"]["vocab"]["12"] = len(described["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(described))
    stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = "What is 12? 光合 don't"
    assert load_tokenizer(folder)(text)["input_ids"] == stored.encode(text).ids
    file = write_gguf(folder, tmp_path / "own.gguf")
    assert gguf.GGUFReader(file).fields["tokenizer.ggml.pre"].contents() == "smollm"


# ------------------------------------------------------------ the real ones


@pytest.mark.slow
@pytest.mark.parametrize("base", [own.facts.id for own in KNOWN if own.source])
def test_a_written_file_has_the_metadata_of_the_original(base, tmp_path):
    """The official converter's file against ours, made from the folder alone."""
    settings, own = Settings(home=models_folder()), known_base(base)
    if base != SMOLLM2 and not (settings.models / own.source.file).exists():
        pytest.skip(f"{own.source.file} (238 MB) is not in {settings.models}")
    folder = wheel_folder(own, settings)
    file = write_gguf(folder, tmp_path / "own.gguf")
    mine, theirs = gguf.GGUFReader(file), gguf.GGUFReader(settings.models / own.source.file)
    assert {t.name for t in mine.tensors} == {t.name for t in theirs.tensors}
    leave = {"tokenizer.ggml.scores", "tokenizer.ggml.padding_token_id", "tokenizer.ggml.add_sep_token"}  # fmt: skip
    for name, field in theirs.fields.items():
        if (
            name.startswith((f"{own.family.architecture}.", "tokenizer.ggml."))
            and name not in leave
        ):
            if name.endswith("add_eos_token"):
                continue
            assert mine.fields[name].contents() == field.contents(), name
            assert mine.fields[name].types == field.types, name
    if base != SMOLLM2:  # the way back is tested on small models of each family
        return
    to_transformers(file, tmp_path / "back")
    one, other = load_tokenizer(folder), load_tokenizer(tmp_path / "back")
    for text in TEXTS:
        assert one(text)["input_ids"] == other(text)["input_ids"], text
    assert apart(logits(folder), logits(tmp_path / "back")) < 0.05
