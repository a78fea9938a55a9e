"""Bases: what is refused, what is known beforehand, and that every architecture trains and answers."""

import json
import shutil

import pytest
import torch

from engine.errors import BadAnswer, BadInput, Missing, WorkFailed
from engine.llm import Request, ask_one, user
from engine.llm.local import Local
from engine.models import bases, hub
from engine.models.bases import QWEN, SMOLLM2, facts, pending_terms, recommended, size_by_name
from engine.models.folder import check_folder, licence_of, parameters_of
from engine.models.known import GEMMA
from engine.models.tokenizer import PLAIN_TEMPLATE, load_tokenizer, prompt_ids
from engine.progress import silent
from engine.settings import Settings
from engine.train import TrainingRow, estimate, train
from engine.train.recipe import Recipe
from engine.train.rows import encode
from engine.train.student import PACKED, PackedStudent, PaddedStudent, load_student
from tests.unit.tiny_student import make_base, make_recipe, make_rows, make_tokenizer

ROWS = make_rows(24)


def make_arch(folder, kind):
    """A random model of that architecture with our small tokenizer."""
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = make_tokenizer()
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    if kind == "gemma3_text":
        sizes |= {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
    if kind == "gpt2":
        sizes = {"vocab_size": len(tokenizer), "n_embd": 64, "n_layer": 2, "n_head": 4}
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def copy(base, tmp_path):
    return shutil.copytree(base, tmp_path / "copy")


# ------------------------------------------------------------ folders


def test_a_good_folder_passes(base, tmp_path):
    assert check_folder(base) == base
    settings = Settings(home=tmp_path)
    assert bases.base_folder(str(base), settings) == base
    known = facts(str(base), settings)
    model_size = sum(p.numel() for p in _load(base).parameters())
    assert known.parameters == model_size and known.download == 0 and known.measured


def _load(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def _change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _only_pickles(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _no_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


SPOILED = {
    "base.pickle": _only_pickles,
    "base.weights": lambda f: (f / "model.safetensors").unlink(),
    "base.tokenizer": _no_tokenizer,
    "base.quantised": lambda f: _change_config(f, quantization_config={"bits": 4}),
    "base.code": lambda f: _change_config(f, auto_map={"AutoModel": "evil.Model"}),
    "base.kind": lambda f: _change_config(f, architectures=["BertModel"]),
    "base.config": lambda f: (f / "config.json").write_text("{"),
    "train.base": lambda f: (f / "config.json").unlink(),
}


@pytest.mark.parametrize("code", SPOILED)
def test_a_bad_folder_says_why(copy, tmp_path, code):
    SPOILED[code](copy)
    with pytest.raises((BadInput, Missing)) as caught:
        bases.base_folder(str(copy), Settings(home=tmp_path))
    assert caught.value.code == code and caught.value.next


def test_a_damaged_weight_file_is_told(copy, tmp_path):
    (copy / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(BadInput) as caught:
        parameters_of(copy)
    assert caught.value.code == "base.damaged"


def test_licence_is_read_from_the_card(copy):
    assert licence_of(copy) == ""
    (copy / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    assert licence_of(copy) == "apache-2.0"


# ------------------------------------------------------------ names, terms, the hub


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Qwen/Qwen3-0.6B", 600_000_000),
        ("google/gemma-3-270m-it", 270_000_000),
        ("meta-llama/Llama-3.2-1B-Instruct", 1_000_000_000),
        ("someone/model", 500_000_000),
        ("someone/b4b-base", 500_000_000),
    ],
)
def test_sizes_are_guessed_by_name(name, wanted):
    assert size_by_name(name) == wanted


def test_what_is_known_without_fetching(tmp_path):
    settings = Settings(home=tmp_path)
    assert recommended("en") == SMOLLM2 and recommended("zh") == GEMMA
    assert facts(SMOLLM2, settings).download > 9e7
    (settings.models / "SmolLM2-135M-Instruct").mkdir(parents=True)
    assert facts(SMOLLM2, settings).download == 0
    assert "zh" in facts(QWEN, settings).languages
    assert not facts("someone/new-3B", settings).measured
    for wrong in ("/nowhere/at/all", "./x/y", "one/two/three", "word", ""):
        with pytest.raises(Missing) as caught:
            facts(wrong, settings)
        assert caught.value.code == "train.base"


def test_larger_bases_need_more(tmp_path):
    settings = Settings(home=tmp_path)
    small, large = (
        estimate(ROWS, Recipe(base=b), settings) for b in (SMOLLM2, "meta-llama/Llama-3.1-8B")
    )
    assert large.memory_gib > small.memory_gib + 10 and large.minutes[1] > 5 * small.minutes[1]


def test_gemma_is_not_fetched_before_its_terms_are_accepted(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path)
    asked = []
    monkeypatch.setattr(bases, "wheel_folder", lambda *_: asked.append(1) or tmp_path)
    monkeypatch.setattr(bases, "fetch", lambda *_: asked.append(1) or tmp_path)
    for get in (bases.base_folder, bases.base_gguf):
        with pytest.raises(BadInput) as caught:
            get(GEMMA, settings)
        assert caught.value.code == "model.terms" and "--accept-terms" in caught.value.next
    assert not asked and pending_terms(GEMMA, settings).startswith("https://")
    bases.accept_terms(GEMMA, settings)
    assert not pending_terms(GEMMA, settings) and not pending_terms(SMOLLM2, settings)
    assert bases.base_folder(GEMMA, settings) == tmp_path and asked


def test_the_hub_says_what_is_wrong(monkeypatch, tmp_path):
    import httpx
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    monkeypatch.setattr(hub, "cached_folder", lambda *_: None)
    reply = httpx.Response(403, request=httpx.Request("GET", "https://hub.example"))
    for error, code, kind in (
        (ConnectionError("Name or service not known"), "hub.unreachable", WorkFailed),
        (GatedRepoError("gated", response=reply), "hub.gated", WorkFailed),
        (RepositoryNotFoundError("404", response=reply), "hub.missing", Missing),
    ):

        def fails(*_, error=error, **__):
            raise error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
        with pytest.raises(kind) as caught:
            bases.base_folder(QWEN, Settings(home=tmp_path))
        assert caught.value.code == code and QWEN in caught.value.message + caught.value.next


def test_a_fetched_model_is_checked_and_found_again(monkeypatch, tmp_path, base):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(hub, "cached_folder", lambda *_: None)
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **given: asked.append(given) or str(base)
    )
    assert bases.base_folder("owner/tiny", Settings(home=tmp_path)) == base
    patterns = asked[0]["allow_patterns"]
    assert "*.safetensors" in patterns and not any("bin" in p or p == "*" for p in patterns)
    assert hub.cached_folder("owner/never-fetched") is None


# ------------------------------------------------------------ architectures


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_packed_loss_equals_the_plain_one(tmp_path, kind):
    """Rows longer than the sliding window, and equal beginnings, are what packing could break."""
    folder = make_arch(tmp_path / kind, kind)
    student = load_student(folder, make_recipe(folder))
    assert isinstance(student, PackedStudent)
    rows = encode(ROWS[:7], student.tokenizer, 256).rows
    student.model.eval()
    plain = PaddedStudent(_load(folder).eval(), student.tokenizer, "cpu", "float32")
    one, other = student.loss(rows), plain.loss(rows)
    assert float(one[0].detach()) == pytest.approx(float(other[0].detach()), rel=1e-4)


def test_another_architecture_is_padded_and_learns(tmp_path):
    folder = make_arch(tmp_path / "gpt2", "gpt2")
    assert isinstance(load_student(folder, make_recipe(folder)), PaddedStudent)
    recipe = make_recipe(folder, epochs=3)
    home = Settings(home=tmp_path / "home")
    result = train(ROWS, ROWS[:6], recipe, tmp_path / "run", settings=home, report=silent)
    assert result.val_loss < result.curve[0].val_loss


# ------------------------------------------------------------ templates


def test_a_base_that_cannot_chat_gets_a_plain_template(copy):
    path = copy / "chat_template.jinja"
    if path.exists():
        path.unlink()
    config = json.loads((copy / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(copy)
    assert tokenizer.chat_template == PLAIN_TEMPLATE
    [row] = encode([TrainingRow(question="What is beta?", answer="It is mu.")], tokenizer, 200).rows
    assert tokenizer.decode(list(row.ids[: row.start])).endswith("Q: What is beta?\nA:\n")
    assert tokenizer.decode(list(row.ids[row.start :])) == "It is mu.<|im_end|>"


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}"
    "<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)


def test_a_thinking_base_answers_at_once(copy):
    """As Qwen3's own template: the empty thought belongs to the prompt, and is not learned."""
    tokenizer = load_tokenizer(copy)
    tokenizer.chat_template = THINKING
    tokenizer.save_pretrained(copy)
    tokenizer = load_tokenizer(copy)
    [row] = encode([TrainingRow(question="Q?", answer="It is mu.")], tokenizer, 200).rows
    assert tokenizer.decode(list(row.ids[row.start :])) == "It is mu.<|im_end|>"
    asked = tokenizer.decode(prompt_ids(tokenizer, [{"role": "user", "content": "Q?"}]))
    assert asked.endswith("</think>\n\n")
    tokenizer.save_pretrained(copy)
    assert load_tokenizer(copy).chat_template == tokenizer.chat_template, "told once only"


# ------------------------------------------------------------ answering through transformers


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A Qwen3 whose every weight has learned the rows by heart."""
    torch.set_num_threads(1)  # a few thousand weights: more threads only wait for each other
    folder = make_arch(tmp_path_factory.mktemp("taught") / "merged", "qwen3")
    model, tokenizer = _load(folder), load_tokenizer(folder)
    student = PaddedStudent(model.train(), tokenizer, "cpu", "float32")
    rows = encode(ROWS, tokenizer, 256).rows
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss, _ = student.loss(rows)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(loss.detach()) < 0.1
    model.save_pretrained(folder)
    return folder


def ask(row, **changes):
    given = {"max_tokens": 40} | changes
    return Request(messages=user(row.question), **given)


def test_answers_in_batches_equal_single_and_streamed_ones(taught, tmp_path):
    chat = Local(Settings(home=tmp_path), taught, batch=4)
    together = dict(chat.ask([ask(row) for row in ROWS[:9]]))
    assert sorted(together) == list(range(9))
    right = sum(together[i].text == ROWS[i].answer for i in range(9))
    assert right >= 6
    for i in range(3):
        assert ask_one(chat, ask(ROWS[i])).text == together[i].text
        assert "".join(chat.stream(ask(ROWS[i]))) == together[i].text
    assert together[0].prompt_tokens > 5 and together[0].completion_tokens > 1


def test_cut_and_long_and_warm_answers(taught, tmp_path):
    chat = Local(Settings(home=tmp_path), taught, context=64)
    with pytest.raises(BadAnswer) as caught:
        ask_one(chat, ask(ROWS[6], max_tokens=2))
    assert caught.value.code == "teacher.length"
    assert ask_one(chat, ask(ROWS[6], max_tokens=2, may_be_cut=True)).completion_tokens == 2
    long = TrainingRow(question="What is beta? " * 40, answer="x")
    with pytest.raises(BadAnswer) as caught:
        ask_one(chat, ask(long))
    assert caught.value.code == "teacher.too_long"
    warm = [ask_one(chat, ask(ROWS[1], temperature=2.0, seed=s, may_be_cut=True)) for s in (1, 1)]
    assert warm[0].text == warm[1].text


def test_the_name_follows_the_weights(taught, base, tmp_path):
    settings = Settings(home=tmp_path)
    assert Local(settings, taught).model == Local(settings, taught).model
    assert Local(settings, taught).model != Local(settings, base).model
    with pytest.raises(Missing):
        Local(settings, tmp_path)


# ------------------------------------------------------------ Gemma's own conversion


def test_gemma_survives_the_way_to_gguf_and_back(tmp_path):
    """Norms that llama.cpp stores plus one, names, tokenizer: the logits are the same in the end."""
    import gguf

    from engine.models.convert import to_transformers
    from engine.models.export import write_gguf
    from engine.models.families import GEMMA3
    from engine.publish.parity import runs_in_openvino, worst_tensor

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{n:02X}>" for n in range(256))]
    words = ["▁", *"abcdeiklmnprstuw光合作用", "in", "it", "▁i", "▁it", "光合", "作用", "光合作用"]
    folder = make_gemma(tmp_path / "first", len(pieces) + len(words))
    base = gguf.GGUFWriter(tmp_path / "base.gguf", "gemma3")
    config = json.loads((folder / "config.json").read_text())
    base.add_embedding_length(config["hidden_size"])
    base.add_feed_forward_length(config["intermediate_size"])
    base.add_block_count(config["num_hidden_layers"])
    base.add_head_count(config["num_attention_heads"])
    base.add_head_count_kv(config["num_key_value_heads"])
    base.add_key_length(config["head_dim"])
    base.add_context_length(config["max_position_embeddings"])
    base.add_layer_norm_rms_eps(config["rms_norm_eps"])
    base.add_sliding_window(config["sliding_window"])
    base.add_tokenizer_model("llama")
    base.add_token_list([*pieces, *words])
    base.add_token_scores([-1000.0] * len(pieces) + [-1.0 * n for n in range(len(words))])
    base.add_token_types([3] * 4 + [6] * 256 + [1] * len(words))
    base.add_bos_token_id(2), base.add_eos_token_id(1), base.add_pad_token_id(0)
    _add_tensors(base, folder, GEMMA3.layer_tensors)
    out = write_gguf(folder, tmp_path / "student.gguf", tmp_path / "base.gguf")
    assert worst_tensor(folder, out)[1] < 0.01 and not runs_in_openvino(out)
    to_transformers(out, tmp_path / "second")
    ids = torch.tensor([[2, 265, 270, 280, 284]])
    one, other = (_load(tmp_path / f)(input_ids=ids).logits for f in ("first", "second"))
    assert float(((one - other).norm() / one.norm()).detach()) < 0.03  # Q8_0 and bfloat16
    tokenizer = load_tokenizer(tmp_path / "second")
    ids = tokenizer("光合作用 it is 𠮷")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids)[:3] == ["<bos>", "光合作用", "▁it"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "光合作用 it is 𠮷"
    assert prompt_ids(tokenizer, [{"role": "user", "content": "it"}]).count(2) == 1
    written = gguf.GGUFReader(out)
    assert written.fields["tokenizer.ggml.tokens"].contents() == [*pieces, *words]


def test_a_merged_model_of_terms_carries_their_notice(tmp_path):
    from peft import LoraConfig, get_peft_model

    from engine.publish.merge import merge

    for kind, wanted in (("gemma3_text", True), ("qwen3", False)):
        folder = make_arch(tmp_path / kind, kind)
        tuned = get_peft_model(_load(folder), LoraConfig(r=2, target_modules=["q_proj"]))
        tuned.save_pretrained(tmp_path / f"{kind}-adapter")
        merged = merge(folder, tmp_path / f"{kind}-adapter", tmp_path / f"{kind}-merged")
        assert (merged / "NOTICE").exists() == wanted


def make_gemma(folder, vocabulary):
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(5)
    config = Gemma3TextConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        query_pre_attn_scalar=32,
        max_position_embeddings=256,
        sliding_window=32,
    )
    model = Gemma3ForCausalLM(config)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


def _add_tensors(writer, folder, layers):
    """The model's tensors under the GGUF's names, as llama.cpp stores them."""
    from safetensors.torch import load_file

    back = {theirs: ours for ours, theirs in layers.items()}
    for name, values in load_file(folder / "model.safetensors").items():
        if "embed_tokens" in name:
            own = "token_embd.weight"
        elif name == "model.norm.weight":
            own = "output_norm.weight"
        else:
            _, _, layer, *part, _ = name.split(".")
            own = f"blk.{layer}.{back['.'.join(part)]}.weight"
        plus = 1 if "norm" in name else 0
        writer.add_tensor(own, (values.float() + plus).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
